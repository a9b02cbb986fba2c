package phone

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Console prints what an SMS would carry: for trying out, on one machine.
type Console struct{ Out io.Writer }

// Send prints the code.
func (s Console) Send(_ context.Context, number, code string) error {
	_, err := fmt.Fprintf(s.Out, "SMS to %s: your code is %s\n", number, code)
	return err
}

// File appends one JSON line for each message to a file that another program reads.
type File struct {
	mu   sync.Mutex
	file *os.File
}

// OpenFile opens or makes the file, readable by its owner alone.
func OpenFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("SMS file: %w", err)
	}
	return &File{file: f}, nil
}

// Send appends the message: one line, one write.
func (s *File) Send(_ context.Context, number, code string) error {
	line, err := json.Marshal(map[string]string{"to": number, "code": code, "at": time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.file.Write(append(line, '\n'))
	return err
}

// Close closes the file.
func (s *File) Close() error { return s.file.Close() }

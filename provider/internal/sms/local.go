package sms

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// console prints what an SMS would carry: for trying out, on one machine.
type console struct{ out io.Writer }

func (s console) send(_ context.Context, m message) error {
	_, err := fmt.Fprintf(s.out, "SMS to %s: your code is %s\n", m.To, m.Code)
	return err
}

func (console) close() error { return nil }

// file appends one JSON line for each message to a file that another program reads.
type file struct {
	mu   sync.Mutex
	file *os.File
}

// openFile opens or makes the file, readable by its owner alone.
func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("SMS file: %w", err)
	}
	return &file{file: f}, nil
}

// send appends the message: one line, one write.
func (s *file) send(_ context.Context, m message) error {
	line, err := json.Marshal(struct {
		message
		At string `json:"at"`
	}{m, time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.file.Write(append(line, '\n'))
	return err
}

func (s *file) close() error { return s.file.Close() }

package phone

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// The files of a home folder. Key and state are one file each, so that one rename replaces both together.
const (
	enrolledFile = "phone.json"
	pendingFile  = "pending.json" // an enrolment that waits for its code
)

const maxRecord = 64 << 10 // bytes

// record is what a home folder keeps.
type record struct {
	Issuer     string    `json:"issuer"`
	Number     string    `json:"phone_number"`
	Key        []byte    `json:"key"` // PKCS #8
	Enrollment string    `json:"enrollment_id,omitempty"`
	Expires    time.Time `json:"expires,omitzero"` // of the enrolment
	PIN        *pinHash  `json:"pin,omitempty"`
	Bill       *Bill     `json:"bill,omitempty"` // of the last order that was approved, until it is paid
}

func (r *record) key() (*ecdsa.PrivateKey, error) {
	k, err := x509.ParsePKCS8PrivateKey(r.Key)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("device key: not an elliptic-curve key")
	}
	return key, nil
}

// load reads a record. A missing file is ErrNotEnrolled.
func load(home, name string) (*record, error) {
	path := filepath.Join(home, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotEnrolled
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// Whoever can read the key is this phone. Windows has no such mode bits.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s holds a private key and other users may read it (mode %04o); run: chmod 600 %s", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return nil, err
	}
	r := new(record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// update changes what an enrolled phone's folder keeps.
func update(home string, change func(*record) error) error {
	r, err := load(home, enrolledFile)
	if err != nil {
		return err
	}
	if err := change(r); err != nil {
		return err
	}
	return save(home, enrolledFile, r)
}

// save replaces a record as a whole, or leaves the old one: whatever happens, no half of a key is ever there.
func save(home, name string, r *record) (err error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(home, "."+name+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(home, name))
}

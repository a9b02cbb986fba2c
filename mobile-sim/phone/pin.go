package phone

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
)

// What is wrong with a PIN.
var (
	ErrNoPIN     = errors.New("this phone has no PIN")
	ErrPINWrong  = errors.New("that is not this phone's PIN")
	ErrPINLocked = fmt.Errorf("the PIN was wrong %d times in a row: enrol this phone again", maxMisses)
	ErrPINForm   = errors.New("a PIN is 4 to 12 digits")
)

// maxMisses in a row lock a PIN, until the phone is enrolled anew: nobody guesses one of four digits in so few tries.
const maxMisses = 10

// rounds is what OWASP's Password Storage Cheat Sheet asks for PBKDF2 with SHA-256: a fifth of a second for each guess of whoever has
// read the file. Four digits are tried out within the hour all the same; the hash keeps a PIN that is used elsewhere, too, from being
// read at a glance. The key beside it needs no PIN: what protects it is the mode of the file.
const rounds = 600_000

var pinForm = regexp.MustCompile(`^[0-9]{4,12}$`)

// pinHash is a PIN as it is kept.
type pinHash struct {
	Salt   []byte `json:"salt"`
	Rounds int    `json:"rounds"`
	Hash   []byte `json:"hash"`
	Misses int    `json:"misses,omitempty"` // in a row
}

func hashPIN(pin string, salt []byte, rounds int) ([]byte, error) {
	return pbkdf2.Key(sha256.New, pin, salt, rounds, sha256.Size)
}

// HasPIN tells whether the phone in a home folder has one.
func HasPIN(home string) (bool, error) {
	r, err := load(home, enrolledFile)
	return err == nil && r.PIN != nil, err
}

// SetPIN gives the phone in a home folder a PIN, which orders are approved with, in place of an earlier one. Its caller has asked for
// that one first ([CheckPIN]). A phone that is enrolled anew has none.
func SetPIN(home, pin string) error {
	if !pinForm.MatchString(pin) {
		return ErrPINForm
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	hash, err := hashPIN(pin, salt, rounds)
	if err != nil {
		return err
	}
	return update(home, func(r *record) error {
		r.PIN = &pinHash{Salt: salt, Rounds: rounds, Hash: hash}
		return nil
	})
}

// CheckPIN returns nil for the PIN of the phone in a home folder, and otherwise ErrPINWrong, ErrNoPIN or ErrPINLocked. A miss is
// counted before it is known to be one, so that whoever ends the program gains no try.
func CheckPIN(home, pin string) error {
	var kept pinHash
	err := update(home, func(r *record) error {
		switch {
		case r.PIN == nil:
			return ErrNoPIN
		case r.PIN.Misses >= maxMisses:
			return ErrPINLocked
		case !pinForm.MatchString(pin):
			return ErrPINWrong // a slip, and no guess
		}
		r.PIN.Misses++
		kept = *r.PIN
		return nil
	})
	if err != nil {
		return err
	}
	hash, err := hashPIN(pin, kept.Salt, kept.Rounds)
	switch {
	case err != nil:
		return err
	case subtle.ConstantTimeCompare(hash, kept.Hash) == 1:
		return update(home, func(r *record) error {
			if r.PIN == nil {
				return ErrNoPIN
			}
			r.PIN.Misses = 0
			return nil
		})
	case kept.Misses == maxMisses:
		return ErrPINLocked
	}
	return ErrPINWrong
}

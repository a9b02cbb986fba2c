package challenge

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"
)

// codeEncoding is base32 in upper case: a QR code stores it in fewer modules than lower case or base64.
var codeEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// ID is the public name of a challenge: 128 random bits. It is in the QR code and gets nobody anything.
type ID [16]byte

// idLen is how long a written id is.
const idLen = 26

// NewID makes an id. Only the provider makes ids; none is ever taken from outside (SECURITY.md §1.3, §1.4).
func NewID() ID {
	var id ID
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return id
}

// ParseID reads what [ID.String] wrote, and nothing else: a second spelling of an id would be a second key to it.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != idLen {
		return ID{}, ErrNotFound
	}
	_, err := codeEncoding.Decode(id[:], []byte(s))
	if text := id.text(); err != nil || string(text[:]) != s {
		return ID{}, ErrNotFound
	}
	return id, nil
}

// String is the id as it stands in QR codes and paths: 26 characters of upper-case base32.
func (id ID) String() string {
	text := id.text()
	return string(text[:])
}

func (id ID) text() (text [idLen]byte) {
	codeEncoding.Encode(text[:], id[:])
	return text
}

// Hash names the id where the id itself must not stay: store keys, tombstones, the login row.
func (id ID) Hash() Hash { return sha256.Sum256(id[:]) }

// MarshalText is [ID.String], so that records encode.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is [ParseID]. A tombstone's id is all zeroes.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// Hash is SHA-256 over a secret or an id. The secrets are 256 random bits, so a plain hash cannot be searched.
type Hash [sha256.Size]byte

// HashOf hashes a string, which may be in parts.
func HashOf(parts ...string) Hash {
	var room [128]byte // what is hashed is seldom longer, and is not copied to the heap then
	b := room[:0]
	for _, s := range parts {
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// Matches tells in constant time whether s is what was hashed.
func (h Hash) Matches(s string) bool {
	other := HashOf(s)
	return subtle.ConstantTimeCompare(h[:], other[:]) == 1
}

// String is the hash in base64url.
func (h Hash) String() string { return base64.RawURLEncoding.EncodeToString(h[:]) }

// MarshalText is [Hash.String], so that records encode.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return fmt.Errorf("challenge: not a hash: %d characters", len(text))
	}
	copy(h[:], raw)
	return nil
}

// NewSecret makes 256 random bits, as 43 characters of base64url.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Capability is a secret that carries the id of its challenge: a device_code or a watch capability. Written, it is
// "<id>.<secret>", so that a store needs one key per challenge and no index over secrets.
type Capability struct {
	ID     ID
	Secret string
}

// ParseCapability reads "<id>.<secret>".
func ParseCapability(s string) (Capability, error) {
	name, secret, found := strings.Cut(s, ".")
	if !found || len(secret) != 43 {
		return Capability{}, ErrNotFound
	}
	id, err := ParseID(name)
	return Capability{ID: id, Secret: secret}, err
}

// String is the capability in full: a secret, never to be logged.
func (c Capability) String() string { return c.ID.String() + "." + c.Secret }

// userCodeAlphabet has no vowels (no words), and nothing that is easily misread (RFC 8628 §6.1).
const userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

// NewUserCode makes a code to be typed: eight letters of an alphabet of 20, 34.5 bits, in two groups.
func NewUserCode() string {
	code := make([]byte, 0, 9)
	var random [16]byte
	for i := 0; len(code) < cap(code); i++ {
		if i%len(random) == 0 {
			_, _ = rand.Read(random[:]) // never fails (crypto/rand)
		}
		if len(code) == 4 {
			code = append(code, '-')
		}
		// 240 is the largest multiple of 20 in a byte: a letter past it would be likelier than the others.
		if b := random[i%len(random)]; b < 240 {
			code = append(code, userCodeAlphabet[b%20])
		}
	}
	return string(code)
}

// ParseUserCode normalises what a person typed: case, spaces and punctuation do not matter (RFC 8628 §6.1). It answers
// [ErrCodeUnknown] for what cannot be a user code.
func ParseUserCode(typed string) (string, error) {
	code := make([]byte, 0, 9)
	for _, r := range strings.ToUpper(typed) {
		switch {
		case r == ' ' || r == '-' || r == '.' || r == '_':
		case r < 128 && strings.IndexByte(userCodeAlphabet, byte(r)) >= 0 && len(code) < 9:
			if len(code) == 4 {
				code = append(code, '-')
			}
			code = append(code, byte(r))
		default:
			return "", ErrCodeUnknown
		}
	}
	if len(code) != 9 {
		return "", ErrCodeUnknown
	}
	return string(code), nil
}

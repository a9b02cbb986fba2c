package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// Numbers is how phone numbers lie at rest: found by a keyed hash, read by who has the key (SECURITY.md §5). A plain hash would hide
// nothing, since there are few enough numbers to try them all.
type Numbers struct {
	hashKey []byte
	aead    cipher.AEAD
}

// NewNumbers makes it of a secret of 32 random bytes, which never changes.
func NewNumbers(secret []byte) (*Numbers, error) {
	hashKey, err := hkdf.Key(sha256.New, secret, nil, "qrlogin number hash", 32)
	if err != nil {
		return nil, err
	}
	sealKey, err := hkdf.Key(sha256.New, secret, nil, "qrlogin number seal", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Numbers{hashKey, aead}, err
}

// Hash is by what the account of a number is found.
func (n *Numbers) Hash(number string) []byte {
	h := hmac.New(sha256.New, n.hashKey)
	h.Write([]byte(number))
	return h.Sum(nil)
}

// Seal makes of a number what is stored of it. It opens for this account alone.
func (n *Numbers) Seal(account, number string) []byte {
	return n.aead.Seal(nil, nil, []byte(number), []byte(account)) //nolint:gosec // it makes a random nonce and puts it before
}

// Open reads what was sealed.
func (n *Numbers) Open(account string, sealed []byte) (string, error) {
	number, err := n.aead.Open(nil, nil, sealed, []byte(account))
	if err != nil {
		return "", fmt.Errorf("identity: the number of an account does not open: %w", err)
	}
	return string(number), nil
}

package app

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
)

// minMasterKey is 256 bits, if they are as random as they should be.
const minMasterKey = 32

// What a master key is refused for.
var (
	errNoMasterKey    = errors.New("the keys in the database are sealed: the master key is missing (--master-key or QRLOGIN_MASTER_KEY)")
	errWrongMasterKey = errors.New("the master key is not the one that the keys in the database are sealed under")
)

// masterKey seals keys for the database. nil seals nothing.
type masterKey struct{ aead cipher.AEAD }

// openMasterKey reads what [Config.MasterKey] says.
func openMasterKey(spec string) (*masterKey, error) {
	if spec == "" {
		return nil, nil //nolint:nilnil // nil seals nothing
	}
	secret, what := spec, "the master key"
	if path, ok := strings.CutPrefix(spec, "file:"); ok {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
		secret, what = string(content), what+" in "+path
	}
	secret = strings.TrimSpace(secret) // an editor ends a file with a line break
	if len(secret) < minMasterKey {
		return nil, fmt.Errorf("%s is shorter than %d characters; make one with: openssl rand -base64 32", what, minMasterKey)
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "qrlogin signing keys", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &masterKey{aead}, err
}

// sealedMark begins what is sealed. PKCS #8 begins with 0x30.
const sealedMark = 1

func isSealed(stored []byte) bool { return len(stored) > 0 && stored[0] == sealedMark }

// seal makes of a private key what is stored of it. It opens for the key of this id alone.
func (m *masterKey) seal(id string, pkcs8 []byte) []byte {
	if m == nil {
		return pkcs8
	}
	return m.aead.Seal([]byte{sealedMark}, nil, pkcs8, []byte(id)) //nolint:gosec // it makes a random nonce and puts it before
}

// open reads what is stored of a private key, sealed or not.
func (m *masterKey) open(id string, stored []byte) ([]byte, error) {
	if !isSealed(stored) {
		return stored, nil
	}
	if m == nil {
		return nil, errNoMasterKey
	}
	pkcs8, err := m.aead.Open(nil, nil, stored[1:], []byte(id))
	if err != nil {
		return nil, errWrongMasterKey
	}
	return pkcs8, nil
}

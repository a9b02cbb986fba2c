package challenge

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// Seal encrypts what a store keeps for the holder of a secret that the store does not have. purpose names the use, so that
// what was sealed for one opens for no other.
func Seal(secret, purpose string, plain []byte) ([]byte, error) {
	aead, err := sealer(secret, purpose)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, nil), nil //nolint:gosec // it makes a random nonce itself
}

// Open decrypts what [Seal] encrypted; an error tells no more than that it did not.
func Open(secret, purpose string, sealed []byte) ([]byte, error) {
	aead, err := sealer(secret, purpose)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, errors.New("challenge: not sealed under this secret")
	}
	return plain, nil
}

func sealer(secret, purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "qrlogin "+purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

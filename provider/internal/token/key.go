package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api/proof"
)

// Key is a signing key.
type Key struct {
	ID      string // thumbprint (RFC 7638): kid
	Private *ecdsa.PrivateKey
}

// NewKey makes a P-256 key.
func NewKey() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("token: new signing key: %w", err)
	}
	return Key{ID: proof.Thumbprint(&private.PublicKey), Private: private}, nil
}

// MarshalKey writes a key as PKCS #8.
func MarshalKey(k Key) ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.Private) }

// ParseKey reads what [MarshalKey] wrote.
func ParseKey(pkcs8 []byte) (Key, error) {
	any, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return Key{}, fmt.Errorf("token: signing key: %w", err)
	}
	private, ok := any.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return Key{}, errors.New("token: signing key is not P-256")
	}
	return Key{ID: proof.Thumbprint(&private.PublicKey), Private: private}, nil
}

// marshalSet writes the public halves as a JWK set.
func marshalSet(keys []Key) ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &k.Private.PublicKey, KeyID: k.ID, Algorithm: "ES256", Use: "sig"})
	}
	return json.Marshal(set)
}

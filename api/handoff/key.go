package handoff

import (
	"crypto"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
)

// ErrKey says that a key is no P-256 public key.
var ErrKey = errors.New("handoff: the key is no P-256 public key")

// Thumbprint is the SHA-256 thumbprint of a page's key (RFC 7638), in base64url, as it stands behind the # of the page's code.
func Thumbprint(key api.HandoffKey) (string, error) {
	jwk, err := read(key)
	if err != nil {
		return "", err
	}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", ErrKey
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// read takes a key that is on the curve, and no other.
func read(key api.HandoffKey) (jose.JSONWebKey, error) {
	var jwk jose.JSONWebKey
	raw, err := json.Marshal(key)
	if err != nil || jwk.UnmarshalJSON(raw) != nil || !jwk.Valid() || !jwk.IsPublic() {
		return jwk, ErrKey
	}
	if public, ok := jwk.Key.(interface {
		ECDH() (*ecdh.PublicKey, error)
	}); !ok {
		return jwk, ErrKey
	} else if point, err := public.ECDH(); err != nil || point.Curve() != ecdh.P256() {
		return jwk, ErrKey
	}
	return jwk, nil
}

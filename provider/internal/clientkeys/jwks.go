package clientkeys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 20 // of a set: an assertion without a kid is tried with each
	minRSABits = 2048
)

// Algorithms is what an assertion may be signed with: neither none nor a symmetric one (RFC 8725 §3.1).
var Algorithms = []string{"ES256", "ES384", "RS256", "PS256", "EdDSA"}

// key is a public key for signatures.
type key struct {
	id     string // kid, "" for none
	alg    string // the only algorithm that it is for, "" for any that fits
	public crypto.PublicKey
}

// algorithmsOf is what a key can sign. A key on one curve is none for another's algorithm.
func algorithmsOf(public crypto.PublicKey) []string {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return []string{"ES256"}
		case elliptic.P384():
			return []string{"ES384"}
		}
	case *rsa.PublicKey:
		return []string{"RS256", "PS256"}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

// fits tells whether the key may have signed what names this kid, "" for none, and algorithm.
func (k key) fits(id, alg string) bool {
	return (id == "" || k.id == id) && (k.alg == "" || k.alg == alg) && slices.Contains(algorithmsOf(k.public), alg)
}

// private names the members of a JWK that are nobody's but its owner's (RFC 7518 §6, RFC 8037 §2).
var private = []string{"d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"}

// ParseJWKS tells whether a client can be known by this key set.
func ParseJWKS(raw []byte) error {
	_, err := parseJWKS(raw)
	return err
}

// parseJWKS reads the keys of a set that can be used here. One that cannot is passed over (RFC 7517 §5), but a set that gives
// away a secret, or has a key so weak that it proves nothing, is refused as a whole.
func parseJWKS(raw []byte) ([]key, error) {
	var set struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, errors.New("it is not a JWK set")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the JWK set has more than %d keys", maxKeys)
	}
	var keys []key
	for _, members := range set.Keys {
		for _, name := range private {
			if _, ok := members[name]; ok {
				return nil, errors.New("the JWK set has a private or symmetric key")
			}
		}
		text, err := json.Marshal(members)
		if err != nil {
			return nil, err
		}
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON(text) != nil || jwk.Use != "" && jwk.Use != "sig" {
			continue
		}
		if k, ok := jwk.Key.(*rsa.PublicKey); ok && k.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("the JWK set has an RSA key of less than %d bits", minRSABits)
		}
		can := algorithmsOf(jwk.Key)
		if len(can) == 0 || jwk.Algorithm != "" && !slices.Contains(can, jwk.Algorithm) {
			continue
		}
		keys = append(keys, key{id: jwk.KeyID, alg: jwk.Algorithm, public: jwk.Key})
	}
	if len(keys) == 0 {
		return nil, errors.New("the JWK set has no key that signs " + fmt.Sprint(Algorithms))
	}
	return keys, nil
}

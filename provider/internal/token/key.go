package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// The algorithms that tokens are signed with.
const (
	ES256 = "ES256"
	RS256 = "RS256" // for sites that know no other: it costs thirty times the CPU
)

const rsaBits = 2048

// Key is a signing key.
type Key struct {
	ID      string // thumbprint (RFC 7638): kid
	Alg     string
	Private crypto.Signer
	From    time.Time // it signs from then on, until another of its algorithm does
}

// NewKey makes a key that signs from then on. An RSA key takes a tenth of a second and more.
func NewKey(alg string, from time.Time) (Key, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		err = fmt.Errorf("%q is not ES256 or RS256", alg)
	}
	if err != nil {
		return Key{}, fmt.Errorf("token: new signing key: %w", err)
	}
	return keyOf(private, from)
}

// MarshalKey writes the private half as PKCS #8.
func MarshalKey(k Key) ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.Private) }

// ParseKey reads what [MarshalKey] wrote.
func ParseKey(pkcs8 []byte, from time.Time) (Key, error) {
	private, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return Key{}, fmt.Errorf("token: signing key: %w", err)
	}
	return keyOf(private, from)
}

func keyOf(private any, from time.Time) (Key, error) {
	k := Key{From: from}
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		if p.Curve == elliptic.P256() {
			k.Alg, k.Private = ES256, p
		}
	case *rsa.PrivateKey:
		if p.N.BitLen() >= rsaBits { // RFC 7518 §3.3
			k.Alg, k.Private = RS256, p
		}
	}
	if k.Private == nil {
		return Key{}, fmt.Errorf("token: a signing key is P-256 or RSA of %d bits", rsaBits)
	}
	thumbprint, err := k.public().Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, fmt.Errorf("token: signing key: %w", err)
	}
	k.ID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return k, nil
}

// public is the half that sites may see.
func (k Key) public() *jose.JSONWebKey {
	return &jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: k.Alg, Use: "sig"}
}

// header is what a signed token says of itself (RFC 7515 §4.1). None of the three has a character that JSON would escape.
func (k Key) header(typ string) []byte {
	return []byte(`{"alg":"` + k.Alg + `","kid":"` + k.ID + `","typ":"` + typ + `"}`)
}

// sign makes a compact JWS (RFC 7515 §3.1). jwt.Token would, too, but keeps its header in a map, which costs more to encode.
func (k Key) sign(typ string, claims jwt.Claims) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	var b [1 << 10]byte // room for all but the longest claims, without a heap
	encoding := base64.RawURLEncoding
	text := encoding.AppendEncode(append(encoding.AppendEncode(b[:0], k.header(typ)), '.'), payload)
	signature, err := jwt.GetSigningMethod(k.Alg).Sign(string(text), k.Private)
	if err != nil {
		return "", err
	}
	return string(encoding.AppendEncode(append(text, '.'), signature)), nil
}

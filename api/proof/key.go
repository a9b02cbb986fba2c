package proof

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// coordinateSize is the length of a P-256 coordinate in bytes.
const coordinateSize = 32

// base64url is the encoding of JOSE. Strict, so that there is one text for each value and a changed character is never
// overlooked.
var base64url = base64.RawURLEncoding.Strict()

// MarshalKey encodes a public P-256 key as a JWK (RFC 7517, RFC 7518 section 6.2.1) with the required members alone, in
// the order that RFC 7638 hashes. It fails for any other curve.
func MarshalKey(pub *ecdsa.PublicKey) ([]byte, error) {
	x, y, err := coordinates(pub)
	if err != nil {
		return nil, err
	}
	return canonicalKey(x, y), nil
}

// ParseKey decodes a public P-256 key from a JWK. It refuses another type or curve, a point that is not on the curve,
// and a JWK with a private member. Members that it does not know are ignored.
func ParseKey(jwk []byte) (*ecdsa.PublicKey, error) {
	var members map[string]any
	if err := json.Unmarshal(jwk, &members); err != nil {
		return nil, fmt.Errorf("jwk is not a JSON object: %w", err)
	}
	return keyOf(members)
}

// Thumbprint returns the RFC 7638 SHA-256 thumbprint of a public P-256 key, base64url without padding. It names the
// device. It returns "" for a key that MarshalKey refuses.
func Thumbprint(pub *ecdsa.PublicKey) string {
	x, y, err := coordinates(pub)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(canonicalKey(x, y))
	return base64url.EncodeToString(sum[:])
}

// keyOf reads a JWK that is already decoded.
func keyOf(jwk map[string]any) (*ecdsa.PublicKey, error) {
	if jwk["kty"] != "EC" || jwk["crv"] != "P-256" {
		return nil, errors.New("jwk is not a P-256 key")
	}
	// RFC 9449 section 4.3: the key must not be private. Its owner has given it away.
	for _, name := range [...]string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"} {
		if _, ok := jwk[name]; ok {
			return nil, errors.New("jwk has a private member")
		}
	}
	var point [1 + 2*coordinateSize]byte
	point[0] = 4 // SEC 1 section 2.3.3: uncompressed
	for i, name := range [...]string{"x", "y"} {
		text, _ := jwk[name].(string)
		// The length is checked before the decoding, which would skip line breaks and overrun the point.
		if len(text) != base64url.EncodedLen(coordinateSize) {
			return nil, fmt.Errorf("jwk member %s is not %d bytes of base64url", name, coordinateSize)
		}
		n, err := base64url.Decode(point[1+i*coordinateSize:1+(i+1)*coordinateSize], []byte(text))
		if err != nil || n != coordinateSize {
			return nil, fmt.Errorf("jwk member %s is not %d bytes of base64url", name, coordinateSize)
		}
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point[:])
	if err != nil {
		return nil, errors.New("jwk is not a point of P-256")
	}
	return pub, nil
}

// coordinates returns x and y in base64url.
func coordinates(pub *ecdsa.PublicKey) (x, y string, err error) {
	if pub == nil || pub.Curve != elliptic.P256() {
		return "", "", errors.New("the key is not a P-256 key")
	}
	point, err := pub.Bytes()
	if err != nil {
		return "", "", fmt.Errorf("the key is not a point of P-256: %w", err)
	}
	return base64url.EncodeToString(point[1 : 1+coordinateSize]), base64url.EncodeToString(point[1+coordinateSize:]), nil
}

// canonicalKey is the JSON of RFC 7638 section 3.2: required members, in lexicographic order, without white space.
func canonicalKey(x, y string) []byte {
	return []byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`)
}

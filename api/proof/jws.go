package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// parser accepts ES256 alone, whatever a header says (RFC 8725 section 3.1). It leaves the claims to this package: the
// times in them are the caller's to judge.
var parser = jwt.NewParser(
	jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
	jwt.WithStrictDecoding(),
	jwt.WithoutClaimsValidation(),
)

// sign makes a compact JWS over claims, with the public key in its header.
func sign(key crypto.Signer, typ string, claims jwt.Claims) (string, error) {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return "", errors.New("the key is not a P-256 key")
	}
	x, y, err := coordinates(pub)
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["typ"] = typ
	token.Header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256", "x": x, "y": y}
	text, err := token.SigningString()
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(text))
	der, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	signature, err := rawSignature(der)
	if err != nil {
		return "", err
	}
	return text + "." + base64url.EncodeToString(signature), nil
}

// rawSignature turns the ASN.1 of a crypto.Signer into the two fixed-length integers of RFC 7518 section 3.4. The
// library signs with an *ecdsa.PrivateKey only, and a phone's key may live in hardware.
func rawSignature(der []byte) ([]byte, error) {
	var s struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &s)
	if err != nil || len(rest) > 0 || s.R.Sign() <= 0 || s.S.Sign() <= 0 ||
		s.R.BitLen() > 8*coordinateSize || s.S.BitLen() > 8*coordinateSize {
		return nil, errors.New("the signer returned no P-256 signature")
	}
	raw := make([]byte, 2*coordinateSize)
	s.R.FillBytes(raw[:coordinateSize])
	s.S.FillBytes(raw[coordinateSize:])
	return raw, nil
}

// verify checks a compact JWS of the given typ under the key in its own header, and decodes its claims. max is the
// greatest length, in bytes, that is looked at.
func verify(jws, typ string, max int, claims jwt.Claims) (*ecdsa.PublicKey, error) {
	if len(jws) > max {
		return nil, fmt.Errorf("longer than %d bytes", max)
	}
	// encoding/base64 skips line breaks even when strict; a JWS has none.
	if strings.ContainsAny(jws, "\r\n") {
		return nil, errors.New("line break in a compact JWS")
	}
	var pub *ecdsa.PublicKey
	_, err := parser.ParseWithClaims(jws, claims, func(t *jwt.Token) (any, error) {
		// RFC 8725 section 3.11: explicit types keep one kind of signed object from passing as another.
		if t.Header["typ"] != typ {
			return nil, fmt.Errorf("typ is not %s", typ)
		}
		// RFC 7515 section 4.1.11: an extension that is not understood must not be passed over.
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("crit names extensions, and none is supported")
		}
		jwk, ok := t.Header["jwk"].(map[string]any)
		if !ok {
			return nil, errors.New("no jwk in the header")
		}
		var err error
		pub, err = keyOf(jwk)
		return pub, err
	})
	if err != nil {
		return nil, err
	}
	return pub, nil
}

// maxTime is the year 9999: what JSON and SQL can hold.
var maxTime = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

// issuedAt reads the iat claim.
func issuedAt(iat *jwt.NumericDate) (time.Time, error) {
	if iat == nil || iat.Unix() < 0 || iat.After(maxTime) {
		return time.Time{}, errors.New("iat is missing or no time")
	}
	return iat.Time, nil
}

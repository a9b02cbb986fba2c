package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer = "https://id.example"
	target = issuer + "/phone/scans"
)

var now = time.Unix(1_780_000_000, 0)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// members returns the public JWK of a key, to be spoiled.
func members(t testing.TB, key *ecdsa.PrivateKey) map[string]any {
	t.Helper()
	text, err := MarshalKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// forge signs any header and claims, correctly.
func forge(t testing.TB, key *ecdsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims(claims))
	token.Header = header
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with returns a copy of m with one member replaced, or without it when the value is nil.
func with(m map[string]any, name string, value any) map[string]any {
	m = maps.Clone(m)
	if value == nil {
		delete(m, name)
	} else {
		m[name] = value
	}
	return m
}

// otherAlgorithm signs the same claims by another method.
func otherAlgorithm(t testing.TB, method jwt.SigningMethod, key any, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	token.Header = with(header, "alg", method.Alg())
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// hardware is a key that can only be asked to sign.
type hardware struct{ key *ecdsa.PrivateKey }

func (h hardware) Public() crypto.PublicKey { return h.key.Public() }
func (h hardware) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return h.key.Sign(r, digest, opts)
}

func TestAKeyInHardwareCanSign(t *testing.T) {
	key := newKey(t)
	jws, err := SignDPoP(hardware{key}, "POST", target, "", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyDPoP(jws, "POST", target); err != nil {
		t.Fatal(err)
	}
}

func TestAKeyOnAnotherCurveCannotSign(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SignDPoP(key, "POST", target, "", now); err == nil {
		t.Fatal("a P-384 key signed a proof")
	}
	if _, err := MarshalKey(&key.PublicKey); err == nil {
		t.Fatal("a P-384 key was marshalled")
	}
	if got := Thumbprint(&key.PublicKey); got != "" {
		t.Fatalf("thumbprint of a P-384 key: %q", got)
	}
}

// The key of RFC 9449 section 4.1 and its thumbprint, the jkt of section 6.1.
func TestThumbprintIsThatOfRFC9449(t *testing.T) {
	pub, err := ParseKey([]byte(`{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
		"y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Thumbprint(pub), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"; got != want {
		t.Fatalf("thumbprint %s, want %s", got, want)
	}
}

func TestAKeySurvivesItsJWK(t *testing.T) {
	key := newKey(t)
	text, err := MarshalKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if !pub.Equal(&key.PublicKey) {
		t.Fatal("another key came back")
	}
}

func TestParseKeyRefuses(t *testing.T) {
	good := members(t, newKey(t))
	other := members(t, newKey(t))
	for name, jwk := range map[string]map[string]any{
		"a private key":             with(good, "d", "AAAA"),
		"a symmetric member":        with(good, "k", "AAAA"),
		"another type":              with(good, "kty", "RSA"),
		"no type":                   with(good, "kty", nil),
		"another curve":             with(good, "crv", "P-384"),
		"no x":                      with(good, "x", nil),
		"x that is a number":        with(good, "x", 7),
		"a short y":                 with(good, "y", "AAAA"),
		"a padded x":                with(good, "x", good["x"].(string)+"="),
		"a line break in y":         with(good, "y", good["y"].(string)[:42]+"\n"),
		"trailing bits in x":        with(good, "x", trailingBit(good["x"].(string))),
		"a point off the curve":     with(good, "y", other["y"]),
		"the origin":                with(with(good, "x", strings.Repeat("A", 43)), "y", strings.Repeat("A", 43)),
		"a coordinate past the end": with(good, "x", strings.Repeat("_", 42)+"8"),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(jwk)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseKey(text); err == nil {
				t.Fatalf("accepted %s", text)
			}
		})
	}
	for _, text := range []string{"", "null", "[]", "{", `"EC"`} {
		if _, err := ParseKey([]byte(text)); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

// trailingBit flips the last bit of a 43-character text, one of two that encode nothing.
func trailingBit(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return text[:42] + string(alphabet[strings.IndexByte(alphabet, text[42])^1])
}

// es384 signs with SHA-384 under a P-256 key, which no library does and which would verify if alg were believed.
func es384(t testing.TB, key *ecdsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES384, jwt.MapClaims(claims))
	token.Header = with(header, "alg", "ES384")
	text, err := token.SigningString()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha512.Sum384([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...)
	return text + "." + base64url.EncodeToString(signature)
}

// Both kinds of object share these checks; each is run on both.
func TestAnObjectIsRefusedFor(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	rsaLike := jwt.SigningMethodHS256
	kinds := map[string]struct {
		typ, other string
		claims     map[string]any
		verify     func(string) error
	}{
		"dpop": {DPoPType, DecisionType, dpopMembers(), func(s string) error {
			_, err := VerifyDPoP(s, "POST", target)
			return err
		}},
		"decision": {DecisionType, DPoPType, decisionMembers(), func(s string) error {
			_, err := VerifyDecision(s, issuer)
			return err
		}},
	}
	for kind, k := range kinds {
		header := map[string]any{"typ": k.typ, "alg": "ES256", "jwk": members(t, key)}
		good := forge(t, key, header, k.claims)
		if err := k.verify(good); err != nil {
			t.Fatalf("%s: the good one: %v", kind, err)
		}
		parts := strings.Split(good, ".")
		private := with(members(t, key), "d", base64url.EncodeToString(make([]byte, 32)))
		for name, jws := range map[string]string{
			"the other type":        forge(t, key, with(header, "typ", k.other), k.claims),
			"typ JWT":               forge(t, key, with(header, "typ", "JWT"), k.claims),
			"no typ":                forge(t, key, with(header, "typ", nil), k.claims),
			"no jwk":                forge(t, key, with(header, "jwk", nil), k.claims),
			"a private jwk":         forge(t, key, with(header, "jwk", private), k.claims),
			"a critical extension":  forge(t, key, with(header, "crit", []string{"exp"}), k.claims),
			"another's key":         forge(t, key, with(header, "jwk", members(t, stranger)), k.claims),
			"alg none":              otherAlgorithm(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, header, k.claims),
			"alg HS256":             otherAlgorithm(t, rsaLike, []byte("public"), header, k.claims),
			"alg ES384":             es384(t, key, header, k.claims),
			"alg ES384 by name":     forge(t, key, with(header, "alg", "ES384"), k.claims),
			"no alg":                forge(t, key, with(header, "alg", nil), k.claims),
			"no iat":                forge(t, key, header, with(k.claims, "iat", nil)),
			"a negative iat":        forge(t, key, header, with(k.claims, "iat", -1)),
			"an iat past all years": forge(t, key, header, with(k.claims, "iat", 1e12)),
			"an endless iat":        forge(t, key, header, with(k.claims, "iat", 1e300)),
			"an iat in words":       forge(t, key, header, with(k.claims, "iat", "now")),
			"no signature":          parts[0] + "." + parts[1] + ".",
			"two parts":             parts[0] + "." + parts[1],
			"four parts":            good + ".AAAA",
			"a line break":          good[:len(good)-5] + "\n" + good[len(good)-5:],
			"padding":               good + "==",
			"too great a length":    forge(t, key, header, with(k.claims, "more", strings.Repeat("a", 80<<10))),
			"nothing":               "",
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				if err := k.verify(jws); err == nil {
					t.Fatalf("accepted %s", jws)
				}
			})
		}
	}
}

// Without strict decoding the last character of a signature has bits that mean nothing.
func TestNoCharacterOfAnObjectCanBeChanged(t *testing.T) {
	jws, err := SignDPoP(newKey(t), "POST", target, "", now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range jws {
		for _, bit := range []byte{1, 2, 4, 8, 16, 32} {
			changed := []byte(jws)
			changed[i] ^= bit
			if _, err := VerifyDPoP(string(changed), "POST", target); err == nil {
				t.Fatalf("byte %d with bit %d flipped still verifies", i, bit)
			}
		}
	}
}

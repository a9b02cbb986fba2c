package app_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"

	"qrlogin/api/proof"
)

// forge signs what it is told to: a compact JWS whose header is alg ES256 and the key's public JWK, changed by header. A nil
// takes a member out.
func forge(t testing.TB, key *ecdsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	input := unsigned(t, key, header, claims)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	size := (key.Params().BitSize + 7) / 8
	return input + "." + encode64(append(fill(r, size), fill(s, size)...))
}

func fill(n *big.Int, size int) []byte { return n.FillBytes(make([]byte, size)) }

// unsigned is the part of a JWS that is signed.
func unsigned(t testing.TB, key *ecdsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	full := map[string]any{"alg": "ES256", "jwk": publicJWK(t, key)}
	for name, value := range header {
		if full[name] = value; value == nil {
			delete(full, name)
		}
	}
	return encodeJSON(t, full) + "." + encodeJSON(t, claims)
}

// publicJWK is the members of a key's public JWK.
func publicJWK(t testing.TB, key *ecdsa.PrivateKey) map[string]any {
	t.Helper()
	size := (key.Params().BitSize + 7) / 8
	return map[string]any{
		"kty": "EC", "crv": key.Params().Name, "x": encode64(fill(key.X, size)), "y": encode64(fill(key.Y, size)),
	}
}

func encodeJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return encode64(raw)
}

func encode64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// Without this a mistake in forge would make every forgery fail for the wrong reason.
func TestWhatIsForgedWithoutAChangeIsRight(t *testing.T) {
	w := newWorld(t)
	p := w.rawPhone()
	jws := forge(t, p.key, map[string]any{"typ": proof.DPoPType}, p.dpopClaims("GET", "/phone/account"))
	if _, err := proof.VerifyDPoP(jws, "GET", w.issuer+"/phone/account"); err != nil {
		t.Fatal(err)
	}
}

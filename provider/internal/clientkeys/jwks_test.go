package clientkeys

import (
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestAClientIsKnownByPublicSignatureKeys(t *testing.T) {
	oct := map[string]any{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}
	private := func(s signer, change ...func(map[string]any)) map[string]any {
		var m map[string]any
		if err := json.Unmarshal(must(json.Marshal(jose.JSONWebKey{Key: s.private, KeyID: s.id})), &m); err != nil {
			t.Fatal(err)
		}
		for _, c := range change {
			c(m)
		}
		return m
	}
	twenty := make([]map[string]any, 0, maxKeys+1)
	for range maxKeys {
		twenty = append(twenty, p256.jwk())
	}
	unknown := map[string]any{"kty": "new", "x": "y"}
	for _, c := range []struct {
		name string
		set  []byte
		good bool
	}{
		{"P-256", setOf(p256.jwk()), true},
		{"P-384", setOf(p384.jwk()), true},
		{"RSA", setOf(rsa2048.jwk()), true},
		{"Ed25519", setOf(ed.jwk()), true},
		{"neither kid nor use", setOf(p256.jwk(without("kid"), without("use"))), true},
		{"its algorithm said", setOf(rsa2048.jwk(with("alg", "PS256"))), true},
		{"beside one for encryption", setOf(p256.jwk(), rsa2048.jwk(with("use", "enc"))), true},
		{"beside a weak one for encryption", setOf(p256.jwk(), rsa1024.jwk(with("use", "enc"))), true},
		{"beside one that nobody knows", setOf(unknown, p256.jwk(), map[string]any{}), true},
		{"twenty", setOf(twenty...), true},

		{"twenty-one", setOf(append(twenty, p256.jwk())...), false},
		{"none", setOf(), false},
		{"only one that nobody knows", setOf(unknown), false},
		{"only one for encryption", setOf(rsa2048.jwk(with("use", "enc"))), false},
		{"a use that nobody knows", setOf(p256.jwk(with("use", "x"))), false},
		{"a curve that signs nothing here", setOf(p521.jwk()), false},
		{"an algorithm that does not fit", setOf(p256.jwk(with("alg", "RS256"))), false},
		{"an algorithm that is not taken", setOf(rsa2048.jwk(with("alg", "RS512"))), false},
		{"a point off the curve", setOf(p256.jwk(with("y", p256b.jwk()["y"]))), false},
		{"a weak one", setOf(rsa1024.jwk()), false},
		{"a weak one beside a good one", setOf(p256.jwk(), rsa1024.jwk()), false},
		{"a symmetric one", setOf(p256.jwk(), oct), false},
		{"a private one", setOf(private(p256)), false},
		{"a private one beside a good one", setOf(p256.jwk(), private(rsa2048)), false},
		{"a private Ed25519", setOf(p256.jwk(), private(ed)), false},
		{"a private one for encryption", setOf(p256.jwk(), private(rsa2048, with("use", "enc"))), false},
		{"a secret of a type that nobody knows", setOf(p256.jwk(), map[string]any{"kty": "new", "priv": "x"}), false},
		{"nothing", nil, false},
		{"no JSON", []byte("x"), false},
		{"a single key", must(json.Marshal(p256.jwk())), false},
		{"null", []byte("null"), false},
		{"a null key", []byte(`{"keys":[null]}`), false},
		{"keys that are no objects", []byte(`{"keys":["x"]}`), false},
	} {
		if err := ParseJWKS(c.set); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func FuzzParseJWKS(f *testing.F) {
	for _, s := range []signer{p256, p384, p521, rsa2048, rsa1024, ed} {
		f.Add(setOf(s.jwk()))
	}
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"","e":"AQAB"},{"kty":"AKP","alg":"ML-DSA-44","pub":"x"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","x5c":["x"],"x5t":"x","x5u":"%"},null,{"kty":null}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := parseJWKS(raw)
		if err != nil {
			if keys != nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v, %v", keys, err)
			}
			return
		}
		if len(keys) == 0 || len(keys) > maxKeys {
			t.Fatalf("%d keys", len(keys))
		}
		for _, k := range keys {
			if r, ok := k.public.(*rsa.PublicKey); ok && r.N.BitLen() < minRSABits {
				t.Fatal("a weak key")
			}
			fits := false
			for _, alg := range Algorithms {
				fits = fits || k.fits(k.id, alg)
			}
			if !fits {
				t.Fatalf("a key that signs nothing: %+v", k)
			}
		}
	})
}

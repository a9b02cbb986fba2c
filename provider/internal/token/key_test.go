package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"

	"qrlogin/api/proof"
)

func TestAKeyIsTheSameAfterItWasStored(t *testing.T) {
	for _, key := range []Key{newKey(t, now), oneRSAKey()} {
		stored, err := MarshalKey(key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseKey(stored, key.From)
		if err != nil || again.ID != key.ID || again.Alg != key.Alg || again.From != key.From {
			t.Errorf("%v, %v", again, err)
		}
		if once, err := MarshalKey(again); err != nil || !bytes.Equal(once, stored) {
			t.Errorf("the private half of %s is another: %v", key.Alg, err)
		}
		for _, bad := range [][]byte{nil, []byte("x"), stored[:len(stored)-1]} {
			if _, err := ParseKey(bad, now); err == nil {
				t.Errorf("%s: %d bytes were read", key.Alg, len(bad))
			}
		}
	}
}

func TestAKeysIDIsItsThumbprint(t *testing.T) {
	key := newKey(t, now)
	if want := proof.Thumbprint(key.Private.Public().(*ecdsa.PublicKey)); key.ID != want {
		t.Errorf("%s, want %s", key.ID, want)
	}
}

func TestAKeyOfAnotherKindIsRefused(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]any{"P-384": p384, "Ed25519": ed, "RSA of 1024 bits": small} {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKey(pkcs8, now); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, alg := range []string{"", "none", "HS256", "ES384"} {
		if _, err := NewKey(alg, now); err == nil {
			t.Errorf("a key for %q was made", alg)
		}
	}
}

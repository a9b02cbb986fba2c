package handoffs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/memstore"
)

// kit is a box over a store in memory, and a challenge in it.
type kit struct {
	Box
	t     testing.TB
	store *memstore.Store
	r     challenge.Record
	key   *ecdsa.PrivateKey // the page's
}

func newKit(t testing.TB) *kit {
	t.Helper()
	store := memstore.New()
	store.Room = 64 << 20
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{Box: Box{Contents: store, Keys: store}, t: t, store: store, key: key}
	k.r = k.challenge()
	return k
}

// challenge is one more.
func (k *kit) challenge() challenge.Record {
	k.t.Helper()
	draft, _, _ := challenge.NewDraft("shop", challenge.Policy{}, challenge.Request{})
	r, err := k.store.Create(k.t.Context(), draft)
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// sealed is what a phone sends.
func (k *kit) sealed(mediaType string, plain []byte) string {
	k.t.Helper()
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: &k.key.PublicKey},
		(&jose.EncrypterOptions{}).WithContentType(jose.ContentType(mediaType)))
	if err != nil {
		k.t.Fatal(err)
	}
	jwe, err := encrypter.Encrypt(plain)
	if err != nil {
		k.t.Fatal(err)
	}
	text, err := jwe.CompactSerialize()
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}

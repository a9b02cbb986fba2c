package handoff

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
)

// pair is what a page makes: a key, and its public half as a site hands it on.
func pair(t testing.TB) (*ecdsa.PrivateKey, api.HandoffKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private, publicHalf(t, private)
}

func publicHalf(t testing.TB, private *ecdsa.PrivateKey) (public api.HandoffKey) {
	t.Helper()
	text, err := jose.JSONWebKey{Key: &private.PublicKey}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &public); err != nil {
		t.Fatal(err)
	}
	return public
}

func seal(t testing.TB, key api.HandoffKey, plain []byte) []byte {
	t.Helper()
	jwe, err := Seal(key, "text/html", plain)
	if err != nil {
		t.Fatal(err)
	}
	return jwe
}

func TestWhatIsSealedForAPageIsOpenedByIt(t *testing.T) {
	private, public := pair(t)
	for _, plain := range [][]byte{nil, []byte("书签"), bytes.Repeat([]byte("bookmark "), 600_000)} {
		mediaType, got, err := Open(private, seal(t, public, plain))
		if err != nil || mediaType != "text/html" || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes of %q, %v, of %d", len(got), mediaType, err, len(plain))
		}
	}
}

// Whatever stands in the header is readable to all on the way.
func TestTheHeaderSaysNoMoreThanItMust(t *testing.T) {
	_, public := pair(t)
	encoded, _, _ := strings.Cut(string(seal(t, public, []byte("x"))), ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]any
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(header)); !slices.Equal(got, []string{"alg", "cty", "enc", "epk"}) {
		t.Errorf("the header has %v", got)
	}
	if header["alg"] != "ECDH-ES" || header["enc"] != "A256GCM" || header["cty"] != "text/html" {
		t.Errorf("the header is %s", text)
	}
}

func TestEachSealingHasAKeyOfItsOwn(t *testing.T) {
	_, public := pair(t)
	if bytes.Equal(seal(t, public, []byte("x")), seal(t, public, []byte("x"))) {
		t.Fatal("twice the same")
	}
}

func TestNothingIsSealedForWhatIsNoKeyOrWithoutAMediaType(t *testing.T) {
	_, public := pair(t)
	for name, change := range map[string]func(*api.HandoffKey){
		"not on the curve": func(k *api.HandoffKey) { k.Y = k.X },
		"empty":            func(k *api.HandoffKey) { k.X, k.Y = "", "" },
		"another curve":    func(k *api.HandoffKey) { k.Crv = "P-384" },
		"another kind":     func(k *api.HandoffKey) { k.Kty = "RSA" },
	} {
		key := public
		change(&key)
		if _, err := Seal(key, "text/html", nil); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, mediaType := range []string{"", "text", "text/", "a b/c", "text/html; charset"} {
		if _, err := Seal(public, mediaType, nil); !errors.Is(err, ErrMediaType) {
			t.Errorf("%q: %v", mediaType, err)
		}
	}
}

func TestAnotherKeyOrAChangedByteOpensNothing(t *testing.T) {
	private, public := pair(t)
	other, _ := pair(t)
	jwe := seal(t, public, []byte("secret"))
	if _, _, err := Open(other, jwe); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
	for i := range jwe {
		changed := bytes.Clone(jwe)
		changed[i] ^= 1
		if _, plain, err := Open(private, changed); err == nil || plain != nil {
			t.Fatalf("byte %d was changed: %q, %v", i, plain, err)
		}
		if _, plain, err := Open(private, jwe[:i]); err == nil || plain != nil {
			t.Fatalf("cut after %d: %q, %v", i, plain, err)
		}
	}
}

// A few bytes that unfold to many, another way to the key, another one altogether.
func TestAJWEOfAnotherKindIsRefused(t *testing.T) {
	private, public := pair(t)
	jwk, err := read(public)
	if err != nil {
		t.Fatal(err)
	}
	html := func() *jose.EncrypterOptions { return new(jose.EncrypterOptions).WithContentType("text/html") }
	for name, test := range map[string]struct {
		enc     jose.ContentEncryption
		to      jose.Recipient
		options *jose.EncrypterOptions
	}{
		"compressed":        {jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key}, &jose.EncrypterOptions{Compression: jose.DEFLATE, ExtraHeaders: html().ExtraHeaders}},
		"without cty":       {jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key}, nil},
		"with a kid":        {jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key, KeyID: "k"}, html()},
		"of another enc":    {jose.A128GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key}, html()},
		"of another alg":    {jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: jwk.Key}, html()},
		"with apu":          {jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key}, html().WithHeader("apu", "QQ")},
		"by a password":     {jose.A256GCM, jose.Recipient{Algorithm: jose.PBES2_HS256_A128KW, Key: []byte("password"), PBES2Count: 1000}, html()},
		"by a direct key":   {jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: make([]byte, 32)}, html()},
		"with a type of ''": {jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key}, new(jose.EncrypterOptions).WithContentType("")},
	} {
		encrypter, err := jose.NewEncrypter(test.enc, test.to, test.options)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sealed, err := encrypter.Encrypt([]byte("secret"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		jwe, err := sealed.CompactSerialize()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, plain, err := Open(private, []byte(jwe)); !errors.Is(err, ErrMalformed) || plain != nil {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

// Nothing but what was sealed comes out, whatever goes in.
func FuzzOpen(f *testing.F) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32)) // the same in every worker
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seal(f, publicHalf(f, private), []byte("secret")))
	f.Add([]byte("e30...."))
	f.Add([]byte(`eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsImN0eSI6ImEvYiIsImVwayI6e319....`))
	f.Fuzz(func(t *testing.T, jwe []byte) {
		mediaType, plain, err := Open(private, jwe)
		switch {
		case err == nil && (mediaType != "text/html" || string(plain) != "secret"):
			t.Errorf("%q opens to %q of %q", jwe, plain, mediaType)
		case err != nil && (plain != nil || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSealed)):
			t.Errorf("%q: %q, %v", jwe, plain, err)
		}
	})
}

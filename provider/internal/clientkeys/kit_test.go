package clientkeys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"qrlogin/provider/internal/fetch"
	"qrlogin/provider/internal/identity"
)

const (
	issuer   = "https://login.example"
	endpoint = "https://login.example/token"
	uri      = "https://shop.example/jwks"
)

var (
	now       = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	audiences = []string{issuer, endpoint}
)

// signer is a client's key.
type signer struct {
	id, alg string
	private crypto.Signer
}

// Making RSA keys is slow, so the tests share one set.
var (
	p256, p256b = newEC("p256", "ES256", elliptic.P256()), newEC("p256b", "ES256", elliptic.P256())
	p384        = newEC("p384", "ES384", elliptic.P384())
	p521        = newEC("p521", "ES512", elliptic.P521())
	rsa2048     = newRSA("rsa", 2048)
	rsa1024     = newRSA("weak", 1024)
	ed          = newEd("ed")
)

func newEC(id, alg string, curve elliptic.Curve) signer {
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	return signer{id, alg, must(k, err)}
}

func newRSA(id string, bits int) signer {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	return signer{id, "RS256", must(k, err)}
}

func newEd(id string) signer {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	return signer{id, "EdDSA", must(k, err)}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// jwk is the public key as a client publishes it.
func (s signer) jwk(change ...func(map[string]any)) map[string]any {
	text := must(json.Marshal(jose.JSONWebKey{Key: s.private.Public(), KeyID: s.id, Use: "sig"}))
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		panic(err)
	}
	for _, c := range change {
		c(members)
	}
	return members
}

func with(name string, value any) func(map[string]any) {
	return func(m map[string]any) { m[name] = value }
}

func without(name string) func(map[string]any) { return func(m map[string]any) { delete(m, name) } }

func setOf(keys ...map[string]any) []byte {
	if keys == nil {
		keys = []map[string]any{}
	}
	return must(json.Marshal(map[string]any{"keys": keys}))
}

var ids atomic.Int64

// good is the claims of an assertion that is accepted, with a jti of its own.
func good() map[string]any {
	return map[string]any{
		"iss": "shop", "sub": "shop", "aud": issuer, "jti": "id-" + time.Duration(ids.Add(1)).String(),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}

// assert signs claims; header changes what the header says.
func (s signer) assert(claims map[string]any, header ...func(map[string]any)) string {
	t := jwt.NewWithClaims(jwt.GetSigningMethod(s.alg), jwt.MapClaims(maps.Clone(claims)))
	t.Header["kid"] = s.id
	for _, h := range header {
		h(t.Header)
	}
	return must(t.SignedString(s.private))
}

// shop is a client with the keys registered.
func shop(keys ...map[string]any) identity.Client {
	return identity.Client{ID: "shop", JWKS: setOf(keys...)}
}

// guard is a replay guard.
type guard struct {
	sync.Map
	ttl atomic.Int64 // of the last key
}

func (g *guard) first(_ context.Context, key string, ttl time.Duration) (bool, error) {
	_, used := g.LoadOrStore(key, true)
	g.ttl.Store(int64(ttl))
	return !used, nil
}

func verifier() *Verifier { return &Verifier{First: new(guard).first} }

// site is where a client publishes its keys.
type site struct {
	sync.Mutex
	body    []byte
	err     error
	fetches int
	hang    map[string]time.Duration // by URL
}

func (s *site) Get(ctx context.Context, target string, _ ...string) (fetch.Document, error) {
	s.Lock()
	s.fetches++
	body, err := s.body, s.err
	s.Unlock()
	select {
	case <-time.After(s.hang[target]):
	case <-ctx.Done():
		return fetch.Document{}, ctx.Err()
	}
	return fetch.Document{Body: body}, err
}

func (s *site) publish(body []byte, err error) {
	s.Lock()
	defer s.Unlock()
	s.body, s.err = body, err
}

// fetched fails unless that many fetches were made.
func (s *site) fetched(t *testing.T, want int) {
	t.Helper()
	s.Lock()
	defer s.Unlock()
	if s.fetches != want {
		t.Errorf("%d fetches, want %d", s.fetches, want)
	}
}

func accepted(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func refused(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, ErrAssertion) {
		t.Errorf("%s: %v", name, err)
	}
}

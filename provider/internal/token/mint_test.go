package token

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/provider/internal/identity"
)

const issuer = "https://login.example"

var (
	approved = time.Date(2026, 8, 1, 12, 0, 0, 500e6, time.UTC)
	now      = approved.Add(3 * time.Second)
)

func newMint(t *testing.T, keys ...Key) *Mint {
	t.Helper()
	if len(keys) == 0 {
		keys = []Key{newKey(t)}
	}
	m, err := NewMint(issuer, []byte("subject key"), keys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newKey(t *testing.T) Key {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func grant(scopes ...string) Grant {
	return Grant{
		Client:  identity.Client{ID: "shop", Origins: []string{"https://shop.example"}},
		Account: identity.Account{ID: "account-1", PhoneNumber: "+8613800138000"},
		Scopes:  scopes, Nonce: "n-1", AuthTime: approved, SessionID: "login-1", Now: now,
	}
}

func tokens(t *testing.T, m *Mint, g Grant) api.TokenResponse {
	t.Helper()
	answer, err := m.Tokens(g)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// verified checks a token as a site does: with another library, against the published key set, by its kid.
func verified(t *testing.T, m *Mint, jwt string) (header jose.Header, claims map[string]any) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(m.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	header = signed.Signatures[0].Protected
	keys := set.Key(header.KeyID)
	if len(keys) != 1 {
		t.Fatalf("%d keys have the kid %q", len(keys), header.KeyID)
	}
	payload, err := signed.Verify(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return header, claims
}

func names(claims map[string]any) string {
	return strings.Join(slices.Sorted(maps.Keys(claims)), " ")
}

func TestAnIDTokenSaysWhoLoggedInWhereWhenAndHow(t *testing.T) {
	m := newMint(t)
	g := grant("openid", "phone")
	header, claims := verified(t, m, *tokens(t, m, g).IdToken)
	if got := header.ExtraHeaders["typ"]; got != "JWT" {
		t.Errorf("typ %v", got)
	}
	want := map[string]any{
		"iss": issuer, "sub": g.Client.Subject([]byte("subject key"), "account-1"), "aud": "shop",
		"exp": float64(now.Add(10 * time.Minute).Unix()), "iat": float64(now.Unix()), "auth_time": float64(approved.Unix()),
		"nonce": "n-1", "amr": []any{"pop", "user"}, "acr": "urn:qrlogin:acr:qr", "sid": "login-1",
		"phone_number": "+8613800138000", "phone_number_verified": true,
	}
	if names(claims) != names(want) {
		t.Errorf("claims %s, want %s", names(claims), names(want))
	}
	for name := range want {
		if fmt.Sprint(claims[name]) != fmt.Sprint(want[name]) {
			t.Errorf("%s is %v, want %v", name, claims[name], want[name])
		}
	}
}

func TestTheNumberIsThereOnTheScopePhoneAlone(t *testing.T) {
	m := newMint(t)
	answer := tokens(t, m, grant("openid"))
	_, claims := verified(t, m, *answer.IdToken)
	if got := names(claims); got != "acr amr aud auth_time exp iat iss nonce sid sub" {
		t.Errorf("claims %s", got)
	}
	if _, claims = verified(t, m, answer.AccessToken); claims["scope"] != "openid" {
		t.Errorf("scope %v", claims["scope"])
	}
}

func TestNoNumberIsInAnAccessToken(t *testing.T) {
	m := newMint(t)
	_, claims := verified(t, m, tokens(t, m, grant("openid", "phone")).AccessToken)
	if raw := fmt.Sprint(claims); strings.Contains(raw, "8000") {
		t.Errorf("%s", raw)
	}
}

func TestThereIsNoIDTokenWithoutOpenID(t *testing.T) {
	m := newMint(t)
	answer := tokens(t, m, grant("phone"))
	if answer.IdToken != nil {
		t.Error("there is one")
	}
	if answer.AccessToken == "" || answer.TokenType != api.Bearer || answer.ExpiresIn != 600 || *answer.Scope != "phone" {
		t.Errorf("%+v", answer)
	}
}

func TestWithoutANonceThereIsNone(t *testing.T) {
	m := newMint(t)
	g := grant("openid")
	g.Nonce = ""
	if _, claims := verified(t, m, *tokens(t, m, g).IdToken); strings.Contains(names(claims), "nonce") {
		t.Errorf("claims %s", names(claims))
	}
}

func TestAnAccessTokenIsRFC9068s(t *testing.T) {
	m := newMint(t)
	g := grant("openid", "phone")
	header, claims := verified(t, m, tokens(t, m, g).AccessToken)
	if got := header.ExtraHeaders["typ"]; got != "at+jwt" {
		t.Errorf("typ %v", got)
	}
	if got := names(claims); got != "acr amr aud auth_time client_id exp iat iss jti scope sub" {
		t.Errorf("claims %s", got)
	}
	// It is for the provider, so that no site takes it for an ID token of its own.
	if claims["aud"] != issuer || claims["client_id"] != "shop" || claims["iss"] != issuer || claims["scope"] != "openid phone" ||
		claims["exp"] != float64(now.Add(10*time.Minute).Unix()) || claims["sub"] != g.Client.Subject([]byte("subject key"), "account-1") {
		t.Errorf("%v", claims)
	}
}

func TestNoTwoAccessTokensHaveTheSameID(t *testing.T) {
	m := newMint(t)
	seen := map[any]bool{}
	for range 50 {
		_, claims := verified(t, m, tokens(t, m, grant("openid")).AccessToken)
		if seen[claims["jti"]] {
			t.Fatal("the same jti")
		}
		seen[claims["jti"]] = true
	}
}

func TestTheSubjectIsPairwise(t *testing.T) {
	sub := func(change func(*Grant)) any {
		m := newMint(t)
		g := grant("openid")
		change(&g)
		_, claims := verified(t, m, *tokens(t, m, g).IdToken)
		return claims["sub"]
	}
	mine := sub(func(*Grant) {})
	if again := sub(func(g *Grant) { g.Account.PhoneNumber = "+8613900139000" }); again != mine {
		t.Error("another number is another subject")
	}
	for name, change := range map[string]func(*Grant){
		"another account": func(g *Grant) { g.Account.ID = "account-2" },
		"another site":    func(g *Grant) { g.Client.Origins = []string{"https://other.example"} },
		"another sector":  func(g *Grant) { g.Client.Sector = "x" },
	} {
		if sub(change) == mine {
			t.Errorf("%s is the same subject", name)
		}
	}
	if strings.Contains(fmt.Sprint(mine), "account-1") {
		t.Error("the subject shows the account")
	}
}

func TestTheFirstKeySignsAndAllArePublished(t *testing.T) {
	first, second := newKey(t), newKey(t)
	m := newMint(t, first, second)
	header, _ := verified(t, m, tokens(t, m, grant("openid")).AccessToken)
	if header.KeyID != first.ID {
		t.Errorf("kid %s", header.KeyID)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(m.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || set.Keys[1]["kid"] != second.ID {
		t.Fatalf("%v", set.Keys)
	}
	for _, key := range set.Keys {
		if got := names(key); got != "alg crv kid kty use x y" { // and no d: the private half
			t.Errorf("a key has %s", got)
		}
	}
}

func TestATokenOfAnotherKeyDoesNotVerify(t *testing.T) {
	m, stranger := newMint(t), newMint(t)
	signed, err := jose.ParseSignedCompact(tokens(t, stranger, grant("openid")).AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(m.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(set.Keys[0]); err == nil {
		t.Error("it does")
	}
}

func TestAKeyIsTheSameAfterItWasStored(t *testing.T) {
	key := newKey(t)
	stored, err := MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKey(stored)
	if err != nil || again.ID != key.ID || !again.Private.Equal(key.Private) {
		t.Errorf("%v, %v", again.ID, err)
	}
	for _, bad := range [][]byte{nil, []byte("x"), stored[:len(stored)-1]} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%d bytes were read", len(bad))
		}
	}
}

func TestAMintWithoutItsKeysIsRefused(t *testing.T) {
	if _, err := NewMint(issuer, []byte("x"), nil); err == nil {
		t.Error("without a signing key")
	}
	if _, err := NewMint(issuer, nil, []Key{newKey(t)}); err == nil {
		t.Error("without a subject key")
	}
}

package token

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
)

const issuer = "https://login.example"

var (
	approved = time.Date(2026, 8, 1, 12, 0, 0, 500e6, time.UTC)
	now      = approved.Add(3 * time.Second)
)

// oneRSAKey is shared: making one takes long, and under the race detector very long.
var oneRSAKey = sync.OnceValue(func() Key {
	key, err := NewKey(RS256, approved.Add(-time.Hour))
	if err != nil {
		panic(err)
	}
	return key
})

func newMint(t testing.TB, keys ...Key) *Mint {
	t.Helper()
	if len(keys) == 0 {
		keys = []Key{newKey(t, approved.Add(-time.Hour))}
	}
	m, err := NewMint(issuer, []byte("subject key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetKeys(keys); err != nil {
		t.Fatal(err)
	}
	return m
}

func newKey(t testing.TB, from time.Time) Key {
	t.Helper()
	key, err := NewKey(ES256, from)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func grant(scopes ...string) Grant {
	return Grant{
		Client:  identity.Client{ID: "shop", Origins: []string{"https://shop.example"}},
		Account: identity.Account{ID: "account-1", PhoneNumber: "+8613800138000"},
		Scopes:  scopes, Nonce: "n-1", AuthTime: approved, ACR: ACRScanned, AMR: []string{"pop", "user"}, LoginID: "login-1", Now: now,
	}
}

func tokens(t testing.TB, m *Mint, g Grant) api.TokenResponse {
	t.Helper()
	answer, err := m.Tokens(g)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// verified checks a token as a site does: with another library, against the published key set, by its kid and that key's alg.
func verified(t *testing.T, m *Mint, jwt string) (header jose.Header, claims map[string]any) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(m.JWKS(now), &set); err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	header = signed.Signatures[0].Protected
	keys := set.Key(header.KeyID)
	if len(keys) != 1 {
		t.Fatalf("%d keys have the kid %q", len(keys), header.KeyID)
	}
	if keys[0].Algorithm != header.Algorithm {
		t.Errorf("alg %s by a key for %s", header.Algorithm, keys[0].Algorithm)
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

// The key is the same at every site, so that whoever else is shown an access token must not learn it.
func TestThePhonesKeyIsNamedInTheIDTokenOfAnOrderAlone(t *testing.T) {
	m := newMint(t)
	g := grant("openid")
	g.Device = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	answer := tokens(t, m, g)
	if _, claims := verified(t, m, *answer.IdToken); claims["device_jkt"] != g.Device {
		t.Errorf("device_jkt is %v", claims["device_jkt"])
	}
	if _, claims := verified(t, m, answer.AccessToken); strings.Contains(fmt.Sprint(claims), g.Device) {
		t.Errorf("the access token says %v", claims)
	}
}

func TestWhatUnlockedThePhoneIsSaid(t *testing.T) {
	for unlock, want := range map[challenge.Unlock]string{
		challenge.Unlocked: "pop user", challenge.UnlockByPIN: "pop user pin", challenge.UnlockByPasskey: "pop user mfa",
	} {
		c := challenge.Challenge{Unlock: unlock}
		if _, amr := Authentication(c); strings.Join(amr, " ") != want {
			t.Errorf("unlocked by %q: %v, want %s", unlock, amr, want)
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
	if got := names(claims); got != "acr amr aud auth_time client_id exp iat iss jti scope sid sub" {
		t.Errorf("claims %s", got)
	}
	// It is for the provider, so that no site takes it for an ID token of its own.
	if claims["aud"] != issuer || claims["client_id"] != "shop" || claims["iss"] != issuer || claims["scope"] != "openid phone" || claims["sid"] != "login-1" ||
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

func TestTheAudienceIsWhatTheAccessTokenIsGoodFor(t *testing.T) {
	m := newMint(t)
	const api, files = "https://api.example", "https://files.example"
	for _, c := range []struct {
		scopes, resources []string
		want              any
	}{
		{[]string{"openid"}, nil, issuer},
		{[]string{"phone"}, nil, issuer},
		{[]string{"phone"}, []string{api}, api},
		{[]string{"openid"}, []string{api}, []any{api, issuer}},
		{[]string{"phone"}, []string{api, files}, []any{api, files}},
	} {
		g := grant(c.scopes...)
		g.Resources = c.resources
		if _, claims := verified(t, m, tokens(t, m, g).AccessToken); !reflect.DeepEqual(claims["aud"], c.want) {
			t.Errorf("scopes %v, resources %v: aud %v", c.scopes, c.resources, claims["aud"])
		}
	}
}

// RFC 9449 §6.1 and §5.
func TestATokenForADPoPKeyNamesIt(t *testing.T) {
	m := newMint(t)
	g := grant("openid")
	g.Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	answer := tokens(t, m, g)
	_, claims := verified(t, m, answer.AccessToken)
	if answer.TokenType != api.DPoP || !reflect.DeepEqual(claims["cnf"], map[string]any{"jkt": g.Thumbprint}) {
		t.Errorf("%s, cnf %v", answer.TokenType, claims["cnf"])
	}
	if _, claims = verified(t, m, *answer.IdToken); claims["cnf"] != nil {
		t.Error("the ID token has a cnf")
	}
}

func TestAnIDTokenIsSignedAsItsClientReadsIt(t *testing.T) {
	m := newMint(t, newKey(t, approved.Add(-time.Hour)), oneRSAKey())
	for registered, want := range map[string]string{"": "ES256", "ES256": "ES256", "RS256": "RS256"} {
		g := grant("openid")
		g.Client.SigningAlg = registered
		answer := tokens(t, m, g)
		logout, err := m.LogoutToken(g.Client, "account-1", "login-1", now)
		if err != nil {
			t.Fatal(err)
		}
		for kind, raw := range map[string]string{want + " ID token": *answer.IdToken, want + " logout token": logout, "ES256 access token": answer.AccessToken} {
			if header, _ := verified(t, m, raw); header.Algorithm != kind[:5] {
				t.Errorf("registered %q: %s is signed with %s", registered, kind, header.Algorithm)
			}
		}
	}
}

func TestALogoutTokenIsAsBackChannelLogoutSays(t *testing.T) {
	m := newMint(t)
	client := grant().Client
	raw, err := m.LogoutToken(client, "account-1", "login-1", now)
	if err != nil {
		t.Fatal(err)
	}
	header, claims := verified(t, m, raw)
	if got := header.ExtraHeaders["typ"]; got != "logout+jwt" {
		t.Errorf("typ %v", got)
	}
	if got := names(claims); got != "aud events exp iat iss jti sid sub" { // and never a nonce
		t.Errorf("claims %s", got)
	}
	if claims["iss"] != issuer || claims["aud"] != "shop" || claims["sid"] != "login-1" || claims["sub"] != m.Subject(client, "account-1") ||
		claims["iat"] != float64(now.Unix()) || claims["exp"] != float64(now.Add(2*time.Minute).Unix()) || len(claims["jti"].(string)) < 22 {
		t.Errorf("%v", claims)
	}
	want := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	if !reflect.DeepEqual(claims["events"], want) {
		t.Errorf("events %v", claims["events"])
	}
}

func TestAMintWithoutAKeySaysForWhichAlgorithm(t *testing.T) {
	m := newMint(t)
	g := grant("openid")
	g.Client.SigningAlg = RS256
	if _, err := m.Tokens(g); err == nil || !strings.Contains(err.Error(), "RS256") {
		t.Errorf("%v", err)
	}
	if _, err := m.LogoutToken(g.Client, "account-1", "login-1", now); err == nil || !strings.Contains(err.Error(), "RS256") {
		t.Errorf("%v", err)
	}
}

// keeper gives a mint a key when it is asked.
type keeper struct {
	mint            *Mint
	ensure, reload  []Key
	ensured, looked int
}

func (k *keeper) Ensure(context.Context, string) error {
	k.ensured++
	return k.mint.SetKeys(k.ensure)
}

func (k *keeper) Reload(context.Context) error {
	k.looked++
	return k.mint.SetKeys(k.reload)
}

func TestAMintThatLacksAKeyAsksItsKeeper(t *testing.T) {
	m := newMint(t)
	k := &keeper{mint: m, ensure: []Key{newKey(t, now), oneRSAKey()}}
	m.Keeper = k
	g := grant("openid")
	g.Client.SigningAlg = RS256
	for range 2 {
		if header, _ := verified(t, m, *tokens(t, m, g).IdToken); header.Algorithm != "RS256" {
			t.Errorf("signed with %s", header.Algorithm)
		}
	}
	if k.ensured != 1 {
		t.Errorf("it was asked %d times", k.ensured)
	}
}

func TestATokenOfAnotherKeyDoesNotVerify(t *testing.T) {
	m, stranger := newMint(t), newMint(t)
	signed, err := jose.ParseSignedCompact(tokens(t, stranger, grant("openid")).AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(m.JWKS(now), &set); err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(set.Keys[0]); err == nil {
		t.Error("it does")
	}
}

func TestAMintWithoutASubjectKeyIsRefused(t *testing.T) {
	if _, err := NewMint(issuer, nil); err == nil {
		t.Error("it is not")
	}
}

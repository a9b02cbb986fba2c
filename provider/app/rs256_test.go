package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"qrlogin/api"
	"qrlogin/provider/app"
)

// RS256 for sites that know nothing else (OIDC Core §15.1). It costs thirty times the CPU of ES256, which is what a site gets
// that asks for nothing.

func algOf(t *testing.T, jwt string) string {
	t.Helper()
	var header struct{ Alg string }
	answer{Body: decode64(t, strings.Split(jwt, ".")[0])}.decode(t, &header)
	return header.Alg
}

func TestASiteGetsIDTokensInTheAlgorithmThatItRegistered(t *testing.T) {
	t.Parallel()
	old := notes
	old.SigningAlg = "RS256"
	w := newWorld(t, withClient(old))
	p, v := w.phone("+8613800138000"), w.visitor()
	provider, err := oidc.NewProvider(t.Context(), w.issuer)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		client app.Client
		tokens api.TokenResponse
		alg    string
	}{
		"RS256, code flow":   {old, v.tokensAs(p, old), "RS256"},
		"RS256, device flow": {old, w.deviceTokens(p, old, "openid"), "RS256"},
		"ES256, code flow":   {site("wiki"), v.tokens(p), "ES256"},
		"ES256, device flow": {site("wiki"), w.deviceTokens(p, site("wiki"), "openid"), "ES256"},
	} {
		if alg := algOf(t, *c.tokens.IdToken); alg != c.alg {
			t.Errorf("%s: signed by %s", what, alg)
		}
		if alg := algOf(t, c.tokens.AccessToken); alg != "ES256" { // it is nobody's to read but ours
			t.Errorf("%s: the access token is signed by %s", what, alg)
		}
		for _, expected := range [][]string{nil, {c.alg}} {
			if _, err := provider.Verifier(&oidc.Config{ClientID: c.client.ID, SupportedSigningAlgs: expected}).Verify(t.Context(), *c.tokens.IdToken); err != nil {
				t.Errorf("%s, expecting %v: %v", what, expected, err)
			}
		}
	}
	var algs []string
	for _, key := range w.keySet().Keys {
		algs = append(algs, fmt.Sprintf("%s %T", key.Algorithm, key.Key))
	}
	slices.Sort(algs)
	if !slices.Equal(algs, []string{"ES256 *ecdsa.PublicKey", "RS256 *rsa.PublicKey"}) {
		t.Errorf("/jwks has %v", algs)
	}
	// An RS256 ID token comes back as a hint like any other.
	hint := *v.tokensAs(p, old).IdToken
	if a := v.leave("id_token_hint", hint, "post_logout_redirect_uri", old.PostLogoutRedirectURIs[0]); a.Header.Get("Location") != old.PostLogoutRedirectURIs[0] {
		t.Errorf("as a hint: %d %s", a.Status, a.Body)
	}
}

package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
)

// Zitadel's relying party as it comes: a whole site, with its cookies, its PKCE, its refreshes and its logout.

type zitadelTokens = *oidc.Tokens[*oidc.IDTokenClaims]

// zitadelSite is such a site on the loopback. What it was told of a login comes out of the channel.
func zitadelSite(t *testing.T, w *world, client app.Client, options ...rp.Option) (site rp.RelyingParty, base string, in chan zitadelTokens) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	key := []byte(strings.Repeat("k", 32))
	options = append(options, rp.WithPKCE(httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure())))
	site, err := rp.NewRelyingPartyOIDC(t.Context(), w.issuer, client.ID, client.Secret, server.URL+"/callback",
		[]string{oidc.ScopeOpenID, oidc.ScopePhone, oidc.ScopeOfflineAccess}, options...)
	if err != nil {
		t.Fatal(err)
	}
	in = make(chan zitadelTokens, 1)
	mux.Handle("/login", rp.AuthURLHandler(func() string { return "s-1" }, site))
	mux.Handle("/callback", rp.CodeExchangeHandler(rp.UserinfoCallback(
		func(rw http.ResponseWriter, _ *http.Request, tokens zitadelTokens, state string, _ rp.RelyingParty, info *oidc.UserInfo) {
			if state != "s-1" || info.PhoneNumber != "+8613800138000" {
				t.Errorf("state %q, userinfo %+v", state, info)
			}
			in <- tokens
		}), site))
	return site, server.URL, in
}

// rsaKey is a key as that library reads it, and as the provider does.
func rsaKey(t *testing.T) (private, jwks []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k-1", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), jwks
}

// visit goes to any address.
func (v *visitor) visit(target string) answer {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, target, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

func TestZitadelsRelyingPartyLogsInByTheCodeFlow(t *testing.T) {
	t.Parallel()
	private, jwks := rsaKey(t)
	for name, c := range map[string]struct {
		client  app.Client
		options []rp.Option
	}{
		"RS256, which it expects by itself":  {app.Client{Secret: wikiSecret, SigningAlg: "RS256"}, nil},
		"ES256, which it takes by discovery": {app.Client{Secret: wikiSecret}, []rp.Option{rp.WithSigningAlgsFromDiscovery()}},
		"without a secret":                   {app.Client{}, []rp.Option{rp.WithSigningAlgsFromDiscovery()}},
		"by a key of its own": {app.Client{JWKS: jwks, SigningAlg: "RS256"}, []rp.Option{
			rp.WithAuthStyle(oauth2.AuthStyleInParams), rp.WithJWTProfile(rp.SignerFromKeyAndKeyID(private, "k-1")),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.client.ID, c.client.Name = "zitadel", "Zitadel's site"
			c.client.RedirectURIs = []string{"http://127.0.0.1/callback"} // RFC 8252 §7.3: any port
			c.client.PostLogoutRedirectURIs = []string{"https://zitadel.example/bye"}
			c.client.Scopes = []string{"openid", "phone", "offline_access"}
			w := newWorld(t, withClient(c.client))
			p, v := w.phone("+8613800138000"), w.visitor()
			site, base, in := zitadelSite(t, w, c.client, c.options...)

			path := v.visit(v.visit(base + "/login").Header.Get("Location")).Header.Get("Location")
			started := v.challenge(path)
			w.approve(p, started)
			var outcome api.HostedOutcome
			v.finish(path, started).decode(t, &outcome)
			back := v.get(*outcome.Location).Header.Get("Location")
			if a := v.visit(back); a.Status != http.StatusOK {
				t.Fatalf("back at the site, %s: %d %s", back, a.Status, a.Body)
			}
			tokens := <-in

			next, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), site, tokens.RefreshToken, "", "")
			if err != nil || next.AccessToken == tokens.AccessToken || next.RefreshToken == tokens.RefreshToken {
				t.Fatalf("refresh: %+v %v", next, err)
			}
			if _, err := rp.Userinfo[*oidc.UserInfo](t.Context(), next.AccessToken, "Bearer", next.IDTokenClaims.Subject, site); err != nil {
				t.Errorf("userinfo: %v", err)
			}
			if err := rp.RevokeToken(t.Context(), site, next.AccessToken, "access_token"); err != nil {
				t.Errorf("revoke: %v", err)
			}
			if _, err := rp.Userinfo[*oidc.UserInfo](t.Context(), next.AccessToken, "Bearer", next.IDTokenClaims.Subject, site); err == nil {
				t.Error("userinfo takes a token that was revoked")
			}
			bye, err := rp.EndSession(t.Context(), site, next.IDToken, c.client.PostLogoutRedirectURIs[0], "s-2", "", nil)
			if err != nil || bye.String() != c.client.PostLogoutRedirectURIs[0]+"?state=s-2" {
				t.Errorf("logout: sent to %v, %v", bye, err)
			}
			if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), site, next.RefreshToken, "", ""); err == nil {
				t.Error("a refresh after the logout")
			}
		})
	}
}

// In a bubble, because it waits an interval before its first poll.
func TestZitadelsRelyingPartyLogsInByTheDeviceFlow(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		site, err := rp.NewRelyingPartyOIDC(t.Context(), w.issuer, "tv", "", "", []string{oidc.ScopeOpenID},
			rp.WithSigningAlgsFromDiscovery(), rp.WithHTTPClient(w.http))
		if err != nil {
			t.Fatal(err)
		}
		started, err := rp.DeviceAuthorization(t.Context(), []string{oidc.ScopeOpenID}, site, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.decide(p.claimBy(started.UserCode), proof.Approve)
		tokens, err := rp.DeviceAccessToken(t.Context(), started.DeviceCode, time.Duration(started.Interval)*time.Second, site)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rp.VerifyIDToken[*oidc.IDTokenClaims](t.Context(), tokens.IDToken, site.IDTokenVerifier()); err != nil {
			t.Error(err)
		}
	})
}

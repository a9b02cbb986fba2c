package app_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/sqlstore"
)

// What the wiki does in visitor_test.go, done by any site of the code flow.

// site is one that every world has.
func site(id string) app.Client {
	return sites[slices.IndexFunc(sites, func(c app.Client) bool { return c.ID == id })]
}

// The second site, which a session needs, and a program that has nothing to authenticate with.
var (
	notes = app.Client{
		ID: "notes", Secret: wikiSecret, Name: "The Notes", Origins: []string{"https://notes.example"}, RedirectURIs: []string{"https://notes.example/callback"},
		PostLogoutRedirectURIs: []string{"https://notes.example/bye"},
	}
	program = app.Client{ID: "program", RedirectURIs: []string{"https://program.example/callback"}, Scopes: []string{"openid", "offline_access"}}
)

func askingAs(c app.Client, changes ...string) url.Values {
	return asking(slices.Concat([]string{"client_id", c.ID, "redirect_uri", c.RedirectURIs[0]}, changes)...)
}

func approving(v *visitor, p *phone.Phone) func(*phone.Claim) error {
	return func(c *phone.Claim) error {
		_, err := p.Approve(v.t.Context(), c, phone.Approval{})
		return err
	}
}

// codeAs logs in anew by a scan and answers the code.
func (v *visitor) codeAs(p *phone.Phone, c app.Client, changes ...string) string {
	v.t.Helper()
	return v.codeOf(v.scanned(p, v.hosted(askingAs(c, changes...)), approving(v, p)))
}

// codeOf is the code in what a site is told.
func (v *visitor) codeOf(said url.Values) string {
	v.t.Helper()
	if said.Get("code") == "" || said.Get("iss") != v.issuer {
		v.t.Fatalf("told %v", said)
	}
	return said.Get("code")
}

func (v *visitor) tokensAs(p *phone.Phone, c app.Client, changes ...string) api.TokenResponse {
	v.t.Helper()
	return v.read(v.redeemAs(c, v.codeAs(p, c, changes...)))
}

func (w *world) redeemAs(c app.Client, code string, headers ...string) answer {
	w.t.Helper()
	return w.form("/token", c.ID, c.Secret, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.RedirectURIs[0]}, "code_verifier": {verifier},
	}, headers...)
}

func (w *world) refreshAs(c app.Client, token string, headers ...string) answer {
	w.t.Helper()
	return w.form("/token", c.ID, c.Secret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, headers...)
}

// deviceTokens logs in by the device flow.
func (w *world) deviceTokens(p *phone.Phone, c app.Client, scope string) api.TokenResponse {
	w.t.Helper()
	var started api.DeviceAuthorization
	a := w.form("/device_authorization", c.ID, c.Secret, url.Values{"scope": {scope}})
	if a.decode(w.t, &started); a.Status != http.StatusOK {
		w.t.Fatalf("device_authorization: %d %s", a.Status, a.Body)
	}
	w.approve(p, started)
	return w.read(w.pollAs(c.ID, c.Secret, started, ""))
}

// introspectAs asks about a token as another site.
func (w *world) introspectAs(c app.Client, token string) (said api.Introspection) {
	w.t.Helper()
	a := w.form("/introspect", c.ID, c.Secret, url.Values{"token": {token}})
	if a.decode(w.t, &said); a.Status != http.StatusOK {
		w.t.Fatalf("introspect: %d %s", a.Status, a.Body)
	}
	return said
}

// wantActive holds tokens against what introspection and userinfo say of them.
func (w *world) wantActive(what string, tokens api.TokenResponse, want bool) {
	w.t.Helper()
	if got := w.active(tokens.AccessToken); got != want {
		w.t.Errorf("%s: the access token is active: %t", what, got)
	}
	if a := w.userInfo(tokens.AccessToken); (a.Status == http.StatusOK) != want {
		w.t.Errorf("%s: userinfo answers %d", what, a.Status)
	}
	if tokens.RefreshToken == nil {
		return
	}
	if got := w.active(*tokens.RefreshToken); got != want {
		w.t.Errorf("%s: the refresh token is active: %t", what, got)
	}
}

// changeClient registers a client anew while the provider runs on this folder.
func changeClient(t testing.TB, folder string, c app.Client) {
	t.Helper()
	record, err := app.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlstore.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.PutClient(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // the node under test may have read the client a moment ago
}

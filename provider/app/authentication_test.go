package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
)

// How a login was done, as the site is told in acr and amr (SECURITY.md §2 row 9), and as it may ask (OIDC Core §3.1.2.1, §5.5.1.1).

const (
	acrStatic    = "urn:qrlogin:acr:static"
	acrScanned   = "urn:qrlogin:acr:qr"
	acrConfirmed = "urn:qrlogin:acr:confirmed"
)

// essential asks for a class that must be met.
func essential(acr string) string {
	return `{"id_token":{"acr":{"essential":true,"values":["` + acr + `"]}}}`
}

// passes approves with or without "this is my computer", and has the page confirmed if that is asked for: "confirmed" or "approved".
func (p rawPhone) passes(started api.DeviceAuthorization, home bool) string {
	p.w.t.Helper()
	claim := p.claim(started)
	jws := p.signed(claim, proof.Approve)
	if home {
		jws = p.signedAtHome(claim)
	}
	var result api.DecisionResult
	a := p.w.sendDecision(jws)
	if a.decode(p.w.t, &result); a.Status != http.StatusOK {
		p.w.t.Fatalf("the approval: %d %s", a.Status, a.Body)
	}
	if result.ConfirmationCode == nil {
		return "approved"
	}
	p.w.confirm(started, *result.ConfirmationCode).wants(p.w.t, "the digits", http.StatusNoContent, "")
	return "confirmed"
}

// byScan goes through the hosted page, and answers how, and the tokens.
func (v *visitor) byScan(p rawPhone, c app.Client, home bool, changes ...string) (string, api.TokenResponse) {
	v.t.Helper()
	return v.byScanOf(p, c, home, askingAs(c, changes...))
}

// byPushedScan is the same by a request that the site pushes.
func (v *visitor) byPushedScan(p rawPhone, c app.Client, home bool, changes ...string) (string, api.TokenResponse) {
	v.t.Helper()
	return v.byScanOf(p, c, home, v.pushedAs(c, askingAs(c, changes...)))
}

func (v *visitor) byScanOf(p rawPhone, c app.Client, home bool, q url.Values) (string, api.TokenResponse) {
	v.t.Helper()
	path := v.hosted(q)
	how := p.passes(v.challenge(path), home)
	return how, v.read(v.redeemAs(c, v.codeOf(v.told(v.get(path)))))
}

func TestASiteIsToldHowALoginWasDoneWhicheverWayItComes(t *testing.T) {
	for name, c := range map[string]struct {
		policy   app.Policy
		acr, amr string
	}{
		"a code that stands still": {app.Policy{Preset: "relaxed"}, acrStatic, "[pop user]"},
		"a code that moves":        {app.Policy{}, acrScanned, "[pop user]"},
		"digits":                   {app.Policy{Confirmation: "code"}, acrConfirmed, "[pop user mca]"},
		"nearness":                 {app.Policy{Proximity: "require"}, acrScanned, "[pop user geo]"},
		"all of it":                {app.Policy{Preset: "strict", RefreshTokens: "allowed"}, acrConfirmed, "[pop user mca geo]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bank := bank(c.policy)
			w := newWorld(t, withClient(bank))
			p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
			started := w.begun(bank, "scope", offline)
			p.passes(started, false)
			device := w.read(w.pollAs(bank.ID, bank.Secret, started, ""))
			_, code := v.byScan(p, bank, true, "scope", offline)
			session := v.redeemAs(bank, v.codeOf(v.told(v.authorize(askingAs(bank, "scope", offline)))))
			for way, tokens := range map[string]api.TokenResponse{
				"the device flow": device, "a refresh": w.read(w.refreshAs(bank, *device.RefreshToken)),
				"the code flow": code, "its refresh": w.read(w.refreshAs(bank, *code.RefreshToken)), "a session": w.read(session),
			} {
				claims := claimsOf(t, *tokens.IdToken)
				if claims["acr"] != c.acr || fmt.Sprint(claims["amr"]) != c.amr {
					t.Errorf("%s: %v %v, want %s %s", way, claims["acr"], claims["amr"], c.acr, c.amr)
				}
			}
		})
	}
}

// RFC 10027 §6.1.10.
func TestAStrictSiteGetsNoRefreshTokenWhateverItAsksFor(t *testing.T) {
	t.Parallel()
	strict := bank(app.Policy{Preset: "strict"})
	w := newWorld(t, withClient(strict))
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.begun(strict, "scope", offline)
	p.passes(started, false)
	device := w.read(w.pollAs(strict.ID, strict.Secret, started, ""))
	_, code := w.visitor().byScan(p, strict, false, "scope", offline)
	for way, tokens := range map[string]api.TokenResponse{"the device flow": device, "the code flow": code} {
		if tokens.RefreshToken != nil || tokens.Scope == nil || *tokens.Scope != "openid phone" {
			t.Errorf("%s: refresh token %v, scope %s", way, tokens.RefreshToken != nil, *tokens.Scope)
		}
	}
}

// ADR 0013: a request may be stricter than the policy, never laxer.
func TestASiteMayAskForAConfirmationHoweverItAsks(t *testing.T) {
	t.Parallel()
	shop, wiki := site("shop"), site("wiki")
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.begun(shop, "acr_values", "urn:x "+acrConfirmed)
	if how := p.passes(started, false); how != "confirmed" {
		t.Errorf("the device flow: %s", how)
	}
	if acr := claimsOf(t, *w.read(w.poll(started, "")).IdToken)["acr"]; acr != acrConfirmed {
		t.Errorf("the device flow: %v", acr)
	}
	for name, changes := range map[string][]string{"acr_values": {"acr_values", acrConfirmed}, "an essential acr": {"claims", essential(acrConfirmed)}} {
		asked := askingAs(wiki, changes...)
		var pushed api.PushedAuthorizationRequest
		w.form("/par", wiki.ID, wiki.Secret, asked).decode(t, &pushed)
		v := w.visitor()
		for way, begun := range map[string]answer{
			"a link":   v.authorize(asked),
			"a push":   v.get("/authorize?client_id=wiki&request_uri=" + pushed.RequestUri),
			"a form":   v.get(v.post("/authorize", formType, asked.Encode()).Header.Get("Location")),
			"no acr":   v.authorize(askingAs(wiki)),
			"a weaker": v.authorize(askingAs(wiki, "acr_values", acrStatic)),
		} {
			want := "confirmed"
			if way == "no acr" || way == "a weaker" {
				want = "approved"
			}
			if how := p.passes(v.challenge(begun.Header.Get("Location")), false); how != want {
				t.Errorf("%s by %s: %s, want %s", name, way, how, want)
			}
		}
	}
}

func TestAClassThatASitesLoginsNeverHaveIsUnmet(t *testing.T) {
	t.Parallel()
	relaxed, plain, careful := bank(app.Policy{Preset: "relaxed"}), bank(app.Policy{}), bank(app.Policy{Confirmation: "code"})
	relaxed.ID, careful.ID = "relaxed", "careful"
	w := newWorld(t, withClient(relaxed), withClient(plain), withClient(careful))
	v := w.visitor()
	for _, c := range []struct {
		of    app.Client
		acr   string
		unmet bool
	}{
		{relaxed, acrScanned, true}, {relaxed, acrStatic, false}, {relaxed, acrConfirmed, false}, {plain, acrStatic, true}, {plain, acrScanned, false},
		{careful, acrScanned, true}, {careful, acrConfirmed, false}, {careful, "urn:x", true},
	} {
		a := v.authorize(askingAs(c.of, "claims", essential(c.acr)))
		if !c.unmet {
			if !v.isHosted(a) {
				t.Errorf("%s of %s: %d %s", c.acr, c.of.ID, a.Status, a.Header.Get("Location"))
			}
		} else if said := v.told(a); said.Get("error") != "unmet_authentication_requirements" || said.Get("state") != "s-1" {
			t.Errorf("%s of %s: told %v", c.acr, c.of.ID, said)
		}
	}
}

// isHosted tells whether the browser is sent to the hosted page.
func (w *world) isHosted(a answer) bool {
	return a.Status == http.StatusSeeOther && strings.HasPrefix(a.Header.Get("Location"), "/authorize/")
}

func TestASessionOfALowerClassAsksForANewScan(t *testing.T) {
	t.Parallel()
	wiki := site("wiki")
	w := newWorld(t)
	p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
	v.byScan(p, wiki, true)
	v.wantTold("without a class", asking(), "")
	v.wantTold("its own class", asking("claims", essential(acrScanned)), "")
	for what, higher := range map[string][]string{"acr_values": {"acr_values", acrConfirmed}, "an essential acr": {"claims", essential(acrConfirmed)}} {
		v.wantAsks(what, asking(higher...), "scan")
		v.wantTold(what+", silently", asking(append(higher, "prompt", "none")...), "login_required")
	}
	if how, _ := v.byScan(p, wiki, true, "acr_values", acrConfirmed); how != "confirmed" {
		t.Errorf("the new scan: %s", how)
	}
	v.wantTold("in the new session", asking("acr_values", acrConfirmed), "")
}

// A session is of the site that it was begun at. Where a site wants more than that did, it asks for a scan of its own.
func TestASessionIsNoWayAroundAStricterSite(t *testing.T) {
	for name, c := range map[string]struct {
		policy app.Policy
		asks   string
	}{
		"digits":           {app.Policy{Confirmation: "code"}, "scan"},
		"nearness":         {app.Policy{Proximity: "require"}, "scan"},
		"other networks":   {app.Policy{Networks: []string{"203.0.113.0/24"}}, "scan"},
		"all of it":        {app.Policy{Preset: "strict"}, "scan"},
		"these networks":   {app.Policy{Networks: []string{"127.0.0.0/8", "::1/128"}}, "consent"},
		"the same":         {app.Policy{}, "consent"},
		"less than it had": {app.Policy{Preset: "relaxed"}, "consent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bank := bank(c.policy)
			w := newWorld(t, withClient(bank))
			p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
			v.byScan(p, site("wiki"), true)
			v.wantAsks("the site", askingAs(bank), c.asks)
			silent := map[string]string{"scan": "login_required", "consent": "consent_required"}[c.asks]
			v.wantTold("silently", askingAs(bank, "prompt", "none"), silent)
		})
	}
}

package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

// The whole of it, by the two libraries that most Go programs use, as they come.
func TestGoOIDCAndOAuth2LogInByTheCodeFlow(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	provider, err := oidc.NewProvider(t.Context(), w.issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: "wiki", ClientSecret: wikiSecret, Endpoint: provider.Endpoint(), RedirectURL: wikiCallback,
		Scopes: []string{oidc.ScopeOpenID, "phone", oidc.ScopeOfflineAccess},
	}
	secret := oauth2.GenerateVerifier()
	to := config.AuthCodeURL("s-1", oidc.Nonce("n-1"), oauth2.S256ChallengeOption(secret))
	path := v.hosted(mustQuery(t, to))
	said := v.scanned(p, path, func(c *phone.Claim) error {
		if c.Consent.Client.Name != "The Wiki" || c.Consent.Client.Domains[0] != "wiki.example" || *c.Consent.Browser.UserAgent != "Browser/1.0" {
			t.Errorf("the phone is shown %+v", c.Consent)
		}
		return approving(v, p)(c)
	})
	token, err := config.Exchange(t.Context(), said.Get("code"), oauth2.VerifierOption(secret))
	if err != nil {
		t.Fatal(err)
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: "wiki"}).Verify(t.Context(), token.Extra("id_token").(string))
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "n-1" || id.Subject == "" {
		t.Errorf("ID token %+v", id)
	}
	info, err := provider.UserInfo(t.Context(), config.TokenSource(t.Context(), token))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Number   string `json:"phone_number"`
		Verified bool   `json:"phone_number_verified"`
	}
	if err := info.Claims(&claims); err != nil || info.Subject != id.Subject || claims.Number != "+8613800138000" || !claims.Verified {
		t.Errorf("userinfo: %+v %v", info, err)
	}
	token.Expiry = time.Now().Add(-time.Minute) // so that the library refreshes
	next, err := config.TokenSource(t.Context(), token).Token()
	if err != nil || next.RefreshToken == token.RefreshToken || next.AccessToken == token.AccessToken {
		t.Errorf("refreshed: %v %v", next, err)
	}
}

func mustQuery(t *testing.T, target string) url.Values {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestSecondRedeemOfACodeIsRefusedAndRevokesWhatTheFirstGaveOut(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	code := v.code(p, "scope", "openid offline_access")
	tokens := w.read(w.redeem(code))
	if !w.active(tokens.AccessToken) || !w.active(*tokens.RefreshToken) {
		t.Fatal("the tokens are not active")
	}
	w.redeem(code).wants(t, "second redeem", http.StatusBadRequest, "invalid_grant")
	if w.active(tokens.AccessToken) || w.active(*tokens.RefreshToken) {
		t.Error("the tokens of the first redeem are still good")
	}
	w.refresh(*tokens.RefreshToken).wants(t, "refresh", http.StatusBadRequest, "invalid_grant")
	if a := w.userInfo(tokens.AccessToken); a.Status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d", a.Status)
	}
}

func (w *world) userInfo(token string) answer {
	w.t.Helper()
	r := w.request(http.MethodGet, "/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return w.do(r)
}

// RFC 6749 §4.1.2: of 64 at once one gets tokens, and the others have made them void.
func TestOf64RedeemsOfACodeAtOnceOneGetsTokensAndTheyAreRevoked(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	code := v.code(p, "scope", "openid offline_access")
	var mu sync.Mutex
	var good []answer
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			a, err := w.try(w.redeemRequest(code))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Error(err)
			case a.Status == http.StatusOK:
				good = append(good, a)
			case a.error() != "invalid_grant":
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	wg.Wait()
	if len(good) != 1 {
		t.Fatalf("%d answers carry tokens", len(good))
	}
	for _, a := range good {
		tokens := w.read(a)
		if w.active(tokens.AccessToken) || tokens.RefreshToken != nil && w.active(*tokens.RefreshToken) {
			t.Error("the winner's tokens are good, though the code was used again")
		}
	}
}

// What is not the code's own leaves it as it is.
func TestACodeIsRedeemedByItsClientWithItsVerifierAtItsRedirectURI(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	code := v.code(p)
	for what, changes := range map[string][]string{
		"no redirect_uri":      {"redirect_uri", ""},
		"another redirect_uri": {"redirect_uri", "https://wiki.example/other"},
		"no verifier":          {"code_verifier", ""},
		"another verifier":     {"code_verifier", strings.Repeat("x", 43)},
		"the challenge itself": {"code_verifier", s256(verifier)},
		"another code":         {"code", strings.Repeat("x", 43)},
		"a long code":          {"code", strings.Repeat("x", 4300)},
	} {
		w.redeem(code, changes...).wants(t, what, http.StatusBadRequest, "invalid_grant")
	}
	other := w.formRequest("/token", "other", otherSecret, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {wikiCallback}, "code_verifier": {verifier},
	})
	w.do(other).wants(t, "another client", http.StatusBadRequest, "invalid_grant")
	w.redeem(code, "code", "").wants(t, "no code", http.StatusBadRequest, "invalid_request")
	if a := w.redeem(code); a.Status != http.StatusOK {
		t.Errorf("the code does not work any more: %d %s", a.Status, a.Body)
	}
}

// RFC 9700 §4.8.2: leaving out the challenge and sending a verifier is a downgrade.
func TestAVerifierForACodeWithoutChallengeIsRefused(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	old := func(code, verifier string) answer {
		values := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {wikiCallback}}
		if verifier != "" {
			values.Set("code_verifier", verifier)
		}
		return w.form("/token", "old-wiki", wikiSecret, values)
	}
	code := v.code(p, "client_id", "old-wiki", "code_challenge", "", "code_challenge_method", "")
	old(code, verifier).wants(t, "downgrade", http.StatusBadRequest, "invalid_grant")
	if a := old(code, ""); a.Status != http.StatusOK {
		t.Errorf("without PKCE: %d %s", a.Status, a.Body)
	}
}

func TestACodeExpiresAfterAMinute(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		code := func() string {
			path := v.hosted(asking())
			p.approve(v.challenge(path))
			return v.told(v.get(path)).Get("code")
		}
		in, out := code(), code()
		time.Sleep(59 * time.Second)
		if a := w.redeem(in); a.Status != http.StatusOK {
			t.Errorf("after 59 s: %d %s", a.Status, a.Body)
		}
		time.Sleep(2 * time.Second)
		w.redeem(out).wants(t, "after 61 s", http.StatusBadRequest, "invalid_grant")
	})
}

// The code goes only to the browser that was sent to /authorize (SECURITY.md §1.1, §3 B5, B7).
func TestAnotherBrowserGetsNothingOfATransaction(t *testing.T) {
	w := newWorld(t)
	p, v, thief := w.phone("+8613800138000"), w.visitor(), w.visitor()
	path := v.hosted(asking())
	thief.hosted(asking()) // it has a cookie, of its own
	started := v.challenge(path)
	w.approve(p, started)
	if a := thief.get(path); a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
		t.Errorf("another browser is shown %d %s", a.Status, a.Header.Get("Location"))
	}
	for _, what := range []string{"/challenge", "/finish"} {
		if a := thief.post(path+what, "application/json", `{"challenge_id":"`+started.ChallengeId+`"}`); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	if a := thief.get(path + "/qr.svg"); a.Status != http.StatusUnauthorized {
		t.Errorf("qr.svg: %d", a.Status)
	}
	for _, what := range []string{"/consent", "/cancel"} {
		if a := thief.post(path+what, formType, "decision=approve"); a.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	if v.told(v.get(path)).Get("code") == "" {
		t.Error("the right browser gets no code")
	}
}

// RFC 9700 §4.7: what another site's page sends here in a person's name changes nothing.
func TestAPostOfAnotherSitesPageIsRefused(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	path := v.hosted(asking())
	for _, headers := range [][]string{{}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		for _, what := range []string{"/challenge", "/finish", "/consent", "/cancel"} {
			r := w.request(http.MethodPost, path+what, strings.NewReader("decision=approve"))
			r.Header.Set("Content-Type", formType)
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			if a := v.do(r); a.Status != http.StatusForbidden {
				t.Errorf("%s %v: %d %s", what, headers, a.Status, a.Body)
			}
		}
	}
}

func TestALostAnswerOfTheHostedPageLosesNoLogin(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	path := v.hosted(asking())
	w.approve(p, v.challenge(path))
	first, second := v.told(v.get(path)), v.told(v.get(path))
	if first.Get("code") == "" || first.Get("code") != second.Get("code") {
		t.Errorf("told %v, then %v", first, second)
	}
}

func TestWhoDeclinesOnThePhoneMayTryAgainOrGoBack(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	path := v.hosted(asking())
	decline := func() api.DeviceAuthorization {
		started := v.challenge(path)
		claim, err := p.Scan(t.Context(), v.frame(started))
		if err == nil {
			err = p.Deny(t.Context(), claim)
		}
		if err != nil {
			t.Fatal(err)
		}
		return started
	}
	var problem api.Problem
	a := v.finish(path, decline())
	if a.decode(t, &problem); a.Status != http.StatusGone || problem.Outcome == nil || *problem.Outcome != "denied" {
		t.Errorf("the widget is told %d %s", a.Status, a.Body)
	}
	decline() // tried again
	said := v.told(v.get(path))
	if said.Get("error") != "access_denied" || said.Get("state") != "s-1" || said.Get("iss") != w.issuer {
		t.Errorf("told %v", said)
	}
}

func TestCancellingSendsTheBrowserBackAndEndsTheCode(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	path := v.hosted(asking())
	started := v.challenge(path)
	if said := v.told(v.post(path+"/cancel", formType, "")); said.Get("error") != "access_denied" {
		t.Errorf("told %v", said)
	}
	w.wantOutcome(started, "cancelled")
	if a := v.get(path); a.Status != http.StatusBadRequest {
		t.Errorf("the page is still there: %d", a.Status)
	}
}

// Without script a picture is fetched, and the page loads itself again until it is sent on.
func TestTheHostedPageWorksWithoutScriptToTheEnd(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	path := v.hosted(asking())
	page := v.get(path)
	if page.Status != http.StatusOK || !strings.Contains(string(page.Body), path+"/qr.svg") || !strings.Contains(string(page.Body), "The Wiki") {
		t.Fatalf("%d %s", page.Status, page.Body)
	}
	picture := v.get(path + "/qr.svg")
	claim, err := p.Scan(t.Context(), readSVG(t, picture.Body))
	if err != nil {
		t.Fatal(err)
	}
	if claim.Consent.Browser.UserAgent == nil || *claim.Consent.Browser.UserAgent != "Browser/1.0" {
		t.Errorf("the browser did not present itself: %+v", claim.Consent.Browser)
	}
	if page = v.get(path); page.Status != http.StatusOK {
		t.Errorf("after the scan: %d", page.Status)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	if v.told(v.get(path)).Get("code") == "" {
		t.Error("no code")
	}
}

func TestFormPostAnswersByAForm(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	path := v.hosted(asking("response_mode", "form_post"))
	w.approve(p, v.challenge(path))
	a := v.get(path)
	if a.Status != http.StatusOK || a.Header.Get("Location") != "" || !strings.Contains(string(a.Body), `action="`+wikiCallback+`"`) ||
		!strings.Contains(string(a.Body), `name="code"`) || !strings.Contains(string(a.Body), `name="iss"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// RFC 8707: the access token is for whom it was asked, and the provider itself.
func TestAResourceIsTheAudienceOfTheAccessToken(t *testing.T) {
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	said := v.scanned(p, v.hosted(asking("resource", "https://api.example/v1")), func(c *phone.Claim) error {
		if c.Consent.Resources == nil || len(*c.Consent.Resources) != 1 || (*c.Consent.Resources)[0] != "https://api.example/v1" {
			t.Errorf("the phone is shown %v", c.Consent.Resources)
		}
		return approving(v, p)(c)
	})
	tokens := w.read(w.redeem(said.Get("code")))
	var claims struct{ Aud []string }
	if err := json.Unmarshal(payload(t, tokens.AccessToken), &claims); err != nil {
		t.Fatal(err)
	}
	if strings.Join(claims.Aud, " ") != "https://api.example/v1 "+w.issuer {
		t.Errorf("aud %v", claims.Aud)
	}
	said = v.told(v.authorize(asking("resource", "https://evil.example")))
	if said.Get("error") != "invalid_target" {
		t.Errorf("told %v", said)
	}
}

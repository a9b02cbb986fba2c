package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

// "This is my computer": until it ends, further sites ask on the hosted page and need no scan (RFC 10027 §6.1.10). Off by
// default, because QR login's home is the shared computer.

func atHome(v *visitor, p *phone.Phone) func(*phone.Claim) error {
	return func(c *phone.Claim) error {
		_, err := p.Approve(v.t.Context(), c, phone.Approval{Session: true})
		return err
	}
}

// home logs in at the wiki by a scan that says "this is my computer".
func (v *visitor) home(p *phone.Phone, changes ...string) api.TokenResponse {
	v.t.Helper()
	return v.read(v.redeem(v.codeOf(v.scanned(p, v.hosted(asking(changes...)), atHome(v, p)))))
}

// asks goes to the hosted page, and tells what that asks for: "consent" or a "scan".
func (v *visitor) asks(q url.Values) (path, what string) {
	v.t.Helper()
	path = v.hosted(q)
	return path, v.shown(path)
}

func (v *visitor) shown(path string) string {
	v.t.Helper()
	switch a := v.get(path); {
	case a.Status != http.StatusOK:
		v.t.Fatalf("the hosted page: %d %s", a.Status, a.Body)
	case strings.Contains(string(a.Body), `"`+strings.TrimSuffix(path, "?scan=1")+`/consent"`):
		return "consent"
	case strings.Contains(string(a.Body), "<qr-login "):
		return "scan"
	}
	return "something else"
}

func (v *visitor) wantAsks(what string, q url.Values, want string) (path string) {
	v.t.Helper()
	path, got := v.asks(q)
	if got != want {
		v.t.Errorf("%s: the page asks for %s, not for a %s", what, got, want)
	}
	return path
}

// answers is the person's decision on the consent page.
func (v *visitor) answers(path, decision string) answer {
	v.t.Helper()
	return v.post(path+"/consent", formType, "decision="+decision)
}

// entered goes to a second site by consent, as far as tokens.
func (v *visitor) entered(c app.Client) api.TokenResponse {
	v.t.Helper()
	path := v.wantAsks(c.ID, askingAs(c), "consent")
	return v.read(v.redeemAs(c, v.codeOf(v.told(v.answers(path, "approve")))))
}

// wantTold is what a site is told without a page in between.
func (v *visitor) wantTold(what string, q url.Values, want string) {
	v.t.Helper()
	if said := v.told(v.authorize(q)); said.Get("error") != want || (said.Get("code") != "") != (want == "") {
		v.t.Errorf("%s: told %v", what, said)
	}
}

// cookies is what an answer sets.
func cookies(t *testing.T, a answer) map[string]*http.Cookie {
	t.Helper()
	set := map[string]*http.Cookie{}
	for _, line := range a.Header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		set[c.Name] = c
	}
	return set
}

func TestAPlainApprovalLeavesNoSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	path := v.hosted(asking())
	w.approve(p, v.challenge(path))
	a := v.get(path)
	v.codeOf(v.told(a))
	if set := cookies(t, a); len(set) != 0 {
		t.Errorf("cookies: %v", set)
	}
	for _, c := range []app.Client{site("wiki"), notes} {
		v.wantAsks(c.ID, askingAs(c), "scan")
		v.wantTold(c.ID, askingAs(c, "prompt", "none"), "login_required")
	}
}

func TestASessionIsOfferedByTheHostedPageAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, started := w.phone("+8613800138000"), w.start()
	claim, err := p.Scan(t.Context(), w.frame(started))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{Session: true}); err == nil {
		t.Error("a session in a browser that is at the site's own page")
	}
	w.wantState(started, api.ChallengeStateClaimed)
}

func TestThisIsMyComputerSetsACookieForEightHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	path := v.hosted(asking())
	claim, err := p.Scan(t.Context(), v.frame(v.challenge(path)))
	if err == nil {
		_, err = p.Approve(t.Context(), claim, phone.Approval{Session: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	c := cookies(t, v.get(path))["qrlogin-session"]
	if c == nil || c.MaxAge != 8*3600 || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.Value) != 43 {
		t.Errorf("cookie %v", c)
	}
	if again := cookies(t, v.get(path))["qrlogin-session"]; again == nil || again.Value != c.Value {
		t.Errorf("when the answer was lost: cookie %v", again)
	}
	if strings.Contains(w.logs.String(), c.Value) {
		t.Error("the cookie is in the log")
	}
}

func (p rawPhone) approveAtHome(started api.DeviceAuthorization) {
	p.w.t.Helper()
	claim := p.claim(started)
	if a := p.w.sendDecision(p.signedAtHome(claim)); a.Status != http.StatusOK {
		p.w.t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
}

func TestInASessionASecondSiteAsksForConsentAndNeedsNoScan(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		path := v.hosted(asking())
		p.approveAtHome(v.challenge(path))
		first := claimsOf(t, *w.read(w.redeem(v.codeOf(v.told(v.get(path))))).IdToken)

		time.Sleep(time.Hour)
		path = v.hosted(askingAs(notes))
		page := string(v.get(path).Body)
		if !strings.Contains(page, "The Notes") || !strings.Contains(page, "notes.example") || !strings.Contains(page, "+86…8000") || strings.Contains(page, "13800138000") {
			t.Errorf("the page does not say who asks about whom: %s", page)
		}
		second := claimsOf(t, *w.read(w.redeemAs(notes, v.codeOf(v.told(v.answers(path, "approve"))))).IdToken)
		if first["auth_time"] != second["auth_time"] || fmt.Sprint(first["amr"], first["acr"]) != fmt.Sprint(second["amr"], second["acr"]) {
			t.Errorf("how and when: %v, then %v", first, second)
		}
		if first["sid"] == second["sid"] || first["sub"] == second["sub"] || second["nonce"] != "n-1" || second["iat"].(float64)-first["iat"].(float64) < 3600 {
			t.Errorf("what is the second site's own: %v, then %v", first, second)
		}

		time.Sleep(time.Hour) // neither is asked again
		third := claimsOf(t, *w.read(w.redeemAs(notes, v.codeOf(v.told(v.authorize(askingAs(notes)))))).IdToken)
		if third["sub"] != second["sub"] || third["sid"] == second["sid"] || third["auth_time"] != first["auth_time"] {
			t.Errorf("the third visit: %v, then %v", second, third)
		}
		v.wantTold("back at the first site", asking(), "")
	}, withClient(notes))
}

func TestConsentIsAskedAgainForMoreThanWasGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	v.home(p, "scope", "openid")
	v.wantTold("the same", asking("scope", "openid"), "")
	v.wantAsks("more scopes", asking("scope", "openid phone"), "consent")
	v.wantAsks("the phone by a claim", asking("scope", "openid", "claims", `{"id_token":{"phone_number":null}}`), "consent")
	v.wantAsks("a resource", asking("scope", "openid", "resource", "https://api.example/v1"), "consent")
	v.wantTold("more, silently", asking("scope", "openid phone", "prompt", "none"), "consent_required")
	path := v.wantAsks("more scopes", asking("scope", "openid phone"), "consent")
	v.codeOf(v.told(v.answers(path, "approve")))
	v.wantTold("more, once given", asking("scope", "openid phone"), "")
}

// What somebody let a site have elsewhere is not what they let it have on this computer.
func TestConsentIsAskedInEachSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v, elsewhere := w.phone("+8613800138000"), w.visitor(), w.visitor()
	elsewhere.home(p)
	elsewhere.entered(notes)
	v.tokensAs(p, notes)
	v.home(p)
	v.wantTold("silently", askingAs(notes, "prompt", "none"), "consent_required")
	v.wantAsks("here", askingAs(notes), "consent")
	elsewhere.wantTold("there", askingAs(notes), "")
}

func TestDecliningOnTheConsentPageIsAccessDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	v.home(p)
	path := v.wantAsks("notes", askingAs(notes), "consent")
	if a := v.answers(path, "maybe"); a.Status != http.StatusBadRequest {
		t.Errorf("neither yes nor no: %d", a.Status)
	}
	if said := v.told(v.answers(path, "deny")); said.Get("error") != "access_denied" || said.Get("state") != "s-1" || said.Get("code") != "" {
		t.Errorf("told %v", said)
	}
	if a := v.answers(path, "approve"); a.Status != http.StatusBadRequest {
		t.Errorf("yes after no: %d", a.Status)
	}
	v.wantAsks("notes again", askingAs(notes), "consent")
	v.wantTold("notes, silently", askingAs(notes, "prompt", "none"), "consent_required")
}

// OIDC Core §3.1.2.1, §3.1.2.6.
func TestPromptNoneAnswersWithoutAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	none := askingAs(notes, "prompt", "none")
	v.wantTold("nobody is logged in", none, "login_required")
	v.home(p)
	v.wantTold("nobody has consented", none, "consent_required")
	v.entered(notes)
	v.wantTold("somebody has", none, "")
	v.wantTold("a session that is too old", askingAs(notes, "prompt", "none", "max_age", "0"), "login_required")
	v.wantTold("none with another", askingAs(notes, "prompt", "none login"), "invalid_request")
	w.visitor().wantTold("another browser", none, "login_required")
}

func TestASiteMayAskForAScanOrForConsentAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	v.home(p)
	v.wantTold("nothing asked for", asking(), "")
	for prompt, want := range map[string]string{"login": "scan", "select_account": "scan", "login consent": "scan", "consent": "consent"} {
		v.wantAsks("prompt "+prompt, asking("prompt", prompt), want)
	}
	// Asking by a form or by a pushed request is the same.
	a := v.post("/authorize", formType, asking("prompt", "login").Encode())
	if what := v.shown(v.get(a.Header.Get("Location")).Header.Get("Location")); what != "scan" {
		t.Errorf("prompt login in a form: %s", what)
	}
}

func TestMaxAgeCountsFromTheScan(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		path := v.hosted(asking())
		p.approveAtHome(v.challenge(path))
		v.codeOf(v.told(v.get(path)))
		time.Sleep(time.Hour)
		age := func(seconds int) url.Values { return asking("max_age", strconv.Itoa(seconds)) }
		v.wantTold("old enough", age(3700), "")
		path = v.wantAsks("too old", age(3500), "scan")
		time.Sleep(time.Minute)
		p.approve(v.challenge(path))
		claims := claimsOf(t, *w.read(w.redeem(v.codeOf(v.told(v.get(path))))).IdToken)
		if authTime := time.Unix(int64(claims["auth_time"].(float64)), 0); time.Since(authTime) > time.Second {
			t.Errorf("auth_time is %s ago", time.Since(authTime))
		}
		v.wantAsks("a minute", age(60), "scan") // that scan was not for the session
		for _, malformed := range []string{"-1", "x", "1.5", "99999999999999999999"} {
			v.wantTold("max_age "+malformed, asking("max_age", malformed), "invalid_request")
		}
	})
}

// OIDC Core §3.1.2.1, §5.5.1: a site that asks for one person never gets another, in a session or by a scan.
func TestASiteThatAsksForOnePersonGetsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner, other, v := w.phone("+8613800138000"), w.phone("+8613800138001"), w.visitor()
	others := *w.visitor().tokens(other).IdToken
	own := *v.home(owner).IdToken
	sub := func(idToken string) string {
		return fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, claimsOf(t, idToken)["sub"])
	}
	for what, c := range map[string]struct{ own, other []string }{
		"id_token_hint":   {[]string{"id_token_hint", own}, []string{"id_token_hint", others}},
		"claims":          {[]string{"claims", sub(own)}, []string{"claims", sub(others)}},
		"both, of claims": {[]string{"id_token_hint", own, "claims", sub(own)}, []string{"id_token_hint", others, "claims", sub(others)}},
	} {
		v.wantTold(what+", the owner", asking(c.own...), "")
		v.wantTold(what+", the owner, silently", asking(append(c.own, "prompt", "none")...), "")
		v.wantTold(what+", another, silently", asking(append(c.other, "prompt", "none")...), "login_required")
		path := v.wantAsks(what+", another", asking(c.other...), "scan")
		if said := v.scanned(owner, path, approving(v, owner)); said.Get("error") != "login_required" || said.Get("code") != "" {
			t.Errorf("%s: the owner scans for another: %v", what, said)
		}
		path = v.wantAsks(what+", another", asking(c.other...), "scan")
		v.codeOf(v.scanned(other, path, approving(v, other)))
	}
	v.wantTold("two people", asking("id_token_hint", own, "claims", sub(others)), "invalid_request")
	v.wantTold("a hint that is none", asking("id_token_hint", "x"), "invalid_request")
	v.wantTold("an access token", asking("id_token_hint", v.read(v.redeem(v.codeOf(v.told(v.authorize(asking()))))).AccessToken), "invalid_request")
}

func TestAConsentGivenManyTimesIsOneLogin(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		folder, kept := inFolder(t)
		w := newWorld(t, kept, withStore(store), withClient(notes))
		p, v := w.phone("+8613800138000"), w.visitor()
		v.home(p)
		path := v.wantAsks("notes", askingAs(notes), "consent")
		logins := loginRows(t, folder)
		browser := *w
		browser.http = v.http
		answers := atOnce(&browser, many, func(int) *http.Request {
			r := w.request(http.MethodPost, path+"/consent", strings.NewReader("decision=approve"))
			r.Header.Set("Content-Type", formType)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			return r
		})
		if n := tally(answers); n["See Other "] != 1 || n["Bad Request "] != many-1 {
			t.Errorf("%v", n)
		}
		if n := loginRows(t, folder) - logins; n != 1 {
			t.Errorf("%d logins", n)
		}
	})
}

// The session is the browser's that has the cookie. What is known of a transaction does not help another.
func TestAnotherBrowserCannotUseASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v, thief := w.phone("+8613800138000"), w.visitor(), w.visitor()
	v.home(p)
	path := v.wantAsks("notes", askingAs(notes), "consent")
	own := thief.wantAsks("another browser", askingAs(notes), "scan")
	if a := thief.answers(path, "approve"); a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
		t.Errorf("the other's page: %d %s", a.Status, a.Header.Get("Location"))
	}
	if a := thief.answers(own, "approve"); a.Header.Get("Location") != own {
		t.Errorf("a consent page of its own, in no session: %d %s", a.Status, a.Header.Get("Location"))
	}
	// One that began before the session, in the same browser, is not answered by it either.
	before := thief.hosted(askingAs(notes))
	thief.home(w.phone("+8613800138001"))
	if a := thief.answers(before, "approve"); a.Header.Get("Location") != before {
		t.Errorf("a page of before the session: %d %s", a.Status, a.Header.Get("Location"))
	}
	for _, invented := range []string{strings.Repeat("A", 43), "x", ""} {
		r := w.request(http.MethodGet, "/authorize?"+askingAs(notes, "prompt", "none").Encode(), nil)
		r.AddCookie(&http.Cookie{Name: "qrlogin-session", Value: invented})
		if said := thief.told(w.visitor().do(r)); said.Get("error") != "login_required" {
			t.Errorf("cookie %q: %v", invented, said)
		}
	}
}

func TestAnotherPersonMayLogInWithTheirPhoneInSomebodysSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	owner, guest, v := w.phone("+8613800138000"), w.phone("+8613800138001"), w.visitor()
	v.home(owner)
	path := v.wantAsks("notes", askingAs(notes), "consent")
	if what := v.shown(path + "?scan=1"); what != "scan" {
		t.Fatalf("another phone: the page asks for %s", what)
	}
	// Without script the page loads itself again, and stays what it is.
	if page := string(v.get(path + "?scan=1").Body); !strings.Contains(page, "url="+path+"?scan=1") {
		t.Error("the page leads back to the consent")
	}
	tokens := w.read(w.redeemAs(notes, v.codeOf(v.scanned(guest, path, approving(v, guest)))))
	if said := claimsOf(t, *tokens.IdToken)["phone_number"]; said != "+8613800138001" {
		t.Errorf("logged in as %v", said)
	}
	v.wantAsks("the session is still the owner's", askingAs(notes), "consent")
}

func TestASessionGoesOnWithoutThePhoneThatBeganIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	v.home(p)
	if err := p.RemoveDevice(t.Context(), p.ID()); err != nil {
		t.Fatal(err)
	}
	v.entered(notes)
}

func TestASessionEndsAfterEightHours(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		path := v.hosted(asking())
		p.approveAtHome(v.challenge(path))
		v.codeOf(v.told(v.get(path)))
		secret := v.http.Jar.Cookies(mustURL(t, w.issuer))
		time.Sleep(8*time.Hour - time.Minute)
		v.wantTold("before", asking("prompt", "none"), "")
		path = v.wantAsks("before", askingAs(notes), "consent")
		time.Sleep(2 * time.Minute)
		// The cookie is over by itself; a browser that keeps it is no better off.
		v.http.Jar.SetCookies(mustURL(t, w.issuer), secret)
		v.wantTold("after", asking("prompt", "none"), "login_required")
		v.wantAsks("after", asking(), "scan")
		if a := v.answers(path, "approve"); a.Header.Get("Location") != path {
			t.Errorf("a consent page of before: %d %s", a.Status, a.Header.Get("Location"))
		}
	}, withClient(notes))
}

func mustURL(t *testing.T, target string) *url.URL {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// RFC 10027 §6.1.6: whoever ends it, nothing of it is left at any site.
func TestTheEndOfASessionEndsItAtEverySite(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(w *world, v *visitor, p *phone.Phone, login, hint string) error{
		"logout at the first site": func(w *world, v *visitor, p *phone.Phone, login, hint string) error {
			v.get("/end_session?" + url.Values{"id_token_hint": {hint}}.Encode())
			return nil
		},
		"logout, by a person who was asked": func(w *world, v *visitor, p *phone.Phone, login, hint string) error {
			v.post("/end_session/confirm", formType, "decision=approve")
			return nil
		},
		"the phone ends a login": func(w *world, v *visitor, p *phone.Phone, login, hint string) error {
			return p.EndLogin(w.t.Context(), login)
		},
		"the phone says that it was somebody else": func(w *world, v *visitor, p *phone.Phone, login, hint string) error {
			return p.Disown(w.t.Context(), login)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withClient(notes))
			p, v := w.phone("+8613800138000"), w.visitor()
			elsewhere := w.visitor().tokens(p)
			first := v.home(p, "scope", offline)
			second, third := v.entered(notes), v.read(v.redeemAs(notes, v.codeOf(v.told(v.authorize(askingAs(notes))))))
			open := v.wantAsks("a page that is open", askingAs(notes, "prompt", "consent"), "consent")
			code := v.codeOf(v.told(v.authorize(askingAs(notes))))
			w.wantActive("before", first, true)

			login := claimsOf(t, *third.IdToken)["sid"].(string)
			if err := end(w, v, p, login, *first.IdToken); err != nil {
				t.Fatal(err)
			}
			w.wantActive("the first site", first, false)
			w.refresh(*first.RefreshToken).wants(t, "the first site, refresh", http.StatusBadRequest, "invalid_grant")
			for _, tokens := range []api.TokenResponse{second, third} {
				if a := w.userInfo(tokens.AccessToken); w.introspectAs(notes, tokens.AccessToken).Active || a.Status != http.StatusUnauthorized {
					t.Errorf("the second site: userinfo %d", a.Status)
				}
			}
			w.redeemAs(notes, code).wants(t, "a code that was on its way", http.StatusBadRequest, "invalid_grant")
			w.wantActive("another browser's login", elsewhere, true)
			v.wantTold("silently", asking("prompt", "none"), "login_required")
			v.wantAsks("the first site", asking(), "scan")
			if a := v.answers(open, "approve"); a.Header.Get("Location") != open || v.shown(open) != "scan" {
				t.Errorf("the page that was open: %d %s", a.Status, a.Header.Get("Location"))
			}
			logins, err := p.Logins(t.Context())
			ended := slices.DeleteFunc(logins, func(l api.Login) bool { return l.EndedAt == nil })
			if err != nil || len(ended) != 4 || slices.ContainsFunc(ended, func(l api.Login) bool { return !l.Session }) {
				t.Errorf("the phone lists as ended %+v %v", ended, err)
			}
		})
	}
}

package app_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/app"
)

// OIDC RP-Initiated Logout 1.0.

const wikiBye = "https://wiki.example/bye"

// leave goes where a site sends a visitor who wants to be logged out; parameters come in pairs.
func (v *visitor) leave(parameters ...string) answer {
	v.t.Helper()
	return v.get("/end_session?" + pairs(parameters).Encode())
}

func (v *visitor) confirm(parameters ...string) answer {
	v.t.Helper()
	return v.post("/end_session/confirm", formType, pairs(parameters).Encode())
}

func pairs(list []string) url.Values {
	values := url.Values{}
	for i := 0; i < len(list); i += 2 {
		values.Add(list[i], list[i+1])
	}
	return values
}

// wantLeft is for an answer that sends the browser on.
func wantLeft(t *testing.T, what string, a answer, to string) {
	t.Helper()
	if got := a.Header.Get("Location"); a.Status != http.StatusSeeOther || got != to {
		t.Errorf("%s: %d, sent to %q", what, a.Status, got)
	}
	if c := cookies(t, a)["qrlogin-session"]; c == nil || c.MaxAge >= 0 {
		t.Errorf("%s: the cookie stays: %v", what, c)
	}
}

// wantAsked is for a page that asks.
func wantAsked(t *testing.T, what string, a answer) {
	t.Helper()
	if a.Status != http.StatusOK || !strings.Contains(string(a.Body), `action="/end_session/confirm"`) || len(cookies(t, a)) != 0 {
		t.Errorf("%s: %d %v %s", what, a.Status, a.Header, a.Body)
	}
}

func TestASiteLogsItsVisitorOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	for what, leave := range map[string]func(hint string) answer{
		"by GET": func(hint string) answer {
			return v.leave("id_token_hint", hint, "post_logout_redirect_uri", wikiBye, "state", "s 2&")
		},
		"by GET, with client_id": func(hint string) answer {
			return v.leave("id_token_hint", hint, "client_id", "wiki", "post_logout_redirect_uri", wikiBye, "state", "s 2&")
		},
		"by POST": func(hint string) answer {
			r := w.request(http.MethodPost, "/end_session", strings.NewReader(
				pairs([]string{"id_token_hint", hint, "post_logout_redirect_uri", wikiBye, "state", "s 2&"}).Encode()))
			r.Header.Set("Content-Type", formType)
			return v.do(r)
		},
	} {
		tokens := v.home(p, "scope", offline)
		second := v.entered(notes)
		wantLeft(t, what, leave(*tokens.IdToken), wikiBye+"?state=s+2%26")
		w.wantActive(what, tokens, false)
		if w.introspectAs(notes, second.AccessToken).Active {
			t.Errorf("%s: the session's other site is still logged in", what)
		}
		v.wantTold(what, asking("prompt", "none"), "login_required")
		wantLeft(t, what+", again", leave(*tokens.IdToken), wikiBye+"?state=s+2%26")
	}
}

// A browser without a session is not asked: the ID token is proof enough of the wish.
func TestASiteLogsAVisitorOutWhoHasNoSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens, other := v.tokens(p, "scope", offline), v.tokens(p, "scope", offline)
	a := v.leave("id_token_hint", *tokens.IdToken)
	if a.Status != http.StatusOK || !strings.Contains(string(a.Body), "You are logged out") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	w.wantActive("the login", tokens, false)
	w.wantActive("another login", other, true)
	wantLeft(t, "nobody", v.leave("client_id", "wiki", "post_logout_redirect_uri", wikiBye), wikiBye)
	w.wantActive("another login", other, true)
}

// §4: an ID token that has expired will do, and it mostly has.
func TestAnExpiredIDTokenIsAHint(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		path := v.hosted(asking())
		p.approveAtHome(v.challenge(path))
		tokens := w.read(w.redeem(v.codeOf(v.told(v.get(path)))))
		time.Sleep(7 * time.Hour)
		wantLeft(t, "after 7 hours", v.leave("id_token_hint", *tokens.IdToken, "post_logout_redirect_uri", wikiBye), wikiBye)
		v.wantTold("then", asking("prompt", "none"), "login_required")
	})
}

// What does not fit together is refused with a page, and nothing has ended.
func TestALogoutThatDoesNotFitTogetherChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.home(p)
	hint := *tokens.IdToken
	for what, parameters := range map[string][]string{
		"a URI that is not registered":       {"id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example/"},
		"a longer URI":                       {"id_token_hint", hint, "post_logout_redirect_uri", wikiBye + "?x=1"},
		"a URI for logins":                   {"id_token_hint", hint, "post_logout_redirect_uri", wikiCallback},
		"another site's URI":                 {"id_token_hint", hint, "post_logout_redirect_uri", notes.PostLogoutRedirectURIs[0]},
		"another site's client_id":           {"id_token_hint", hint, "client_id", "notes", "post_logout_redirect_uri", notes.PostLogoutRedirectURIs[0]},
		"a URI of nobody":                    {"post_logout_redirect_uri", wikiBye},
		"an unknown site":                    {"client_id", "nobody"},
		"an unknown site, and a hint":        {"id_token_hint", hint, "client_id", "nobody"},
		"a hint that is none":                {"id_token_hint", "x"},
		"a hint with another signature":      {"id_token_hint", hint[:strings.LastIndex(hint, ".")] + ".AAAA"},
		"an access token as a hint":          {"id_token_hint", tokens.AccessToken},
		"a hint by a key of somebody else's": {"id_token_hint", forge(t, w.rawPhone().key, nil, map[string]any{"iss": w.issuer, "aud": "wiki", "sid": claimsOf(t, hint)["sid"]})},
		"a hint that is repeated":            {"id_token_hint", hint, "id_token_hint", hint},
		"a state that is repeated":           {"id_token_hint", hint, "state", "a", "state", "b"},
	} {
		a := v.leave(parameters...)
		if a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v", what, a.Status, a.Header)
		}
		if a := v.confirm(append(parameters, "decision", "approve")...); a.Status != http.StatusBadRequest {
			t.Errorf("%s, confirmed: %d", what, a.Status)
		}
	}
	w.wantActive("after all that", tokens, true)
	v.wantTold("after all that", asking("prompt", "none"), "")
}

// §2: without a hint anybody's link could have brought the browser here, so the person is asked.
func TestWithoutAHintThePersonIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.home(p)
	wantAsked(t, "nothing at all", v.leave())
	a := v.leave("client_id", "wiki", "post_logout_redirect_uri", wikiBye, "state", "s-2")
	wantAsked(t, "a site", a)
	if !strings.Contains(string(a.Body), "The Wiki") {
		t.Error("the page does not say who asks")
	}

	for _, decision := range []string{"deny", "", "x"} {
		a = v.confirm("client_id", "wiki", "post_logout_redirect_uri", wikiBye, "state", "s-2", "decision", decision)
		if a.Status != http.StatusOK || len(cookies(t, a)) != 0 || !strings.Contains(string(a.Body), "You are still logged in") {
			t.Errorf("%q: %d %v", decision, a.Status, a.Header)
		}
	}
	// A page of another site's cannot say yes.
	for _, headers := range [][]string{{}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		r := w.request(http.MethodPost, "/end_session/confirm", strings.NewReader("decision=approve"))
		r.Header.Set("Content-Type", formType)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		if a := v.do(r); a.Status != http.StatusForbidden {
			t.Errorf("%v: %d", headers, a.Status)
		}
	}
	w.wantActive("nobody has said yes", tokens, true)
	v.wantTold("nobody has said yes", asking("prompt", "none"), "")

	wantLeft(t, "yes", v.confirm("client_id", "wiki", "post_logout_redirect_uri", wikiBye, "state", "s-2", "decision", "approve"), wikiBye+"?state=s-2")
	w.wantActive("yes", tokens, false)
	v.wantTold("yes", asking("prompt", "none"), "login_required")
	wantLeft(t, "yes, again", v.confirm("client_id", "wiki", "post_logout_redirect_uri", wikiBye, "decision", "approve"), wikiBye)
}

// Whoever has logged in here has an ID token, and could send it in a link.
func TestAnotherPersonsIDTokenEndsNobodysSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attacker, victim := w.phone("+8613800138001"), w.phone("+8613800138000")
	v, elsewhere := w.visitor(), w.visitor()
	tokens := v.home(victim)
	for what, theirs := range map[string]api.TokenResponse{"of no session": w.visitor().tokens(attacker), "of another session": elsewhere.home(attacker)} {
		wantAsked(t, what, v.leave("id_token_hint", *theirs.IdToken, "post_logout_redirect_uri", wikiBye))
		w.wantActive(what+": the victim's", tokens, true)
		w.wantActive(what+": their own", theirs, true)
	}
	v.wantTold("the victim", asking("prompt", "none"), "")
	elsewhere.wantTold("the attacker", asking("prompt", "none"), "")
}

// A login that was made beside the browser's session, and the session, both end when the person says so.
func TestALogoutThatWasAskedForEndsTheLoginOfTheHintToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	session := v.home(p)
	path := v.wantAsks("a scan all the same", asking("prompt", "login"), "scan")
	beside := v.read(v.redeem(v.codeOf(v.scanned(p, path, approving(v, p)))))
	wantAsked(t, "the login beside it", v.leave("id_token_hint", *beside.IdToken))
	w.wantActive("nobody has said yes", beside, true)
	if a := v.confirm("id_token_hint", *beside.IdToken, "decision", "approve"); a.Status != http.StatusOK {
		t.Errorf("yes: %d", a.Status)
	}
	w.wantActive("the session", session, false)
	w.wantActive("the login beside it", beside, false)
}

func TestTheLogoutPageShowsNothingAsMarkup(t *testing.T) {
	t.Parallel()
	bold := app.Client{ID: "bold", Secret: wikiSecret, Name: `<b>"Bold"</b>`, RedirectURIs: []string{wikiCallback}, PostLogoutRedirectURIs: []string{wikiBye}}
	w := newWorld(t, withClient(bold))
	p, v := w.phone("+8613800138000"), w.visitor()
	v.home(p)
	const hostile = `"><script>alert(1)</script>`
	a := v.leave("client_id", "bold", "post_logout_redirect_uri", wikiBye, "state", hostile, "ui_locales", hostile, "logout_hint", hostile)
	wantAsked(t, "hostile", a)
	page := string(a.Body)
	if strings.Contains(page, "<script>") || strings.Contains(page, "<b>") || !strings.Contains(html.UnescapeString(page), `value="`+hostile+`"`) {
		t.Errorf("%s", page)
	}
	if a := v.leave("client_id", hostile); strings.Contains(string(a.Body), "<script>") {
		t.Errorf("%s", a.Body)
	}
	a = v.confirm("client_id", "bold", "post_logout_redirect_uri", wikiBye, "state", hostile, "decision", "approve")
	wantLeft(t, "hostile", a, wikiBye+"?state="+url.QueryEscape(hostile))
}

// OIDC Back-Channel Logout 1.0.

// told is a logout token that a site got.
type told struct{ site, token string }

// backchannel is the sites' own servers. The first answers of each site may be failures.
func backchannel(t *testing.T, failures int) (base string, heard chan told) {
	t.Helper()
	heard = make(chan told, 100)
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != formType {
			t.Errorf("%s %s %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		heard <- told{strings.TrimPrefix(r.URL.Path, "/"), r.PostForm.Get("logout_token")}
		if int(n.Add(1)) <= failures {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, heard
}

// listening is two sites that want to be told, one of them by RS256.
func listening(base string) (wiki, rs256 app.Client) {
	wiki, rs256 = site("wiki"), notes
	wiki.BackchannelLogoutURI, rs256.BackchannelLogoutURI = base+"/wiki", base+"/notes"
	rs256.SigningAlg = "RS256"
	return wiki, rs256
}

func TestEverySiteOfASessionIsToldOfItsEnd(t *testing.T) {
	t.Parallel()
	base, heard := backchannel(t, 0)
	wiki, rs256 := listening(base)
	w := newWorld(t, withPrivateNetworks, withClient(wiki), withClient(rs256))
	p, v := w.phone("+8613800138000"), w.visitor()
	logins := map[string]map[string]any{
		"wiki": claimsOf(t, *v.home(p).IdToken), "notes": claimsOf(t, *v.entered(rs256).IdToken),
	}
	v.tokens(p, "prompt", "login") // beside the session: it goes on
	if a := v.confirm("decision", "approve"); a.Status != http.StatusOK {
		t.Fatalf("%d", a.Status)
	}
	keys := w.keySet()
	for range 2 {
		got := <-heard
		login := logins[got.site]
		if login == nil {
			t.Fatalf("%s is told twice, or was not logged in", got.site)
		}
		delete(logins, got.site)
		kid, good := verifies(t, keys, got.token)
		var header struct{ Alg, Typ string }
		answer{Body: decode64(t, strings.Split(got.token, ".")[0])}.decode(t, &header)
		if want := map[string]string{"wiki": "ES256", "notes": "RS256"}[got.site]; !good || header.Alg != want || header.Typ != "logout+jwt" {
			t.Errorf("%s: signed by %s, verifies %t, %+v", got.site, kid, good, header)
		}
		claims := claimsOf(t, got.token)
		events, _ := claims["events"].(map[string]any)
		if fmt.Sprint(events) != "map[http://schemas.openid.net/event/backchannel-logout:map[]]" || claims["nonce"] != nil || claims["jti"] == "" {
			t.Errorf("%s: %v", got.site, claims)
		}
		for _, claim := range []string{"iss", "aud", "sub", "sid"} {
			if claims[claim] != login[claim] {
				t.Errorf("%s: %s is %v, of the login %v", got.site, claim, claims[claim], login[claim])
			}
		}
		if life := claims["exp"].(float64) - claims["iat"].(float64); life <= 0 || life > 120 {
			t.Errorf("%s: good for %v s", got.site, life)
		}
		// It is nothing but what it is (§2.4): no access token, no hint.
		if a := w.userInfo(got.token); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: userinfo takes it: %d", got.site, a.Status)
		}
		if a := v.leave("id_token_hint", got.token); a.Status != http.StatusBadRequest {
			t.Errorf("%s: it is a hint: %d", got.site, a.Status)
		}
	}
}

func TestASiteThatFailsIsToldAgainByAnotherToken(t *testing.T) {
	t.Parallel()
	base, heard := backchannel(t, 1)
	wiki, _ := listening(base)
	w := newWorld(t, withPrivateNetworks, withClient(wiki))
	p, v := w.phone("+8613800138000"), w.visitor()
	sid := claimsOf(t, *v.tokens(p).IdToken)["sid"]
	if err := p.EndLogin(t.Context(), sid.(string)); err != nil {
		t.Fatal(err)
	}
	first, second := claimsOf(t, (<-heard).token), claimsOf(t, (<-heard).token)
	if first["sid"] != sid || second["sid"] != sid || first["jti"] == second["jti"] {
		t.Errorf("%v, then %v", first, second)
	}
}

// SECURITY.md §6, and RFC 9700 §4.14.2: a thief is not told that he was noticed.
func TestNobodyIsToldWhoShouldNotBe(t *testing.T) {
	t.Parallel()
	base, heard := backchannel(t, 0)
	wiki, _ := listening(base)
	inside := newWorld(t, withClient(wiki)) // private networks are not allowed
	p, v := inside.phone("+8613800138000"), inside.visitor()
	v.home(p)
	v.confirm("decision", "approve")

	w := newWorld(t, withPrivateNetworks, withClient(wiki))
	p, v = w.phone("+8613800138000"), w.visitor()
	code := v.code(p)
	w.read(w.redeem(code))
	w.redeem(code) // a thief
	sid := claimsOf(t, *v.tokens(p).IdToken)["sid"].(string)
	for range 2 { // once is told, whoever says it again
		if err := p.Disown(t.Context(), sid); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []*world{inside, w} {
		if err := w.provider.Close(); err != nil {
			t.Error(err)
		}
	}
	var sids []any
	for len(heard) > 0 {
		sids = append(sids, claimsOf(t, (<-heard).token)["sid"])
	}
	if !slices.Equal(sids, []any{sid}) {
		t.Errorf("told of %v, not of %s alone", sids, sid)
	}
}

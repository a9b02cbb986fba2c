package app_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

// What an authorization request may say, and where it is answered: RFC 6749 §4.1.1, RFC 9700 §2 and §4, OIDC Core §3.1.2.

// loopback is a program on somebody's machine, which has no secret (RFC 8252).
var loopback = app.Client{
	ID: "loopback", Name: "A Program", RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]/cb?x=1", "com.example.app:/cb"},
}

// outcome is how an authorization request is answered: "hosted" for the login page, "page" for an error that goes nowhere, "code"
// for a login, and otherwise the error that the wiki is told.
func (v *visitor) outcome(q url.Values) string {
	v.t.Helper()
	a := v.authorize(q)
	switch to := a.Header.Get("Location"); {
	case a.Status == http.StatusBadRequest && to == "" && strings.HasPrefix(a.Header.Get("Content-Type"), "text/html"):
		return "page"
	case a.Status == http.StatusSeeOther && strings.HasPrefix(to, "/authorize/"):
		return "hosted"
	}
	said := v.told(a)
	if said.Get("iss") != v.issuer || said.Get("state") != q.Get("state") { // RFC 9207 §2: in errors too
		v.t.Errorf("%v: told %v", q, said)
	}
	if said.Get("code") != "" {
		return "code"
	}
	return said.Get("error")
}

// wantOutcomes holds the outcomes of requests that differ from a good one in these changes.
func (v *visitor) wantOutcomes(want string, all map[string][]string) {
	v.t.Helper()
	for what, changes := range all {
		if got := v.outcome(asking(changes...)); got != want {
			v.t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}

// RFC 6749 §4.1.2.1, RFC 9700 §4.11: until both are known to be good nothing is redirected anywhere.
func TestAnUnknownClientIsToldNothing(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	for _, id := range []string{"", "x", "WIKI", "wiki ", "wiki\n", "shop", "other", "../wiki", "wiki'--", strings.Repeat("w", 5000), "\u202ewiki"} {
		v.wantOutcomes("page", map[string][]string{"client " + id: {"client_id", id}})
	}
}

func TestNobodyIsRedirectedToAURIThatIsNotRegistered(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	for _, uri := range []string{
		"", "https://evil.example/callback", "https://other.example/callback", "https://wiki.example", "https://wiki.example/", // another's, less
		wikiCallback + "/", wikiCallback + "x", wikiCallback + "/x", wikiCallback + "/../x", wikiCallback + ";x", wikiCallback + "%00", wikiCallback + ".evil.example", // a suffix
		"https://wiki.example/./callback", "https://wiki.example/x/../callback", "https://wiki.example//callback", "https://wiki.example/%63allback", "https://wiki.example/callbac%6b", // the same in another writing
		"https://wiki.example/Callback", "https://WIKI.example/callback", "HTTPS://wiki.example/callback", "https://wiki.example./callback", "https://wiki\u3002example/callback",
		"https://wiki.example:443/callback", "https://wiki.example:8443/callback", "https://wiki.example:/callback", "http://wiki.example/callback", // another port or scheme
		"https://wiki.example@evil.example/callback", "https://evil.example@wiki.example/callback", "https://:@wiki.example/callback", "https://wiki.example\\@evil.example/callback", // userinfo
		"https://wiki.example.evil.example/callback", "https://evilwiki.example/callback", "https://sub.wiki.example/callback", "https://evil.example/https://wiki.example/callback",
		"https://evil.example?" + wikiCallback, "https://evil.example#" + wikiCallback, "https://evil.example/" + wikiCallback, "//wiki.example/callback", "/callback", "callback", "https:/wiki.example/callback", "https:wiki.example/callback",
		"javascript:alert(1)//" + wikiCallback, "data:text/html,<script>alert(1)</script>", "file:///etc/passwd", "urn:ietf:wg:oauth:2.0:oob", // no page at all
		wikiCallback + "#", wikiCallback + "#x", wikiCallback + "?", wikiCallback + "?x=1", wikiCallback + "?page=2", wikiCallback + "?page=1&x=1", wikiCallback + "?page=1#x", wikiCallback + "&page=1", // a fragment, another query
		" " + wikiCallback, wikiCallback + " ", "\t" + wikiCallback, wikiCallback + "\n", wikiCallback + "\r\nLocation: https://evil.example", "\ufeff" + wikiCallback, wikiCallback + " https://evil.example",
		wikiCallback + "," + wikiCallback, strings.Repeat("a", 9000),
	} {
		v.wantOutcomes("page", map[string][]string{
			"redirect_uri " + uri:              {"redirect_uri", uri},
			"with an error " + uri:             {"redirect_uri", uri, "response_type", ""},
			"with prompt none " + uri:          {"redirect_uri", uri, "prompt", "none"},
			"with form_post " + uri:            {"redirect_uri", uri, "response_mode", "form_post"},
			"with a request_uri of its " + uri: {"redirect_uri", uri, "request_uri", "https://evil.example/r.jwt"},
		})
	}
	v.wantOutcomes("hosted", map[string][]string{"registered": {}, "registered with a query": {"redirect_uri", wikiCallback + "?page=1"}})
	said := v.authorize(asking("redirect_uri", wikiCallback+"?page=1", "prompt", "none")).Header.Get("Location")
	if !strings.HasPrefix(said, wikiCallback+"?page=1&") || !strings.Contains(said, "error=login_required") {
		t.Errorf("the registered query is not kept: %s", said)
	}
}

// RFC 8252 §7: a program takes the port that it gets, and nothing else is free.
func TestAProgramsRedirectURIIsFreeInThePortOfTheLoopbackAlone(t *testing.T) {
	t.Parallel()
	v := newWorld(t, withClient(loopback)).visitor()
	ask := func(uri string) answer {
		return v.authorize(asking("client_id", loopback.ID, "redirect_uri", uri, "prompt", "none", "scope", "openid"))
	}
	for _, uri := range []string{"http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:51004/cb", "http://[::1]:51004/cb?x=1", "com.example.app:/cb"} {
		to := ask(uri).Header.Get("Location")
		if !strings.HasPrefix(to, uri) || !strings.Contains(to, "error=login_required") || !strings.Contains(to, "iss=") {
			t.Errorf("%s: sent to %q", uri, to)
		}
	}
	for _, uri := range []string{
		"http://localhost:51004/cb", "http://127.0.0.2:51004/cb", "http://127.1:51004/cb", "http://2130706433:51004/cb", "http://0.0.0.0:51004/cb", "http://[::]:51004/cb?x=1", "http://[0:0:0:0:0:0:0:1]:51004/cb?x=1",
		"https://127.0.0.1:51004/cb", "HTTP://127.0.0.1:51004/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:05/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:-1/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:1:2/cb",
		"http://127.0.0.1:51004", "http://127.0.0.1:51004/", "http://127.0.0.1:51004/cb/", "http://127.0.0.1:51004/cb?x=1", "http://127.0.0.1:51004/cb#x", "http://[::1]:51004/cb", "http://127.0.0.1:51004/x/../cb",
		"http://127.0.0.1:51004@evil.example/cb", "http://evil.example@127.0.0.1:51004/cb", "http://127.0.0.1.evil.example:51004/cb", "http://127.0.0.1:51004.evil.example/cb",
		"com.example.app:/cb/x", "com.example.app:/cb?x=1", "com.example.app://cb", "com.example.app:cb", "COM.EXAMPLE.APP:/cb", "com.example.app.evil:/cb", "com.example.app:51004/cb",
	} {
		if a := ask(uri); a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d, sent to %q", uri, a.Status, a.Header.Get("Location"))
		}
	}
}

func TestTheResponseTypeIsCode(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	v.wantOutcomes("invalid_request", map[string][]string{"none": {"response_type", ""}})
	for _, other := range []string{"token", "id_token", "id_token token", "code token", "code id_token", "none", "code code", "CODE", "code ", "x", "\u202e"} {
		v.wantOutcomes("unsupported_response_type", map[string][]string{other: {"response_type", other}})
	}
}

// An answer in a fragment would be the implicit flow's; no other mode is offered.
func TestTheResponseModeIsQueryOrFormPost(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	for _, other := range []string{"fragment", "jwt", "query.jwt", "form_post.jwt", "web_message", "QUERY", "x"} {
		v.wantOutcomes("invalid_request", map[string][]string{other: {"response_mode", other}})
	}
	v.wantOutcomes("hosted", map[string][]string{"query": {"response_mode", "query"}, "form_post": {"response_mode", "form_post"}})
}

// OIDC Core §3.1.2.6: each has an error of its own, which says that it is not read.
func TestRequestObjectsAndRegistrationInPassingAreRefused(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	const unsigned = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ."
	v.wantOutcomes("request_not_supported", map[string][]string{"request": {"request", unsigned}, "garbage": {"request", "x"}})
	v.wantOutcomes("request_uri_not_supported", map[string][]string{
		"request_uri": {"request_uri", "https://wiki.example/request.jwt"}, "loopback": {"request_uri", v.issuer + "/jwks"},
		"another URN": {"request_uri", "urn:x"}, "another case": {"request_uri", "URN:ietf:params:oauth:request_uri:x"},
	})
	v.wantOutcomes("registration_not_supported", map[string][]string{"registration": {"registration", `{"redirect_uris":["https://evil.example"]}`}})
}

// RFC 9700 §2.1.1, §4.8.2: S256, and no way around it.
func TestPKCECannotBeDowngraded(t *testing.T) {
	t.Parallel()
	v := newWorld(t, withClient(loopback)).visitor()
	wrong := map[string][]string{
		"no challenge":         {"code_challenge", "", "code_challenge_method", ""},
		"a method alone":       {"code_challenge", ""},
		"no method":            {"code_challenge_method", ""}, // RFC 7636 §4.3: that would be plain
		"plain":                {"code_challenge_method", "plain", "code_challenge", verifier},
		"plain with a digest":  {"code_challenge_method", "plain"},
		"s256":                 {"code_challenge_method", "s256"},
		"S512":                 {"code_challenge_method", "S512"},
		"the verifier":         {"code_challenge", verifier},
		"a short challenge":    {"code_challenge", s256(verifier)[:42]},
		"a long challenge":     {"code_challenge", s256(verifier) + "A"},
		"a padded challenge":   {"code_challenge", s256(verifier) + "="},
		"bits that are not":    {"code_challenge", s256(verifier)[:42] + "B"},
		"a challenge in hex":   {"code_challenge", strings.Repeat("ab", 32)},
		"a challenge with a +": {"code_challenge", "+" + s256(verifier)[1:]},
	}
	v.wantOutcomes("invalid_request", wrong)
	for what, changes := range wrong {
		said := v.authorize(asking(slices.Concat(changes, []string{"client_id", loopback.ID, "redirect_uri", loopback.RedirectURIs[0]})...)).Header.Get("Location")
		if !strings.Contains(said, "error=invalid_request") {
			t.Errorf("a public client with %s: %s", what, said)
		}
		if what == "no challenge" {
			continue
		}
		// Who may leave it out may not do it wrong.
		v.wantOutcomes("invalid_request", map[string][]string{"an older site with " + what: append(changes, "client_id", "old-wiki")})
	}
	v.wantOutcomes("hosted", map[string][]string{"an older site": {"client_id", "old-wiki", "code_challenge", "", "code_challenge_method", ""}})
}

func TestAPublicClientCannotBeRegisteredToDoWithoutPKCE(t *testing.T) {
	t.Parallel()
	if _, err := app.NewClient(app.Client{ID: "p", RedirectURIs: []string{wikiCallback}, PKCEOptional: true}); err == nil {
		t.Error("it can")
	}
}

func TestParametersThatOnlyCarrySomethingMayBeMissingAndAreBounded(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	v.wantOutcomes("hosted", map[string][]string{
		"no state":          {"state", ""},
		"no nonce":          {"nonce", ""}, // OIDC Core §3.1.2.1: optional in the code flow
		"a long state":      {"state", strings.Repeat("s", 4096)},
		"a hostile state":   {"state", "\"><script>alert(1)</script>\r\nSet-Cookie: x=1"},
		"a long nonce":      {"nonce", strings.Repeat("n", 255)},
		"display":           {"display", "popup"},
		"another display":   {"display", "hologram"},
		"ui_locales":        {"ui_locales", "zh-CN en"},
		"hostile locales":   {"ui_locales", "<script> ../../etc -- x-x-x-x-x " + strings.Repeat("a", 500)},
		"claims_locales":    {"claims_locales", "se"},
		"login_hint":        {"login_hint", "+8613800138000"},
		"a hostile hint":    {"login_hint", "' OR 1=1 --\x7f"},
		"acr_values":        {"acr_values", "urn:x urn:y"}, // OIDC Core §3.1.2.1: voluntary
		"id_token_hint":     {"id_token_hint", ""},
		"an unknown one":    {"extra", "foobar"},
		"one in upper case": {"SCOPE", "admin"},
	})
	v.wantOutcomes("invalid_request", map[string][]string{
		"too long a state":       {"state", strings.Repeat("s", 4097)},
		"too long a nonce":       {"nonce", strings.Repeat("n", 256)},
		"a nonce that turns":     {"nonce", "n\u202e"},
		"a nonce of controls":    {"nonce", "n\x1b"},
		"a dpop_jkt that is not": {"dpop_jkt", "x"},
	})
}

func TestScopesAndResourcesAreTheClientsOwn(t *testing.T) {
	t.Parallel()
	v := newWorld(t, withClient(app.Client{ID: "limited-wiki", RedirectURIs: []string{wikiCallback}, Scopes: []string{"openid"}})).visitor()
	v.wantOutcomes("hosted", map[string][]string{
		"none is openid":    {"scope", ""},
		"an unknown beside": {"scope", "openid profile email address phone admin"},
		"another order":     {"scope", "phone  openid phone"},
		"no openid":         {"scope", "phone"},
		"its resource":      {"resource", "https://api.example/v1"},
	})
	v.wantOutcomes("invalid_scope", map[string][]string{
		"unknown ones":   {"scope", "profile email"},
		"another case":   {"scope", "OPENID"},
		"quoted":         {"scope", `"openid"`},
		"not the site's": {"scope", "phone", "client_id", "limited-wiki"},
	})
	v.wantOutcomes("invalid_target", map[string][]string{
		"another's":        {"resource", "https://evil.example"},
		"a part of its":    {"resource", "https://api.example"},
		"more than its":    {"resource", "https://api.example/v1/x"},
		"with a fragment":  {"resource", "https://api.example/v1#x"},
		"a good and a bad": {"resource", "https://api.example/v1 https://evil.example"},
		"ours":             {"resource", v.issuer},
	})
}

// OIDC Core §3.1.2.1, §3.1.2.6: with none nobody sees a page.
func TestAPromptIsOneThatExistsAndNoneStandsAlone(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	v.wantOutcomes("hosted", map[string][]string{
		"login": {"prompt", "login"}, "consent": {"prompt", "consent"}, "select_account": {"prompt", "select_account"},
		"all of them": {"prompt", "login consent select_account login"},
	})
	v.wantOutcomes("login_required", map[string][]string{"none": {"prompt", "none"}, "none twice": {"prompt", "none none"}})
	v.wantOutcomes("invalid_request", map[string][]string{
		"none and login": {"prompt", "none login"}, "consent and none": {"prompt", "consent none"}, "another": {"prompt", "x"},
		"a list by commas": {"prompt", "login,consent"}, "another case": {"prompt", "NONE"},
	})
}

func TestMaxAgeIsANumberOfSeconds(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	v.wantOutcomes("hosted", map[string][]string{"0": {"max_age", "0"}, "a day": {"max_age", "86400"}, "the largest": {"max_age", "2147483647"}})
	for _, wrong := range []string{"-1", "+1", "1.5", "1e3", "0x10", "x", " 1", "1s", "99999999999999999999", "٣"} {
		v.wantOutcomes("invalid_request", map[string][]string{"max_age " + wrong: {"max_age", wrong}})
	}
}

// OIDC Core §5.5.
func TestTheClaimsParameterIsReadOrRefused(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	for _, wrong := range []string{"x", "{", "[]", `"x"`, "7", `{"id_token":[]}`, `{"id_token":7}`, `{"id_token":{"sub":7}}`, `{"id_token":{"sub":{"value":7}}}`, `{"id_token":{"acr":{"values":"x"}}}`, `{}{}`, `{"userinfo":{"sub":"x"}}`} {
		v.wantOutcomes("invalid_request", map[string][]string{"claims " + wrong: {"claims", wrong}})
	}
	for _, good := range []string{
		`{}`, `{"userinfo":null}`, `{"userinfo":{"name":{"essential":true},"picture":null}}`, `{"id_token":{"auth_time":{"essential":true}}}`, `{"x":{"y":null}}`,
		`{"id_token":{"acr":{"value":"urn:x"}}}`, `{"id_token":{"acr":null}}`, `{"id_token":{"acr":{"essential":true}}}`, `{"id_token":{"sub":null}}`,
	} {
		v.wantOutcomes("hosted", map[string][]string{"claims " + good: {"claims", good}})
	}
	for _, unmet := range []string{`{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}`, `{"id_token":{"acr":{"essential":true,"values":["urn:x","urn:y"]}}}`} {
		v.wantOutcomes("unmet_authentication_requirements", map[string][]string{"claims " + unmet: {"claims", unmet}})
	}
	v.wantOutcomes("invalid_request", map[string][]string{"two people": {"claims", `{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}`}})
}

func TestAClaimThatBelongsToAScopeIsAskedForAsThatScope(t *testing.T) {
	t.Parallel()
	limited := app.Client{ID: "limited-wiki", Secret: wikiSecret, RedirectURIs: []string{wikiCallback}, Scopes: []string{"openid"}}
	w := newWorld(t, withClient(limited))
	p, v := w.phone("+8613800138000"), w.visitor()
	for _, c := range []app.Client{site("wiki"), limited} {
		var shown []string
		path := v.hosted(asking("client_id", c.ID, "scope", "openid", "claims", `{"userinfo":{"phone_number":null}}`))
		said := v.scanned(p, path, func(claim *phone.Claim) error {
			shown = claim.Consent.Scopes
			return approving(v, p)(claim)
		})
		tokens := w.read(w.redeemAs(c, said.Get("code")))
		var info api.UserInfo
		w.userInfo(tokens.AccessToken).decode(t, &info)
		may := slices.Contains(c.Scopes, "phone")
		if slices.Contains(shown, "phone") != may || (info.PhoneNumber != nil) != may {
			t.Errorf("%s: the phone was shown %v, userinfo says %+v", c.ID, shown, info)
		}
	}
}

// OIDC Core §3.1.2.1: an ID token of this client, whenever it has expired; not one that was never given to it.
func TestAnIDTokenHintIsAnIDTokenOfThisClient(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		login := func(c app.Client) api.TokenResponse {
			path := v.hosted(askingAs(c, "scope", "openid"))
			p.approve(v.challenge(path))
			to, err := url.Parse(v.get(path).Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			return w.read(w.redeemAs(c, to.Query().Get("code")))
		}
		own, others := login(site("wiki")), login(notes)
		parts := strings.Split(*own.IdToken, ".")
		v.wantOutcomes("invalid_request", map[string][]string{
			"garbage":                  {"id_token_hint", "x"},
			"another site's":           {"id_token_hint", *others.IdToken},
			"an access token":          {"id_token_hint", own.AccessToken},
			"one unsigned":             {"id_token_hint", "eyJhbGciOiJub25lIn0." + parts[1] + "."},
			"one cut short":            {"id_token_hint", parts[0] + "." + parts[1]},
			"one re-signed":            {"id_token_hint", forge(t, p.key, map[string]any{"typ": "JWT"}, map[string]any{"iss": w.issuer, "aud": "wiki", "sub": "x"})},
			"a giant":                  {"id_token_hint", strings.Repeat("A", 9000)},
			"another person by claims": {"id_token_hint", *own.IdToken, "claims", `{"id_token":{"sub":{"value":"x"}}}`},
		})
		v.wantOutcomes("hosted", map[string][]string{"its own": {"id_token_hint", *own.IdToken}})
		time.Sleep(24 * time.Hour)
		v.wantOutcomes("hosted", map[string][]string{"its own, expired": {"id_token_hint", *own.IdToken}})
	}, withClient(notes))
}

func TestPromptLoginAsksForAScanAndGivesANewAuthTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		path := v.hosted(asking())
		p.approve(v.challenge(path))
		first := claimsOf(t, *w.read(w.redeem(v.told(v.get(path)).Get("code"))).IdToken)
		time.Sleep(10 * time.Second)
		path = v.hosted(asking("prompt", "login"))
		p.approve(v.challenge(path))
		second := claimsOf(t, *w.read(w.redeem(v.told(v.get(path)).Get("code"))).IdToken)
		if first["sub"] != second["sub"] || second["auth_time"].(float64) < first["auth_time"].(float64)+10 {
			t.Errorf("first %v, then %v", first, second)
		}
	})
}

// RFC 9207, RFC 9700 §4.4: whoever talks to two providers can tell whose answer it is, also when it is an error or a form.
func TestEveryAnswerNamesItsIssuerAndBringsTheState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	const state = `"><script>alert(1)</script>`
	for what, changes := range map[string][]string{"an error": {"prompt", "none"}, "a bad request": {"response_type", "token"}, "a bad parameter": {"nonce", "\x1b"}} {
		for _, mode := range []string{"query", "form_post"} {
			a := v.authorize(asking(append(changes, "response_mode", mode, "state", state)...))
			said := formOrQuery(t, a)
			if said.Get("iss") != w.issuer || said.Get("state") != state || said.Get("error") == "" || said.Get("code") != "" {
				t.Errorf("%s by %s: %v", what, mode, said)
			}
		}
	}
	path := v.hosted(asking("response_mode", "form_post", "state", state))
	w.approve(p, v.challenge(path))
	said := formOrQuery(t, v.get(path))
	if said.Get("iss") != w.issuer || said.Get("state") != state || w.redeem(said.Get("code")).Status != http.StatusOK {
		t.Errorf("a form says %v", said)
	}
	if said := formOrQuery(t, v.authorize(asking("state", "", "prompt", "none"))); said.Has("state") {
		t.Errorf("a state that was not sent: %v", said)
	}
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// formOrQuery reads an answer, whichever way it is sent.
func formOrQuery(t *testing.T, a answer) url.Values {
	t.Helper()
	if to := a.Header.Get("Location"); to != "" {
		return mustQuery(t, to)
	}
	said := url.Values{}
	for _, field := range hiddenInput.FindAllSubmatch(a.Body, -1) {
		said.Set(html.UnescapeString(string(field[1])), html.UnescapeString(string(field[2])))
	}
	if !strings.Contains(string(a.Body), `action="`+wikiCallback+`"`) {
		t.Fatalf("not for the wiki: %d %s", a.Status, a.Body)
	}
	return said
}

// pagesShown is every sort of page, with a hostile text in whatever a request says.
func pagesShown(t *testing.T, w *world, hostile string) map[string]answer {
	t.Helper()
	p, v := w.phone("+8613800138000"), w.visitor()
	shown := map[string]answer{
		"an unknown client":  v.authorize(asking("client_id", hostile, "state", hostile)),
		"a wrong redirect":   v.authorize(asking("redirect_uri", "https://evil.example/"+hostile, "state", hostile)),
		"a malformed form":   v.get("/authorize?x=1&x=1&state=" + url.QueryEscape(hostile)),
		"a request_uri":      v.authorize(asking("request_uri", "urn:ietf:params:oauth:request_uri:"+hostile)),
		"no transaction":     v.get("/authorize/" + url.PathEscape(hostile)),
		"an error by a form": v.authorize(asking("response_mode", "form_post", "prompt", "none", "state", hostile, "nonce", "n")),
		"another site":       v.do(v.request(http.MethodPost, "/end_session/confirm", nil)),
		"a wrong logout":     v.get("/end_session?client_id=wiki&post_logout_redirect_uri=" + url.QueryEscape(hostile)),
		"a wrong hint":       v.get("/end_session?id_token_hint=" + url.QueryEscape(hostile)),
		"logged out":         v.get("/end_session?state=" + url.QueryEscape(hostile)),
	}
	shown["the login page"] = v.get(v.hosted(asking("state", hostile, "login_hint", hostile, "ui_locales", hostile, "acr_values", hostile)))
	v.home(p)
	shown["the consent page"] = v.get(v.hosted(asking("prompt", "consent", "state", hostile)))
	shown["the logout page"] = v.get("/end_session?client_id=wiki&state=" + url.QueryEscape(hostile) + "&ui_locales=" + url.QueryEscape(hostile))
	shown["who stayed"] = v.post("/end_session/confirm", formType, url.Values{"client_id": {"wiki"}, "state": {hostile}}.Encode())
	path := v.hosted(asking("prompt", "login", "response_mode", "form_post", "state", hostile))
	w.approve(p, v.challenge(path))
	shown["a code by a form"] = v.get(path)
	return shown
}

// RFC 9700 §4.16: a page that asks something cannot be put under another one.
func TestNoPageMayBeFramedCachedOrReferredFrom(t *testing.T) {
	t.Parallel()
	for what, a := range pagesShown(t, newWorld(t), "x") {
		h := a.Header
		if !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("%s is no page: %d %s", what, a.Status, a.Body)
		}
		policy := h.Get("Content-Security-Policy")
		if h.Get("X-Frame-Options") != "DENY" || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") ||
			strings.Contains(policy, "unsafe") || !strings.Contains(policy, "base-uri 'none'") {
			t.Errorf("%s: X-Frame-Options %q, Content-Security-Policy %q", what, h.Get("X-Frame-Options"), policy)
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", what, h)
		}
	}
}

func TestNothingOfARequestIsShownUnescaped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, a := range pagesShown(t, w, `'"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}`) {
		body := string(a.Body)
		for _, raw := range []string{"<script>alert", "<img src=x", `'">`, "onerror=alert(1)>"} {
			if strings.Contains(body, raw) {
				t.Errorf("%s has %s: %s", what, raw, body)
			}
		}
		if a.Status >= http.StatusInternalServerError {
			t.Errorf("%s: %d", what, a.Status)
		}
	}
}

// RFC 9700 §4.5: a code that was stolen is of no use in a login that its thief has begun.
func TestAnInjectedCodeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, victim, thief := w.phone("+8613800138000"), w.visitor(), w.visitor()
	const thiefs = "another-verifier-of-forty-three-characters-or-more"
	stolen := victim.code(p)
	own := thief.code(p, "code_challenge", s256(thiefs))
	w.redeem(stolen, "code_verifier", thiefs).wants(t, "the victim's code in the thief's login", http.StatusBadRequest, "invalid_grant")
	w.redeem(own).wants(t, "the thief's code in the victim's login", http.StatusBadRequest, "invalid_grant")
	w.redeem(stolen).wants(t, "each in its own", http.StatusOK, "")
	w.redeem(own, "code_verifier", thiefs).wants(t, "each in its own", http.StatusOK, "")
}

// RFC 6749 §3.1: once, each; a site that is known is told, and it is not told by a URI that is there twice.
func TestARepeatedParameterIsRefused(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	for name := range asking("prompt", "login", "max_age", "1", "response_mode", "form_post", "ui_locales", "en", "claims", "{}", "dpop_jkt", "x", "request", "x", "login_hint", "x") {
		q := asking()
		q[name] = append(q[name], q[name]...)
		if len(q[name]) == 0 {
			q[name] = []string{"x", "x"}
		}
		want, told := "invalid_request", asking()
		switch name {
		case "client_id", "redirect_uri":
			want = "page"
		case "state":
			told.Del("state")
		}
		a := v.authorize(q)
		if want == "page" {
			if a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
				t.Errorf("%s twice: %d %s", name, a.Status, a.Header.Get("Location"))
			}
			continue
		}
		if said := v.told(a); said.Get("error") != want || said.Get("state") != told.Get("state") {
			t.Errorf("%s twice: told %v", name, said)
		}
	}
	q := asking()
	q["resource"] = []string{"https://api.example/v1", "https://api.example/v2"} // RFC 8707 §2
	if got := v.outcome(q); got != "hosted" {
		t.Errorf("two resources: %s", got)
	}
}

// OIDC Core §3.1.2.1: by POST as by GET; the cookie of the browser is not sent with another site's POST, and comes by the GET behind.
func TestAnAuthorizationRequestByPostIsAnsweredAsByGet(t *testing.T) {
	t.Parallel()
	v := newWorld(t).visitor()
	post := func(q url.Values) answer {
		r := v.request(http.MethodPost, "/authorize", strings.NewReader(q.Encode()))
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Origin", "https://wiki.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		a := v.do(r)
		if to := a.Header.Get("Location"); strings.HasPrefix(to, "/authorize?") {
			if a.Header.Get("Set-Cookie") != "" {
				t.Error("a cookie is set where none may be read")
			}
			again := v.get(to)
			if v.get(to).Status != http.StatusBadRequest {
				t.Error("a posted request is good twice")
			}
			return again
		}
		return a
	}
	if to := post(asking()).Header.Get("Location"); !strings.HasPrefix(to, "/authorize/") {
		t.Errorf("sent to %q", to)
	}
	for want, changes := range map[string][]string{
		"invalid_request": {"code_challenge", ""}, "login_required": {"prompt", "none"}, "unsupported_response_type": {"response_type", "token"},
		"request_not_supported": {"request", "x"}, "request_uri_not_supported": {"request_uri", "https://wiki.example/r"},
	} {
		if said := v.told(post(asking(changes...))); said.Get("error") != want || said.Get("state") != "s-1" {
			t.Errorf("want %s, told %v", want, said)
		}
	}
	for _, changes := range [][]string{{"client_id", "x"}, {"redirect_uri", "https://evil.example"}, {"redirect_uri", ""}, {"request_uri", "urn:qrlogin:posted:x"}} {
		if a := post(asking(changes...)); a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("%v: %d %s", changes, a.Status, a.Header.Get("Location"))
		}
	}
}

// registeredURIs is where a client of the fuzz world may be answered.
func registeredURIs(id string) []string {
	for _, c := range append(slices.Clone(sites), loopback, notes, program) {
		if c.ID == id {
			return c.RedirectURIs
		}
	}
	return nil
}

// Whatever a browser brings, it gets a page, or is sent to the provider's own page or to a registered URI of the client that the
// request names.
func FuzzAuthorizationRequest(f *testing.F) {
	w := newWorld(f, withClient(loopback), withClient(notes), withClient(program))
	for _, seed := range []string{
		"", "client_id=wiki", "%", "&&&=;", "client_id=wiki&client_id=wiki", asking().Encode(), asking("prompt", "none").Encode() + "&prompt=none",
		asking("client_id", "loopback", "redirect_uri", "http://127.0.0.1:51004/cb", "prompt", "none").Encode(),
		asking("client_id", "loopback", "redirect_uri", "http://[::1]:51004/cb?x=1", "response_mode", "form_post", "prompt", "none").Encode(),
		asking("client_id", "loopback", "redirect_uri", "com.example.app:/cb", "prompt", "none").Encode(),
		asking("client_id", "notes", "redirect_uri", wikiCallback).Encode(), askingAs(notes, "response_type", "token").Encode(),
		asking("redirect_uri", wikiCallback+"?page=1", "claims", `{"id_token":{"acr":{"essential":true,"values":["x"]}}}`).Encode(),
		asking("redirect_uri", "https://wiki.example@evil.example/callback").Encode(), asking("state", "\r\nLocation: x").Encode() + "&x=%00",
		asking("request_uri", "urn:ietf:params:oauth:request_uri:x").Encode(), asking("request_uri", "urn:qrlogin:posted:x").Encode(),
		asking("resource", "https://api.example/v1").Encode() + "&resource=%20", asking("max_age", "-1").Encode(), asking("id_token_hint", "e30.e30.e30").Encode(),
	} {
		f.Add(seed)
	}
	n := 0
	f.Fuzz(func(t *testing.T, query string) {
		n++
		r := httptest.NewRequest(http.MethodGet, "/authorize", nil)
		r.URL.RawQuery = query
		r.RemoteAddr = "192.0.2." + string(rune('0'+n/500%10)) + ":1" // below the limit per address
		recorder := httptest.NewRecorder()
		w.provider.Handler().ServeHTTP(recorder, r)
		target := recorder.Header().Get("Location")
		if form := regexp.MustCompile(`<form method="post" action="([^"]*)"`).FindStringSubmatch(recorder.Body.String()); form != nil {
			target = html.UnescapeString(form[1])
		}
		switch {
		case recorder.Code >= http.StatusInternalServerError:
			t.Fatalf("%d %s", recorder.Code, recorder.Body)
		case target == "" && recorder.Code >= http.StatusBadRequest, strings.HasPrefix(target, "/authorize/"):
			return
		}
		asked, _ := url.ParseQuery(query)
		uri := asked.Get("redirect_uri")
		if len(asked["client_id"]) != 1 || len(asked["redirect_uri"]) != 1 || !registered(t, asked.Get("client_id"), uri) ||
			target != uri && !strings.HasPrefix(target, uri+"?") && !strings.HasPrefix(target, uri+"&") {
			t.Fatalf("sent to %q", target)
		}
	})
}

// registered tells by other means than the provider's whether a URI is one of a client's, on the loopback but for its port.
func registered(t *testing.T, client, uri string) bool {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		return false
	}
	without := *u
	if host := u.Hostname(); u.Scheme == "http" && u.User == nil {
		without.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
		if host != "127.0.0.1" && host != "::1" {
			return false
		}
	}
	all := registeredURIs(client)
	return slices.Contains(all, uri) || slices.Contains(all, without.String())
}

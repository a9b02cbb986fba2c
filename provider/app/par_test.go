package app_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/app"
)

// RFC 9126: a request that its site pushes, and a browser only points to.

// pushing must push its requests.
var pushing = app.Client{ID: "pushing", Secret: wikiSecret, RedirectURIs: []string{wikiCallback}, RequirePAR: true}

// pushed pushes a request as the wiki and answers what the browser is sent with.
func (w *world) pushed(changes ...string) url.Values {
	w.t.Helper()
	return w.pushedAs(site("wiki"), asking(changes...))
}

func (w *world) pushedAs(c app.Client, q url.Values, headers ...string) url.Values {
	w.t.Helper()
	a := w.form("/par", c.ID, c.Secret, q, headers...)
	var answer api.PushedAuthorizationRequest
	if a.decode(w.t, &answer); a.Status != http.StatusCreated || answer.ExpiresIn != 90 {
		w.t.Fatalf("par: %d %s", a.Status, a.Body)
	}
	return url.Values{"client_id": {c.ID}, "request_uri": {answer.RequestUri}}
}

func TestAPushedRequestIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	q := w.pushed()
	path := v.hosted(q)
	if a := w.visitor().authorize(q); a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
		t.Errorf("the second time: %d %s", a.Status, a.Header.Get("Location"))
	}
	w.redeem(v.codeOf(v.scanned(p, path, approving(v, p)))).wants(t, "its code", http.StatusOK, "")
}

func TestAPushedRequestIsGoodForItsClientAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, id := range map[string]string{"another client": "old-wiki", "an unknown one": "x", "none": ""} {
		q := w.pushed()
		q.Set("client_id", id)
		if got := w.visitor().outcome(q); got != "page" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

func TestAPushedRequestExpiresAfter90Seconds(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		in, out := w.pushed(), w.pushed()
		time.Sleep(89 * time.Second)
		w.visitor().hosted(in)
		time.Sleep(2 * time.Second)
		if got := w.visitor().outcome(out); got != "page" {
			t.Errorf("after 91 s: %s", got)
		}
	})
}

// RFC 9126 §4: what was pushed counts, and nothing that a browser may have been made to add.
func TestBesideARequestURINothingOfTheFrontChannelCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.visitor()
	q := w.pushed("prompt", "none", "state", "pushed")
	for name, value := range map[string]string{
		"redirect_uri": "https://evil.example", "state": "injected", "scope": "x", "prompt": "login", "response_type": "token", "response_mode": "form_post",
		"code_challenge": s256("x"), "code_challenge_method": "plain", "nonce": "x", "request": "x", "dpop_jkt": "x", "resource": "https://evil.example",
	} {
		q.Set(name, value)
	}
	if said := v.told(v.authorize(q)); said.Get("error") != "login_required" || said.Get("state") != "pushed" {
		t.Errorf("told %v", said)
	}
}

func TestASiteThatMustPushIsNotAnsweredOtherwise(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(pushing))
	v := w.visitor()
	v.wantOutcomes("invalid_request", map[string][]string{"by GET": {"client_id", pushing.ID}})
	r := v.request(http.MethodPost, "/authorize", strings.NewReader(asking("client_id", pushing.ID).Encode()))
	r.Header.Set("Content-Type", formType)
	if said := v.told(v.get(v.do(r).Header.Get("Location"))); said.Get("error") != "invalid_request" {
		t.Errorf("by POST: told %v", said)
	}
	v.hosted(w.pushedAs(pushing, asking("client_id", "")))
}

// What a browser brings is kept for nobody who has proved anything; a site's own request has room for an order.
func TestAPostedRequestHasLessRoomThanAPushedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.visitor()
	long := asking("claims", "{"+strings.Repeat(" ", 20<<10)+"}")
	r := v.request(http.MethodPost, "/authorize", strings.NewReader(long.Encode()))
	r.Header.Set("Content-Type", formType)
	if a := v.do(r); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("posted: %d %s", a.Status, a.Header.Get("Location"))
	}
	v.hosted(w.pushedAs(site("wiki"), long))
	long.Set("claims", "{"+strings.Repeat(" ", 32<<10)+"}")
	w.form("/par", "wiki", wikiSecret, long).wants(t, "pushed", http.StatusRequestEntityTooLarge, "invalid_request")
}

// RFC 9126 §2.3: the site that pushed it is told at once, and no browser is troubled.
func TestABadPushedRequestIsAnsweredToItsSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for want, all := range map[string][][]string{
		"invalid_request": {
			{"redirect_uri", "https://evil.example"}, {"redirect_uri", wikiCallback + "/"}, {"redirect_uri", ""}, {"response_type", ""}, {"response_mode", "fragment"},
			{"code_challenge", ""}, {"code_challenge_method", "plain"}, {"code_challenge_method", ""}, {"nonce", "\x1b"}, {"prompt", "none login"}, {"max_age", "-1"},
			{"id_token_hint", "x"}, {"claims", "{"}, {"dpop_jkt", "x"}, {"state", strings.Repeat("s", 4097)}, {"client_id", "old-wiki"},
			{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, {"request_uri", "https://wiki.example/r"}, // §2.1
		},
		"unsupported_response_type":         {{"response_type", "token"}},
		"invalid_scope":                     {{"scope", "admin"}},
		"invalid_target":                    {{"resource", "https://evil.example"}},
		"request_not_supported":             {{"request", "x"}},
		"registration_not_supported":        {{"registration", "{}"}},
		"unmet_authentication_requirements": {{"claims", `{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}`}},
	} {
		for _, changes := range all {
			a := w.form("/par", "wiki", wikiSecret, asking(changes...))
			a.wants(t, strings.Join(changes, " "), http.StatusBadRequest, want)
			if strings.Contains(string(a.Body), "evil.example") {
				t.Errorf("%v: %s", changes, a.Body)
			}
		}
	}
}

func TestOnlyASiteThatAuthenticatesPushesARequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(program))
	w.form("/par", "wiki", otherSecret, asking()).wants(t, "a wrong secret", http.StatusUnauthorized, "invalid_client")
	w.form("/par", "wiki", "", asking()).wants(t, "no secret", http.StatusUnauthorized, "invalid_client")
	w.form("/par", "x", wikiSecret, asking("client_id", "")).wants(t, "an unknown client", http.StatusUnauthorized, "invalid_client")
	w.form("/par", program.ID, "", askingAs(program, "code_challenge", "", "code_challenge_method", "")).
		wants(t, "a public client without PKCE", http.StatusBadRequest, "invalid_request")
	w.visitor().hosted(w.pushedAs(program, askingAs(program)))
}

// A secret that came with a pushed request is no part of it.
func TestASecretThatIsPushedIsNotKeptInTheRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := asking("client_secret", wikiSecret)
	a := w.do(w.formRequest("/par", "wiki", "", q))
	var answer api.PushedAuthorizationRequest
	if a.decode(t, &answer); a.Status != http.StatusCreated {
		t.Fatalf("par: %d %s", a.Status, a.Body)
	}
	w.visitor().hosted(url.Values{"client_id": {"wiki"}, "request_uri": {answer.RequestUri}})
	if strings.Contains(w.logs.String(), strings.TrimPrefix(answer.RequestUri, "urn:ietf:params:oauth:request_uri:")) {
		t.Error("a request_uri is in the log")
	}
}

// RFC 9449 §10.1: who pushed with a key redeems with it.
func TestAProofBesideAPushedRequestBindsTheCodeToItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v, key, other := w.phone("+8613800138000"), w.visitor(), w.rawPhone(), w.rawPhone()
	pushed := func(changes ...string) url.Values {
		return w.pushedAs(site("wiki"), asking(changes...), "DPoP", key.proof(http.MethodPost, "/par"))
	}
	redeem := func(code string, headers ...string) answer { return w.redeemAs(site("wiki"), code, headers...) }
	code := v.codeOf(v.scanned(p, v.hosted(pushed()), approving(v, p)))
	redeem(code).wants(t, "no proof", http.StatusBadRequest, "invalid_dpop_proof")
	redeem(code, "DPoP", other.proof(http.MethodPost, "/token")).wants(t, "another key", http.StatusBadRequest, "invalid_dpop_proof")
	if tokens := w.read(redeem(code, "DPoP", key.proof(http.MethodPost, "/token"))); tokens.TokenType != "DPoP" {
		t.Errorf("the token is a %s", tokens.TokenType)
	}
	w.form("/par", "wiki", wikiSecret, asking("dpop_jkt", s256("another key")), "DPoP", key.proof(http.MethodPost, "/par")).
		wants(t, "dpop_jkt of another key", http.StatusBadRequest, "invalid_dpop_proof")
	w.form("/par", "wiki", wikiSecret, asking(), "DPoP", "x").wants(t, "a proof that is none", http.StatusBadRequest, "invalid_dpop_proof")
}

// A page whose transaction is lost makes its request once more (docs/faults.md).
func TestAPageCanBeginAnewUnlessItsRequestWasPushed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.visitor()
	page := func(q url.Values) string { return html.UnescapeString(string(v.get(v.hosted(q)).Body)) }
	plain := asking("state", `"><x`)
	if got, want := page(plain), ` again="/authorize?`+plain.Encode()+`"`; !strings.Contains(got, want) {
		t.Errorf("%s is not in %s", want, got)
	}
	if got := page(w.pushed()); strings.Contains(got, " again=") {
		t.Errorf("of a pushed one: %s", got)
	}
}

package shop

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// leaves begins a login by the provider's page and returns where the browser is sent.
func (b *browser) leaves() string {
	b.t.Helper()
	r := b.get("/login/here")
	if r.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("GET /login/here: %d %s", r.StatusCode, r.body)
	}
	return r.Header.Get("Location")
}

// refusedHere says that an answer comes to nothing: a page with the way to another login, the same session, nobody logged in.
func (b *browser) refusedHere(what, callback string, status int) {
	b.t.Helper()
	before := b.cookie()
	r := b.get(callback)
	if r.StatusCode != status || !strings.Contains(r.body, `href="/login"`) || r.Header.Get("Location") != "" {
		b.t.Errorf("%s: %d %s", what, r.StatusCode, r.body)
	}
	if b.cookie() != before {
		b.t.Errorf("%s: the session changed", what)
	}
	b.isNobody()
}

func with(callback, name, value string) string {
	path, raw, _ := strings.Cut(callback, "?")
	query, _ := url.ParseQuery(raw)
	query.Set(name, value)
	if value == "" {
		query.Del(name)
	}
	return path + "?" + query.Encode()
}

func TestWhoIsOnThePhoneItselfLogsInByTheProvidersPage(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	to, err := url.Parse(b.leaves())
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	for name, want := range map[string]string{
		"client_id": fakeClient, "response_type": "code", "redirect_uri": w.url + "/login/callback", "scope": "openid phone", "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if to.Scheme+"://"+to.Host+to.Path != w.provider.URL+"/authorize" || len(q.Get("state")) < 43 || len(q.Get("nonce")) < 43 || len(q.Get("code_challenge")) != 43 {
		t.Errorf("it is sent to %s", to)
	}
	before := b.cookie()
	r := b.get(w.provider.approve(to.String()))
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/account" || b.cookie() == before {
		t.Fatalf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if page := html.UnescapeString(b.get("/account").body); !strings.Contains(page, "Welcome, your account is new.") || !strings.Contains(page, "pairwise-1") {
		t.Error("nobody is logged in")
	}
	if r := b.get("/login/here"); r.Header.Get("Location") != "/account" {
		t.Errorf("who is logged in is sent to %q", r.Header.Get("Location"))
	}
	// The same person with a code on the page is the same account.
	if page := w.browser(t).logIn(w); !strings.Contains(page, "visit 2") {
		t.Error("another account")
	}
}

func TestTheLoginPageOffersItToPhonesAndToWhoCannotHaveTheCode(t *testing.T) {
	page := newWorld(t).browser(t).get("/login").body
	if !strings.Contains(page, `continue="/login/here"`) || strings.Count(page, `<a href="/login/here">`) != 2 {
		t.Errorf("%s", page)
	}
}

// RFC 9700 §4.7: an answer that is planted in a browser logs nobody in.
func TestAnAnswerIsGoodInTheBrowserThatAskedAlone(t *testing.T) {
	w := newWorld(t)
	a, b, stranger := w.browser(t), w.browser(t), w.browser(t)
	answer := w.provider.approve(a.leaves())
	b.leaves()
	b.refusedHere("another that asked, too", answer, http.StatusBadRequest)
	stranger.refusedHere("one that never asked", answer, http.StatusBadRequest)
	scanning := w.browser(t)
	scanning.challenge()
	scanning.refusedHere("one that shows a code", answer, http.StatusBadRequest)
	if r := a.get(answer); r.Header.Get("Location") != "/account" {
		t.Errorf("the one that asked: %d", r.StatusCode)
	}
}

func TestAnAnswerWithAnotherStateOrIssuerIsRefusedAndCostsNothing(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	first := b.leaves()
	answer := w.provider.approve(b.leaves())
	b.refusedHere("the state of an earlier login", with(answer, "state", mustQuery(t, first).Get("state")), http.StatusBadRequest)
	for name, callback := range map[string]string{
		"no state": with(answer, "state", ""), "another state": with(answer, "state", "x"), "no issuer": with(answer, "iss", ""),
		"another issuer": with(answer, "iss", "https://evil.example"), "two issuers": answer + "&iss=https://evil.example", "nothing": "/login/callback",
		"an error without a state": "/login/callback?error=access_denied",
	} {
		b.refusedHere(name, callback, http.StatusBadRequest)
	}
	if _, redeemed := w.provider.counted(); redeemed != 0 {
		t.Error("a code was redeemed")
	}
	if r := b.get(answer); r.Header.Get("Location") != "/account" {
		t.Errorf("the right answer, afterwards: %d", r.StatusCode)
	}
	noAnswer := newWorld(t, func(f *fakeProvider) {
		f.metadata = func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
	})
	old := noAnswer.browser(t)
	if r := old.get(with(noAnswer.provider.approve(old.leaves()), "iss", "")); r.Header.Get("Location") != "/account" {
		t.Errorf("a provider that knows nothing of iss: %d", r.StatusCode)
	}
}

func mustQuery(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestAnAnswerIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	b, thief := w.browser(t), w.browser(t)
	answer := w.provider.approve(b.leaves())
	before := b.cookie()
	b.get(answer)
	thief.plant(before)
	thief.refusedHere("the session of before, with the answer", answer, http.StatusBadRequest)
	if r := b.get(answer); r.StatusCode != http.StatusBadRequest {
		t.Errorf("once more: %d", r.StatusCode)
	}
	if r := b.get("/account"); r.StatusCode != http.StatusOK {
		t.Errorf("and the login is gone: %d", r.StatusCode)
	}
	if _, redeemed := w.provider.counted(); redeemed != 1 {
		t.Errorf("redeemed %d times", redeemed)
	}
}

func TestOfManyAnswersAtOnceOneIsTaken(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	answer := w.provider.approve(b.leaves())
	session := b.cookie()
	passed := make(chan string, 16)
	var all sync.WaitGroup
	for range cap(passed) {
		all.Go(func() {
			req, _ := http.NewRequest(http.MethodGet, w.url+answer, nil)
			req.AddCookie(&http.Cookie{Name: "shop_session", Value: session})
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusSeeOther {
				passed <- resp.Header.Get("Location")
			}
		})
	}
	all.Wait()
	if asked, _ := w.provider.counted(); len(passed) != 1 || asked != 1 {
		t.Errorf("%d passed, and the provider was asked %d times", len(passed), asked)
	}
}

func TestAPlantedSessionGetsNothingOfALoginByTheProvidersPage(t *testing.T) {
	w := newWorld(t)
	attacker, victim := w.browser(t), w.browser(t)
	attacker.leaves()
	planted := attacker.cookie()
	victim.plant(planted)
	answer := w.provider.approve(victim.leaves())
	if victim.cookie() == planted {
		t.Fatal("the victim's login runs under the planted id")
	}
	attacker.refusedHere("the planted session", answer, http.StatusBadRequest)
	victim.get(answer)
	attacker.isNobody()
}

func TestAnErrorInTheAnswerIsSaidAndLogsNobodyIn(t *testing.T) {
	for code, want := range map[string]struct {
		status int
		says   string
	}{
		"access_denied":                         {http.StatusForbidden, "You declined."},
		"server_error":                          {http.StatusServiceUnavailable, "The login did not work."},
		"login_required":                        {http.StatusServiceUnavailable, "The login did not work."},
		"<script>alert(1)</script>":             {http.StatusServiceUnavailable, "The login did not work."},
		"access_denied&code=CODE1":              {http.StatusForbidden, "You declined."},
		"&error_description=x&code=CODE1&code=": {http.StatusServiceUnavailable, ""}, // no error, and a code that is none of its own
	} {
		w := newWorld(t)
		b := w.browser(t)
		answer := with(w.provider.approve(b.leaves()), "code", "")
		name, rest, _ := strings.Cut(code, "&")
		callback := with(answer, "error", name) + "&" + rest
		if name == "" {
			callback = with(answer, "code", "CODE2")
		}
		r := b.get(callback)
		if r.StatusCode != want.status || !strings.Contains(r.body, want.says) || strings.Contains(r.body, "<script>alert") {
			t.Errorf("%s: %d %s", code, r.StatusCode, r.body)
		}
		b.isNobody()
		noAccounts(t, w)
		b.logIn(w) // and the next login works
	}
}

func TestACodeThatIsNotForThisLoginIsRefused(t *testing.T) {
	w := newWorld(t)
	a, b := w.browser(t), w.browser(t)
	stolen := w.provider.approve(a.leaves()) // by whoever saw it
	own := w.provider.approve(b.leaves())
	injected := with(own, "code", mustQuery(t, stolen).Get("code")) // RFC 9700 §4.5: another login's code in one's own answer
	b.refusedHere("a code of another login", injected, http.StatusServiceUnavailable)
	noAccounts(t, w)

	for name, change := range map[string]func(jwt.MapClaims){
		"another nonce":    func(c jwt.MapClaims) { c["nonce"] = "another" },
		"another audience": func(c jwt.MapClaims) { c["aud"] = "another site" },
	} {
		w := newWorld(t, func(f *fakeProvider) { f.claims = func(c map[string]any) { change(c) } })
		b := w.browser(t)
		b.refusedHere(name, w.provider.approve(b.leaves()), http.StatusServiceUnavailable)
		noAccounts(t, w)
	}
}

func TestAProviderWithoutAPageOrOutOfReachIsSaidSo(t *testing.T) {
	for name, metadata := range map[string]func(map[string]any){
		"no page":            func(m map[string]any) { delete(m, "authorization_endpoint") },
		"another issuer":     func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"a page in the open": func(m map[string]any) { m["authorization_endpoint"] = "ftp://evil.example" },
	} {
		w := newWorld(t, func(f *fakeProvider) { f.metadata = metadata })
		b := w.browser(t)
		if r := b.get("/login/here"); r.StatusCode != http.StatusServiceUnavailable || b.cookie() != "" {
			t.Errorf("%s: %d to %q", name, r.StatusCode, r.Header.Get("Location"))
		}
	}
}

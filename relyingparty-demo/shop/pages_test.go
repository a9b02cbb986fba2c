package shop

import (
	"html"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestEveryAnswerHasTheHeadersOfASafePage(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	pages := map[string]reply{
		"home": b.get("/"), "login": b.get("/login"), "account of nobody": b.get("/account"), "not found": b.get("/nothing"),
		"not allowed": b.post("/"), "style": b.get("/static/shop.css"), "drawing": b.get("/static/art/cup.svg"),
		"no such picture": b.get("/login/qr/x.png"), "challenge": b.post("/login/challenge"),
		"another site": b.post("/login/challenge", "Sec-Fetch-Site", "cross-site"), "purchase": b.get("/buy?piece=cup"),
		"no such piece": b.get("/buy"), "no such payment": b.get("/pay/x"), "orders of nobody": b.get("/orders"), "order": b.post("/buy/challenge?piece=cup"),
	}
	b.logIn(w)
	pages["orders"] = b.get("/orders")
	pages["account"], pages["log out"] = b.get("/account"), b.post("/logout")
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self' " + w.provider.URL + "; connect-src 'self' " + w.provider.URL +
			"; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy": "camera=(), geolocation=(), microphone=()",
	}
	for page, r := range pages {
		for name, value := range want {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%s (%d): %s is %q", page, r.StatusCode, name, got)
			}
		}
		cache := "no-store"
		if strings.HasPrefix(r.Request.URL.Path, "/static/") {
			cache = "no-cache"
		}
		if got := r.Header.Get("Cache-Control"); got != cache {
			t.Errorf("%s: Cache-Control %q", page, got)
		}
		if strings.Contains(r.body, "style=") || strings.Contains(r.body, "<style") || regexp.MustCompile(`\son\w+=`).MatchString(r.body) {
			t.Errorf("%s: something inline that the policy forbids", page)
		}
	}
}

func TestClaimsAreShownAsTextNotAsMarkup(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	w := newWorld(t, func(f *fakeProvider) {
		f.claims = func(c map[string]any) {
			c["sub"], c["acr"], c["amr"], c["phone_number"] = evil, evil, []string{evil}, evil
		}
	})
	b := w.browser(t)
	b.logIn(w)
	page := b.get("/account").body
	if strings.Contains(page, "<script>") || strings.Contains(page, "<img src=x") {
		t.Fatal("a claim became markup")
	}
	if n := strings.Count(page, "&lt;script&gt;"); n != 5 { // the number masked and whole, sub, acr, amr
		t.Errorf("the claims are shown %d times, want 5", n)
	}
}

func TestRequestsFromAnotherSiteAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	for _, path := range []string{"/login/challenge", "/login/finish", "/buy/challenge?piece=cup", "/buy/finish", "/logout"} {
		for _, header := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"},
			{"Origin", w.provider.URL}, {"Origin", "null"},
		} {
			if r := b.post(path, header...); r.StatusCode != http.StatusForbidden || r.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s with %v: %d", path, header, r.StatusCode)
			}
		}
	}
	if r := b.get("/account"); r.StatusCode != http.StatusOK {
		t.Error("another site signed the visitor out")
	}
	if _, calls := len(w.provider.made), 1; len(w.provider.made) != calls {
		t.Error("another site started a challenge")
	}
	if r := b.post("/login/challenge", "Sec-Fetch-Site", "same-origin", "Origin", w.url); r.StatusCode != http.StatusOK {
		t.Errorf("the shop's own page is refused: %d", r.StatusCode)
	}
}

func TestNoRedirectLeadsElsewhere(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	for _, path := range []string{
		"/login?next=https://evil.example", "/login?location=//evil.example", "//evil.example", "//evil.example/", "/\\evil.example/",
		"/%2f%2fevil.example/", "/account?to=//evil.example", "/login/", "/static/../..//evil.example", "/?lang=//evil.example",
	} {
		r := b.get(path, "X-Forwarded-Host", "evil.example", "X-Forwarded-Prefix", "//evil.example")
		if to := r.Header.Get("Location"); to != "" && to != "/login" {
			t.Errorf("%s leads to %s", path, to)
		}
	}
	w.provider.decide(b.challenge(), "approve")
	if r := b.post("/login/finish?location=//evil.example"); r.body != `{"location":"/account"}` {
		t.Errorf("finish says %s", r.body)
	}
}

// DNS rebinding: a page of evil.example whose name now leads here is no page of the shop.
func TestAShopAnswersByItsOwnNameAlone(t *testing.T) {
	for own, hosts := range map[string]map[string]int{
		"http://localhost:8080": {
			"localhost:8080": 200, "LOCALHOST:8080": 200, "127.0.0.1:8080": 307, "evil.example:8080": 421, "evil.example": 421,
			"localhost": 421, "localhost:80": 421, "": 421,
		},
		"https://shop.example":     {"shop.example": 200, "shop.example:443": 200, "shop.example:80": 421, "192.0.2.1": 421, "localhost": 421},
		"https://shop.example:443": {"shop.example": 200, "shop.example:443": 200},
	} {
		s, err := New(Config{URL: own, Issuer: "http://localhost:9000", ClientID: "c"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for host, want := range hosts {
			r, rec := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
			r.Host = host
			s.Handler().ServeHTTP(rec, r)
			if rec.Code != want {
				t.Errorf("%s by %q: %d, want %d", own, host, rec.Code, want)
			}
		}
	}
}

func TestAnotherNameOfTheLoopbackLeadsToTheShopsOwn(t *testing.T) {
	s, err := New(Config{URL: "http://localhost:8080", Issuer: "http://localhost:9000", ClientID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, test := range []struct{ method, host, path, to string }{
		{"GET", "127.0.0.1:8080", "/login?lang=zh", "http://localhost:8080/login?lang=zh"},
		{"GET", "[::1]:8080", "//evil.example/", "http://localhost:8080/evil.example/"},
		{"GET", "localhost:8080", "/login", ""},
		{"GET", "evil.example:8080", "/login", ""},
		{"GET", "127.0.0.1:9999", "/login", ""},
		{"POST", "127.0.0.1:8080", "/login/challenge", ""},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(test.method, "http://"+test.host+test.path, nil)
		s.Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != test.to {
			t.Errorf("%s http://%s%s leads to %q, want %q", test.method, test.host, test.path, got, test.to)
		}
	}
}

func TestThePagesSpeakTheReadersLanguage(t *testing.T) {
	w := newWorld(t)
	for accept, want := range map[string]string{
		"": "en", "en-GB,en;q=0.9": "en", "zh-CN,zh;q=0.9,en;q=0.8": "zh", "zh-TW": "zh", "fr,zh;q=0.4": "zh", "fr": "en",
		"en;q=0.2, zh;q=0.9": "zh", ";;;\xff": "en",
	} {
		if r := w.browser(t).get("/", "Accept-Language", accept); !strings.Contains(r.body, `<html lang="`+want+`">`) || r.Header.Get("Content-Language") != want {
			t.Errorf("%q is not answered in %s", accept, want)
		}
	}
	b := w.browser(t)
	if r := b.get("/login?lang=zh"); !strings.Contains(r.body, "用手机登录") {
		t.Error("the switch does not switch")
	}
	if r := b.get("/login", "Accept-Language", "en"); !strings.Contains(r.body, `<qr-login challenge="/login/challenge" finish="/login/finish" continue="/login/here" lang="zh">`) {
		t.Error("the switch is not remembered, or the widget is not told")
	}
	if r := b.get("/?lang=en"); !strings.Contains(r.body, `lang="en"`) {
		t.Error("the switch does not switch back")
	}
}

func TestBothLanguagesSayEverything(t *testing.T) {
	for _, w := range []*words{english, chinese} {
		v := reflect.ValueOf(*w)
		for i := range v.NumField() {
			if v.Field(i).String() == "" {
				t.Errorf("%s has no %s", w.Lang, v.Type().Field(i).Name)
			}
		}
		for _, p := range Goods(w == english) {
			if _, known := tags["static/art/"+p.Art+".svg"]; !known || p.Name == "" || p.Glaze == "" || p.Price == 0 {
				t.Errorf("%s: %+v", w.Lang, p)
			}
		}
	}
}

func TestTheLoginPageLoadsTheWidgetAndHelpsWithoutJavaScript(t *testing.T) {
	w := newWorld(t)
	page := html.UnescapeString(w.browser(t).get("/login").body)
	for _, want := range []string{
		`<script type="module" src="` + w.provider.URL + `/widget.js"></script>`, `<noscript>`,
		"go run ./mobile-sim enroll --provider " + w.provider.URL + " --phone +8613800138000",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the login page lacks %s", want)
		}
	}
}

func TestAMemberHasNoUseForTheLoginPage(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	if r := b.get("/login"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/account" {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
}

func TestStaticFilesAreKeptByTheirETag(t *testing.T) {
	b := newWorld(t).browser(t)
	r := b.get("/static/shop.css")
	if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/css") {
		t.Fatalf("%d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
	if again := b.get("/static/shop.css", "If-None-Match", r.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", again.StatusCode)
	}
	for _, path := range []string{"/static/", "/static/art", "/static/../templates/home.html", "/static/%2e%2e/templates/home.html"} {
		if r := b.get(path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestANumberIsMaskedButForItsCountryAndItsEnd(t *testing.T) {
	for number, want := range map[string]string{
		"+8613800138000": "+86 ••• •••• 8000", "+447700900123": "+44 •••• ••0123", "+12025550143": "+1 •••-•••-0143",
		"": "", "nonsense": "nonsense",
	} {
		if got := masked(number); got != want {
			t.Errorf("%s: %s, want %s", number, got, want)
		}
	}
}

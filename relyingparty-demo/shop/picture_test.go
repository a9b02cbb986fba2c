package shop

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// picturePath opens the login page and returns the path in its scan command.
func picturePath(t *testing.T, b *browser) string {
	t.Helper()
	m := regexp.MustCompile(`go run \./mobile-sim scan ` + regexp.QuoteMeta(b.url) + `(/login/qr/[\w-]{22}\.png)<`).FindStringSubmatch(b.get("/login").body)
	if m == nil {
		t.Fatal("the login page shows no scan command")
	}
	return m[1]
}

func TestTheLivePictureIsTheVisitorsOwnCode(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	path := picturePath(t, b)
	phone := w.browser(t) // a program without the visitor's cookie
	if r := phone.get(path); r.StatusCode != http.StatusNotFound {
		t.Errorf("without a challenge: %d", r.StatusCode)
	}
	b.challenge()
	r := phone.get(path)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "image/png" || !strings.HasPrefix(r.body, "\x89PNG") {
		t.Fatalf("%d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
	if len(r.Header.Values("Set-Cookie")) != 0 {
		t.Error("the picture comes with a session")
	}
	if picturePath(t, b) != path {
		t.Error("the path changed with the challenge, while the page still shows it")
	}
	if picturePath(t, w.browser(t)) == path {
		t.Error("two visitors share a picture")
	}
	w.provider.decide(w.provider.newest().id, "approve")
	b.finish(http.StatusOK, "/account")
	if r := phone.get(path); r.StatusCode != http.StatusNotFound {
		t.Errorf("after the login: %d", r.StatusCode)
	}
}

func TestTheWatchCapabilityAndTheDeviceCodeStayWhereTheyBelong(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	path := picturePath(t, b)
	c := b.post("/login/challenge")
	made := w.provider.newest()
	if strings.Contains(c.body, made.deviceCode) || strings.Contains(c.body, made.nonce) {
		t.Error("the page is told the device_code or the nonce")
	}
	for name, r := range map[string]reply{"picture": b.get(path), "login page": b.get("/login"), "home": b.get("/")} {
		for _, secret := range []string{made.watch, made.deviceCode, made.nonce} {
			if strings.Contains(r.body, secret) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
}

func TestTheLivePictureIsForTheSameMachineAlone(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	path := picturePath(t, b)
	b.challenge()
	host := strings.TrimPrefix(w.url, "http://")
	call := func(path string, change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, w.url+path, nil)
		r.RemoteAddr, r.Host = "127.0.0.1:5555", host
		change(r)
		rec := httptest.NewRecorder()
		w.shop.Handler().ServeHTTP(rec, r)
		return rec
	}
	if got := call(path, func(*http.Request) {}); got.Code != http.StatusOK {
		t.Fatalf("on the same machine: %d", got.Code)
	}
	for name, change := range map[string]func(*http.Request){
		"from the network":      func(r *http.Request) { r.RemoteAddr = "192.168.1.7:5555" },
		"from nowhere":          func(r *http.Request) { r.RemoteAddr = "" },
		"by a proxy":            func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.168.1.7") },
		"by a standard proxy":   func(r *http.Request) { r.Header.Set("Forwarded", "for=192.168.1.7") },
		"by a name put upon it": func(r *http.Request) { r.Host = "evil.example" },
	} {
		if got := call(path, change); got.Code != http.StatusNotFound && got.Code != http.StatusMisdirectedRequest {
			t.Errorf("%s: the picture answers %d", name, got.Code)
		}
		if got := call("/login", change); strings.Contains(got.Body.String(), "mobile-sim") || len(got.Result().Cookies()) != 0 {
			t.Errorf("%s: the login page shows the command", name)
		}
	}
	public, err := New(Config{URL: "https://shop.example", Issuer: w.provider.URL, ClientID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer public.Close()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "https://shop.example/login", nil)
	r.RemoteAddr = "127.0.0.1:5555"
	public.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK || strings.Contains(rec.Body.String(), "mobile-sim") {
		t.Error("a public shop behind a proxy on its own machine shows the command")
	}
}

func TestAPictureThatIsNoneIsNotHandedOn(t *testing.T) {
	status := http.StatusOK
	w := newWorld(t, func(f *fakeProvider) {
		f.picture = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.WriteHeader(status)
			io.WriteString(w, "<script>alert(1)</script>")
		}
	})
	b := w.browser(t)
	path := picturePath(t, b)
	b.challenge()
	for from, to := range map[int]int{200: 502, 410: 410, 409: 410, 401: 410, 500: 502} {
		status = from
		if r := b.get(path); r.StatusCode != to || strings.Contains(r.body, "script") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%d: %d %s %s", from, r.StatusCode, r.Header.Get("Content-Type"), r.body)
		}
	}
}

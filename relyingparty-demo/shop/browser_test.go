package shop

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// world is a shop and its provider, both listening.
type world struct {
	shop     *Shop
	url      string
	provider *fakeProvider
}

func newWorld(t *testing.T, prepare ...func(*fakeProvider)) *world {
	t.Helper()
	f := newFakeProvider()
	t.Cleanup(f.Close)
	for _, p := range prepare {
		p(f)
	}
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	s, err := New(Config{URL: address, Issuer: f.URL, ClientID: fakeClient, ClientSecret: fakeSecret})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = s.Handler()
	server.Start()
	t.Cleanup(func() {
		server.Close()
		s.Close()
	})
	return &world{s, address, f}
}

// browser is one visitor: a cookie jar, and redirects looked at rather than followed.
type browser struct {
	t      *testing.T
	url    string
	client *http.Client
}

func (w *world) browser(t *testing.T) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{t, w.url, &http.Client{
		Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type reply struct {
	*http.Response
	body string
}

func (b *browser) do(method, path string, header ...string) reply {
	b.t.Helper()
	req, err := http.NewRequest(method, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return b.send(req)
}

func (b *browser) send(req *http.Request) reply {
	b.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return reply{resp, string(body)}
}

func (b *browser) get(path string, header ...string) reply {
	b.t.Helper()
	return b.do(http.MethodGet, path, header...)
}

func (b *browser) post(path string, header ...string) reply {
	b.t.Helper()
	return b.do(http.MethodPost, path, header...)
}

// challenge starts a login and returns the challenge's id.
func (b *browser) challenge() string {
	b.t.Helper()
	r := b.post("/login/challenge")
	var got struct {
		ID    string `json:"challenge_id"`
		Watch string `json:"watch"`
		In    int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.StatusCode != http.StatusOK || got.Watch != got.ID+".watch" || got.In != 300 {
		b.t.Fatalf("POST /login/challenge: %d %s", r.StatusCode, r.body)
	}
	return got.ID
}

// finish expects this status and a body that holds this text.
func (b *browser) finish(status int, text string) {
	b.t.Helper()
	if r := b.post("/login/finish"); r.StatusCode != status || !strings.Contains(r.body, text) {
		b.t.Fatalf("POST /login/finish: %d %s; want %d with %s", r.StatusCode, r.body, status, text)
	}
}

// cookie is the value of the session cookie that the browser holds; "" for none.
func (b *browser) cookie() string {
	b.t.Helper()
	u, _ := url.Parse(b.url)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "shop_session" {
			return c.Value
		}
	}
	return ""
}

func (b *browser) plant(session string) {
	u, _ := url.Parse(b.url)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: "shop_session", Value: session, Path: "/"}})
}

// logIn goes through a whole login and returns the account page.
func (b *browser) logIn(w *world) string {
	b.t.Helper()
	w.provider.decide(b.challenge(), "approve")
	b.finish(http.StatusOK, `"location":"/account"`)
	r := b.get("/account")
	if r.StatusCode != http.StatusOK {
		b.t.Fatalf("GET /account: %d", r.StatusCode)
	}
	return html.UnescapeString(r.body)
}

// isNobody says that this browser is not logged in.
func (b *browser) isNobody() {
	b.t.Helper()
	if r := b.get("/account"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/login" {
		b.t.Fatalf("GET /account: %d to %q; want a redirect to the login", r.StatusCode, r.Header.Get("Location"))
	}
}

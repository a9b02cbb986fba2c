package webphone_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/testenv"
)

const secret = "c2hvcC1zZWNyZXQtc2hvcC1zZWNyZXQtc2hvcC1zZWM"

var sites = []app.Client{
	{ID: "shop", Secret: secret, Name: "Kiln Lane", Origins: []string{"https://kiln-lane.example"}, DetailTypes: []string{"order", "handoff"}},
	{ID: "strict", Secret: secret, Name: "Kiln Lane", Origins: []string{"https://kiln-lane.example"}, Policy: app.Policy{Preset: "strict"}},
	{ID: "tv", Secret: secret, Name: "Television", Policy: app.Policy{Rotation: "optional"}, DetailTypes: []string{"handoff"}},
}

// world is a running provider. A test may put an answer of its own before an endpoint.
type world struct {
	t       testing.TB
	issuer  string
	console *console
	behind  http.Handler // the provider's own

	mu    sync.Mutex
	fakes map[string]http.HandlerFunc // by method and path
	asked []string                    // methods and paths
	gone  bool                        // it drops every connection
}

func newWorld(t testing.TB, more ...app.Client) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, issuer: fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port), console: &console{}, fakes: map[string]http.HandlerFunc{},
	}
	provider, err := app.New(t.Context(), app.Config{Issuer: w.issuer, Console: w.console, AllowPrivateNetworks: true, Clients: append(sites[:len(sites):len(sites)], more...), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.behind = provider.Handler()
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := r.Method + " " + r.URL.Path
		w.mu.Lock()
		w.asked = append(w.asked, name)
		fake, gone := w.fakes[name], w.gone
		w.mu.Unlock()
		if gone {
			panic(http.ErrAbortHandler)
		}
		if fake == nil && strings.HasPrefix(r.URL.Path, "/logos/") {
			fake = serveLogo
		}
		if fake == nil {
			fake = w.behind.ServeHTTP
		}
		fake(rw, r)
	})}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	t.Cleanup(func() {
		if err := provider.Close(); err != nil {
			t.Error(err)
		}
		_ = server.Close()
		<-served
	})
	return w
}

// serveLogo is for sites that have registered one.
func serveLogo(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "image/svg+xml")
	_, _ = io.WriteString(rw, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#2f6a5c"/>`+
		`<path d="M18 50V32a14 14 0 0 1 28 0v18z" fill="#f5f2ea"/><path d="M32 28c5 7 7 9 7 13a7 7 0 0 1-14 0c0-4 2-6 7-13z" fill="#b23a2c"/></svg>`)
}

// answer puts an answer before an endpoint.
func (w *world) answer(name string, status int, body any) {
	w.intercept(name, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if problem, ok := body.(string); ok && status >= 400 {
			rw.Header().Set("Content-Type", "application/problem+json")
			body = api.Problem{Type: "urn:qrlogin:problem:" + problem, Title: problem, Status: status, Code: problem}
		} else {
			rw.Header().Set("Content-Type", "application/json")
		}
		rw.WriteHeader(status)
		if status != http.StatusNoContent {
			_ = json.NewEncoder(rw).Encode(body)
		}
	})
}

// intercept puts a handler before an endpoint; nil takes it away.
func (w *world) intercept(name string, handler http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fakes[name] = handler
}

// lose has an endpoint do as it is asked, and its answers lost.
func (w *world) lose(name string) { w.intercept(name, w.unheard) }

func (w *world) unheard(rw http.ResponseWriter, r *http.Request) {
	w.behind.ServeHTTP(httptest.NewRecorder(), r)
	rw.Header().Set("Content-Length", "9")
	rw.WriteHeader(http.StatusOK) // Chromium asks again by itself where there is not even this
	_ = http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}

// down makes the network between the phone and the provider one that carries nothing, also for the phone's service worker.
func (w *world) down(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = yes
}

// times is how often an endpoint was asked.
func (w *world) times(name string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, asked := range w.asked {
		if asked == name {
			n++
		}
	}
	return n
}

// started is a login that a site has begun, with the page that shows its code.
type started struct {
	w      *world
	client string
	api.DeviceAuthorization
}

func (w *world) start(client string, more ...string) started {
	w.t.Helper()
	form := url.Values{"scope": {"openid phone"}, "nonce": {"n-1"}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	s := started{w: w, client: client}
	if status := w.form("/device_authorization", client, form, &s.DeviceAuthorization); status != http.StatusOK {
		w.t.Fatalf("device_authorization: %d", status)
	}
	s.frame() // a browser is watching
	return s
}

func (w *world) form(path, client string, form url.Values, into any) int {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, secret)
	return w.do(r, into)
}

func (w *world) do(r *http.Request, into any) int {
	w.t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		w.t.Fatalf("%s: %d %v", r.URL.Path, answer.StatusCode, err)
	}
	return answer.StatusCode
}

// windows is the browser that shows the code.
const windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

func (s started) watch() (view api.ChallengeView, status int) {
	s.w.t.Helper()
	r, err := http.NewRequestWithContext(s.w.t.Context(), http.MethodGet, s.w.issuer+"/challenges/"+s.ChallengeId, nil)
	if err != nil {
		s.w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Watch)
	r.Header.Set("User-Agent", windows)
	return view, s.w.do(r, &view)
}

// frame is what the QR code says now.
func (s started) frame() string {
	s.w.t.Helper()
	view, status := s.watch()
	if status != http.StatusOK || view.Frames == nil {
		s.w.t.Fatalf("watch: %d %+v", status, view)
	}
	return (*view.Frames)[0].Code
}

// here is where the hosted page leads a phone's browser, and any page that knows a code might.
func (s started) here() string {
	return s.w.issuer + "/phone#here/" + strings.TrimPrefix(s.frame(), s.w.issuer+"/q/") + "/" + transaction
}

// state is the challenge's, or why it is gone.
func (s started) state() string {
	s.w.t.Helper()
	view, status := s.watch()
	if status == http.StatusGone {
		return "gone"
	}
	return string(view.State)
}

// tokens is what the site gets, and whether it does.
func (s started) tokens() bool {
	s.w.t.Helper()
	var answer struct {
		IDToken string `json:"id_token"`
		Error   string `json:"error"`
	}
	s.w.form("/token", s.client, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {s.DeviceCode},
	}, &answer)
	return answer.IDToken != ""
}

// console is where the provider prints what an SMS would carry.
type console struct{ testenv.Buffer }

var codeInSMS = regexp.MustCompile(`your code is (\d{6})`)

// code waits for the code that is sent next after n others.
func (c *console) code(t testing.TB, n int) string {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		sent := codeInSMS.FindAllStringSubmatch(c.String(), -1)
		if len(sent) > n {
			return sent[n][1]
		}
		if time.Now().After(limit) {
			t.Fatal("no code was sent")
		}
	}
}

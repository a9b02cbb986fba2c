package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/contracttest"
	"qrlogin/provider/internal/testenv"
)

// The sites of every world: a confidential one, a public one that may show static codes, and a stranger.
const (
	shopSecret  = "c2hvcC1zZWNyZXQtc2hvcC1zZWNyZXQtc2hvcC1zZWM"
	otherSecret = "b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC1vdGhlci0"
)

var sites = []app.Client{
	{ID: "shop", Secret: shopSecret, Name: "The Shop", Origins: []string{"http://localhost:8080"}},
	{ID: "other", Secret: otherSecret, Name: "Another Shop", Origins: []string{"https://other.example"}},
	{ID: "tv", Name: "Television", Policy: app.Policy{Rotation: "optional"}},
	{
		ID: "wiki", Secret: wikiSecret, Name: "The Wiki", Origins: []string{"https://wiki.example"}, RedirectURIs: []string{wikiCallback, wikiCallback + "?page=1"},
		Scopes: []string{"openid", "phone", "offline_access"}, Resources: []string{"https://api.example/v1", "https://api.example/v2"}, DetailTypes: []string{"order", "handoff"},
		PostLogoutRedirectURIs: []string{"https://wiki.example/bye"},
	},
	{ID: "old-wiki", Secret: wikiSecret, RedirectURIs: []string{wikiCallback}, PKCEOptional: true},
}

// world is a running provider, with everything that it says held against the contract.
type world struct {
	t        testing.TB
	issuer   string
	provider *app.Provider
	checker  *contracttest.Checker
	console  *testenv.Buffer
	logs     *testenv.Buffer
	http     *http.Client
	pipes    *pipes // in a bubble
}

// newWorld starts a provider on a free port. change may alter its configuration.
func newWorld(t testing.TB, change ...func(*app.Config)) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	return newWorldAt(t, listener, fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port), change...)
}

func newWorldAt(t testing.TB, listener net.Listener, issuer string, change ...func(*app.Config)) *world {
	t.Helper()
	w := &world{t: t, issuer: issuer, console: &testenv.Buffer{}, logs: &testenv.Buffer{}}
	config := app.Config{
		Issuer: issuer, Console: w.console, Clients: sites,
		Log: slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&config)
	}
	var err error
	if w.provider, err = app.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	w.checker = contracttest.Wrap(t, w.provider.Handler())
	server := &http.Server{Handler: w.checker}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	w.http = &http.Client{Transport: transport, Timeout: 40 * time.Second, CheckRedirect: noRedirect}
	t.Cleanup(func() {
		if err := w.provider.Close(); err != nil {
			t.Error(err)
		}
		_ = server.Close()
		<-served
		transport.CloseIdleConnections()
	})
	return w
}

// noRedirect leaves a redirect to the test, which looks where it leads.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

var codeInSMS = regexp.MustCompile(`SMS to (\+\d+): your code is (\d{6})`)

// phone enrols a simulated phone with this number.
func (w *world) phone(number string) *phone.Phone {
	w.t.Helper()
	p, err := phone.Enroll(w.t.Context(), phone.Enrollment{
		Provider: w.issuer, Number: number, Name: "Test phone",
		Code: func(context.Context) (string, error) { return w.lastCode(number), nil },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// lastCode is the code that the newest SMS to this number carried.
func (w *world) lastCode(number string) string {
	all := codeInSMS.FindAllStringSubmatch(w.console.String(), -1)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i][1] == number {
			return all[i][2]
		}
	}
	w.t.Fatalf("no SMS to %s", number)
	return ""
}

// answer is an HTTP answer, read.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func (a answer) decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
}

// error is the OAuth error code, or the problem's code.
func (a answer) error() string {
	var e struct{ Error, Code string }
	_ = json.Unmarshal(a.Body, &e)
	return e.Error + e.Code
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	a, err := w.try(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) try(r *http.Request) (answer, error) {
	response, err := w.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{Status: response.StatusCode, Header: response.Header, Body: body}, err
}

func (w *world) request(method, path string, body io.Reader) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.issuer+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// form posts a form as a client: with a secret by Basic, without one by client_id.
func (w *world) form(path, client, secret string, values url.Values, headers ...string) answer {
	w.t.Helper()
	return w.do(w.formRequest(path, client, secret, values, headers...))
}

func (w *world) formRequest(path, client, secret string, values url.Values, headers ...string) *http.Request {
	if secret == "" {
		values.Set("client_id", client)
	}
	r := w.request(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// start starts a challenge as the shop.
func (w *world) start() api.DeviceAuthorization {
	w.t.Helper()
	return w.startAs("shop", shopSecret)
}

func (w *world) startAs(client, secret string) api.DeviceAuthorization {
	w.t.Helper()
	a := w.form("/device_authorization", client, secret, url.Values{"scope": {"openid phone"}, "nonce": {"n-1"}})
	if a.Status != http.StatusOK {
		w.t.Fatalf("device_authorization: %d %s", a.Status, a.Body)
	}
	var started api.DeviceAuthorization
	a.decode(w.t, &started)
	return started
}

// poll asks for tokens as the shop; wait is a Prefer header, or "".
func (w *world) poll(started api.DeviceAuthorization, wait string) answer {
	w.t.Helper()
	return w.pollAs("shop", shopSecret, started, wait)
}

func (w *world) pollAs(client, secret string, started api.DeviceAuthorization, wait string) answer {
	w.t.Helper()
	return w.do(w.pollRequest(client, secret, started, wait))
}

func (w *world) pollRequest(client, secret string, started api.DeviceAuthorization, wait string) *http.Request {
	var headers []string
	if wait != "" {
		headers = []string{"Prefer", wait}
	}
	return w.formRequest("/token", client, secret, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {started.DeviceCode},
	}, headers...)
}

// watch looks at a challenge as the page that shows it.
func (w *world) watch(started api.DeviceAuthorization, after int64) (api.ChallengeView, answer) {
	w.t.Helper()
	r := w.request(http.MethodGet, fmt.Sprintf("/challenges/%s?after=%d", started.ChallengeId, after), nil)
	r.Header.Set("Authorization", "Bearer "+started.Watch)
	r.Header.Set("User-Agent", "Browser/1.0")
	a := w.do(r)
	var view api.ChallengeView
	if a.Status == http.StatusOK {
		a.decode(w.t, &view)
	}
	return view, a
}

// frame is the code that the page shows now.
func (w *world) frame(started api.DeviceAuthorization) string {
	w.t.Helper()
	view, a := w.watch(started, 0)
	if view.Frames == nil || len(*view.Frames) == 0 {
		w.t.Fatalf("no frames: %d %s", a.Status, a.Body)
	}
	return (*view.Frames)[0].Code
}

// approve scans and approves with this phone.
func (w *world) approve(p *phone.Phone, started api.DeviceAuthorization) {
	w.t.Helper()
	claim, err := p.Scan(w.t.Context(), w.frame(started))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := p.Approve(w.t.Context(), claim, phone.Approval{}); err != nil {
		w.t.Fatal(err)
	}
}

// rawPhone is a phone that need not behave: it signs and sends what a test tells it to.
type rawPhone struct {
	w   *world
	key *ecdsa.PrivateKey
}

func (w *world) rawPhone() rawPhone {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return rawPhone{w, key}
}

// enrolled enrols the raw phone.
func (p rawPhone) enrolled(number string) rawPhone {
	p.w.t.Helper()
	a := p.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: number})
	var e api.Enrollment
	a.decode(p.w.t, &e)
	a = p.send(http.MethodPost, "/phone/enrollments/"+e.EnrollmentId+"/confirm", api.EnrollmentConfirmation{Code: p.w.lastCode(number)})
	if a.Status != http.StatusCreated {
		p.w.t.Fatalf("confirm: %d %s", a.Status, a.Body)
	}
	return p
}

func (p rawPhone) proof(method, path string) string {
	p.w.t.Helper()
	jws, err := proof.SignDPoP(p.key, method, p.w.issuer+path, "", time.Now())
	if err != nil {
		p.w.t.Fatal(err)
	}
	return jws
}

func (p rawPhone) request(method, path string, body any) *http.Request {
	p.w.t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			p.w.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r := p.w.request(method, path, reader)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("DPoP", p.proof(method, path))
	return r
}

func (p rawPhone) send(method, path string, body any) answer {
	p.w.t.Helper()
	return p.w.do(p.request(method, path, body))
}

func (p rawPhone) scan(code string) answer {
	p.w.t.Helper()
	return p.send(http.MethodPost, "/phone/scans", api.ScanRequest{Code: code})
}

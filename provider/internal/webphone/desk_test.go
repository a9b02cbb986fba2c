package webphone_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"qrlogin/api"
	"qrlogin/provider/app"
)

// desk is a computer's browser, with a profile of its own, on the login page of a site that has the widget.
type desk struct {
	t    testing.TB
	w    *world
	ctx  context.Context
	site *httptest.Server

	mu     sync.Mutex
	logins map[string]string // device codes, by the challenge; a site with more than one visitor keeps them in sessions
	inside bool              // the visitor is logged in
	tokens api.TokenResponse // that the site got last
	paying []*http.Request   // who came to pay

	purpose string                           // of the widget
	details func(jwk json.RawMessage) string // authorization_details, for what the page sends of its key
}

// newDesk makes a provider with the site, and opens the site's login page.
func newDesk(t testing.TB) *desk {
	t.Helper()
	return newDeskFor(t, "login", nil)
}

// newDeskFor is one whose page does not only log in.
func newDeskFor(t testing.TB, purpose string, details func(d *desk, jwk json.RawMessage) any) *desk {
	t.Helper()
	d := &desk{t: t, logins: map[string]string{}, purpose: purpose, details: func(json.RawMessage) string { return "" }}
	if details != nil {
		d.details = func(jwk json.RawMessage) string {
			text, err := json.Marshal([]any{details(d, jwk)})
			if err != nil {
				t.Error(err)
			}
			return string(text)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", d.loginPage)
	mux.HandleFunc("POST /login/challenge", d.begin)
	mux.HandleFunc("POST /login/finish", d.finish)
	mux.HandleFunc("GET /account", d.account)
	mux.HandleFunc("GET /pay", d.pay)
	mux.HandleFunc("POST /logout", func(http.ResponseWriter, *http.Request) { d.enter(false) }) // by the provider
	d.site = httptest.NewServer(mux)
	t.Cleanup(func() { d.site.CloseClientConnections(); d.site.Close() })
	d.w = newWorld(t, app.Client{ID: "kiln", Secret: secret, Name: "Kiln Lane", Origins: []string{d.site.URL}, BackchannelLogoutURI: d.site.URL + "/logout", DetailTypes: []string{"order", "handoff"}})
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	d.ctx = ctx
	d.do(chromedp.EmulateViewport(1120, 700))
	d.open()
	return d
}

func (d *desk) loginPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Log in</title>
<style>body { display: grid; place-content: center; justify-items: center; min-height: 90vh; font-family: sans-serif }</style>
<script type="module" src="%s/widget.js"></script>
<h1>Kiln Lane</h1><p>Log in to see your orders, and where your glazes are.</p>
<qr-login purpose="%s" challenge="/login/challenge" finish="/login/finish"></qr-login>
<script type="module">addEventListener('qr-received', async ({ detail: { content, forget } }) => {
	const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await content.arrayBuffer()));
	await forget();
	window.received = [content.type, content.size, hash.toHex()].join(' ');
});</script>`, d.w.issuer, d.purpose)
}

func (d *desk) pay(_ http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paying = append(d.paying, r)
}

func (d *desk) account(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.inside {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, `<!doctype html><title>Account</title><h1>Welcome</h1>`)
}

// enter logs the visitor in or out.
func (d *desk) enter(yes bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside = yes
}

// ask sends a form to the provider as the site.
func (d *desk) ask(r *http.Request, path string, form url.Values, into any) error {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, d.w.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Prefer", "wait=25")
	request.SetBasicAuth("kiln", secret)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(into)
}

func (d *desk) begin(w http.ResponseWriter, r *http.Request) {
	var page struct {
		JWK json.RawMessage `json:"jwk"`
	}
	_ = json.NewDecoder(r.Body).Decode(&page) // empty but for a handoff
	form := url.Values{"scope": {"openid phone"}, "nonce": {"n-1"}}
	if details := d.details(page.JWK); details != "" {
		form.Set("authorization_details", details)
	}
	var started api.DeviceAuthorization
	if err := d.ask(r, "/device_authorization", form, &started); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	d.mu.Lock()
	d.logins[started.ChallengeId] = started.DeviceCode
	d.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{"challenge_id": started.ChallengeId, "watch": started.Watch, "expires_in": started.ExpiresIn})
}

func (d *desk) finish(w http.ResponseWriter, r *http.Request) {
	var shown struct {
		ChallengeID string `json:"challenge_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&shown); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	code := d.logins[shown.ChallengeID]
	d.mu.Unlock()
	var tokens api.TokenResponse
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code}}
	if err := d.ask(r, "/token", form, &tokens); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	answer := map[string]any{"status": "pending"}
	if tokens.IdToken != nil {
		d.enter(true)
		d.mu.Lock()
		d.tokens = tokens
		d.mu.Unlock()
		answer = map[string]any{"location": "/account"}
		if d.purpose == "handoff" {
			answer = map[string]any{"status": "done"}
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (d *desk) do(steps ...chromedp.Action[chromedp.Void]) {
	d.t.Helper()
	if err := chromedp.Do(d.ctx, steps...); err != nil {
		d.t.Fatal(err)
	}
}

// open opens the login page, which starts a login, and returns when it shows the code.
func (d *desk) open() {
	d.t.Helper()
	d.do(chromedp.Navigate(d.site.URL + "/login"))
	d.await(`shadow?.querySelector('.card')?.dataset.phase === 'pending'`)
}

// await waits until an expression is true in the page; shadow is the widget's inside. Its limit only stops a hang.
func (d *desk) await(expression string) {
	d.t.Helper()
	for limit := time.Now().Add(40 * time.Second); ; time.Sleep(15 * time.Millisecond) {
		holds, err := chromedp.Run(d.ctx, chromedp.Evaluate[bool](
			`(() => { const shadow = document.querySelector('qr-login')?.shadowRoot; return !!(`+expression+`); })()`))
		if err == nil && holds {
			return
		}
		if time.Now().After(limit) {
			d.t.Fatalf("never on the computer: %s", expression)
		}
	}
}

// js evaluates a text in the page.
func (d *desk) js(expression string) string {
	d.t.Helper()
	text, err := chromedp.Run(d.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// recorded is what the screen shows in so many pictures, before the code has changed and after.
func (d *desk) recorded(before, after int) (screens [][]byte) {
	d.t.Helper()
	const drawing = `document.querySelector('qr-login').shadowRoot.querySelector('.code path').getAttribute('d')`
	shown := d.js(drawing)
	for range before {
		screens = append(screens, d.screen())
	}
	if after > 0 {
		d.await(fmt.Sprintf("%s !== %q", drawing, shown))
	}
	for range after {
		screens = append(screens, d.screen())
	}
	return screens
}

// screen is what the screen shows now, a JPEG.
func (d *desk) screen() []byte {
	d.t.Helper()
	shot, err := chromedp.Call(d.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatJpeg})
	if err != nil {
		d.t.Fatal(err)
	}
	return shot.Data
}

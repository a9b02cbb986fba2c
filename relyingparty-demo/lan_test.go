package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"qrlogin/mobile-sim/phone"
	"qrlogin/relyingparty-demo/console"
)

// inLAN starts the demo for a network, here of this machine alone, and returns a client that trusts the certificate in the file that
// the demo names.
func inLAN(t *testing.T, args ...string) (shop, provider string, terminal *output, trusting func() *http.Client) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	shop, provider, terminal, stop := running(t, append([]string{"--listen=localhost:0", "--provider-listen=localhost:0"}, args...)...)
	t.Cleanup(func() {
		if got := stop(); got != statusDone {
			t.Errorf("status %d", got)
		}
	})
	file := regexp.MustCompile(`--ca=(\S+)`).FindStringSubmatch(terminal.String())
	if file == nil {
		t.Fatalf("it names no file:\n%s", terminal.String())
	}
	content, err := os.ReadFile(file[1])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(content)
	return shop, provider, terminal, func() *http.Client {
		jar, _ := cookiejar.New(nil)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}
	}
}

func enrolledBy(t *testing.T, client *http.Client, provider string, terminal *output) (*phone.Phone, error) {
	t.Helper()
	return phone.Enroll(t.Context(), phone.Enrollment{
		Provider: provider, Number: "+8613912345678", Name: "Test phone", HTTP: client,
		Code: func(context.Context) (string, error) { return smsCode.FindStringSubmatch(terminal.String())[1], nil },
	})
}

func ask(t *testing.T, client *http.Client, method, address, bearer string, v any) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if v != nil {
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("%s: %d %s", address, resp.StatusCode, body)
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

func TestALoginOverTLSInOnesOwnNetwork(t *testing.T) {
	for _, nodes := range []string{"--nodes=1", "--nodes=2"} {
		shop, provider, terminal, trusting := inLAN(t, "--lan=127.0.0.1", nodes)
		if !strings.HasPrefix(shop, "https://127.0.0.1:") || !strings.HasPrefix(provider, "https://127.0.0.1:") {
			t.Fatalf("%s and %s", shop, provider)
		}
		if !strings.Contains(terminal.String(), provider+"/phone") {
			t.Errorf("it does not say where the phone is:\n%s", terminal.String())
		}
		if _, err := enrolledBy(t, nil, provider, terminal); err == nil {
			t.Error("a phone that trusts nobody enrols")
		}
		p, err := enrolledBy(t, trusting(), provider, terminal)
		if err != nil {
			t.Fatal(err)
		}
		browser := trusting()
		var begun started
		r := ask(t, browser, http.MethodPost, shop+"/login/challenge", "", &begun)
		if cookies := r.Cookies(); len(cookies) != 1 || cookies[0].Name != "__Host-shop_session" || !cookies[0].Secure {
			t.Errorf("the cookies are %v", cookies)
		}
		var view struct{ Frames []struct{ Code string } }
		ask(t, browser, http.MethodGet, provider+"/challenges/"+begun.ID, begun.Watch, &view)
		claim, err := p.Scan(t.Context(), view.Frames[0].Code)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
			t.Fatal(err)
		}
		var end struct{ Location string }
		ask(t, browser, http.MethodPost, shop+"/login/finish", "", &end)
		page, _ := io.ReadAll(ask(t, browser, http.MethodGet, shop+end.Location, "", nil).Body)
		if !strings.Contains(string(page), `action="/logout"`) {
			t.Errorf("nobody is logged in:\n%s", page)
		}
	}
}

// emulatePhone makes the browser one of a phone.
func (w *window) emulatePhone() {
	w.t.Helper()
	for _, call := range []func() error{
		func() error {
			_, err := chromedp.Call(w.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
				UserAgent:         "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
				UserAgentMetadata: &emulation.UserAgentMetadata{Platform: "Android", PlatformVersion: "14", Mobile: true, Model: "Pixel 8"},
			})
			return err
		},
		func() error {
			_, err := chromedp.Call(w.ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true, MaxTouchPoints: 5})
			return err
		},
	} {
		if err := call(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.do(chromedp.EmulateViewport(412, 915, chromedp.EmulateMobile))
}

// goOn opens a page past Chromium's warning of its certificate, as a person does (Chromium has words to type for the button).
func (w *window) goOn(page string) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, chromedp.Navigate(page)); err == nil {
		w.t.Fatal("no warning")
	}
	w.await(`location.protocol === "chrome-error:" && document.body.innerText.includes("ERR_CERT_AUTHORITY_INVALID")`)
	w.do(chromedp.KeyEvent("thisisunsafe"))
	w.await(fmt.Sprintf(`location.href === %q && document.readyState === "complete"`, page))
}

const accountShown = `location.pathname === "/account" && document.body.textContent.replace(/\D/g, "").includes("8613912345678")`

func TestABrowserThatGoesOnPastTheWarningIsLoggedInByThePictureOnItsScreen(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, trusting := inLAN(t, "--lan=127.0.0.1")
	p, err := enrolledBy(t, trusting(), provider, terminal)
	if err != nil {
		t.Fatal(err)
	}
	w := openWindow(t)
	w.goOn(shop + "/login")                                               // the shop and the provider have one certificate, which is told once
	w.await(`isSecureContext && crypto.subtle && navigator.mediaDevices`) // what a web page needs to be a phone
	w.await(phase + ` === "pending"`)
	if _, err := p.Approve(t.Context(), w.scanScreen(p), phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.await(accountShown)

	// Nothing may rest on a service worker: browsers give none to a page that has no certificate that they trust.
	said, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](
		`navigator.serviceWorker.register('/static/copy.js').then(() => 'registered', (e) => e.message)`, chromedp.EvalAwaitPromise))
	if err != nil || !strings.Contains(said, "An SSL certificate error occurred") {
		t.Errorf("a service worker: %q, %v", said, err)
	}
}

// The shop opened on the phone itself: nothing is scanned. The web phone in the same browser, which is enrolled on the way, shows the
// consent and leads back.
func TestWhoOpensTheShopOnAPhoneIsLoggedInByTheWebPhoneInTheSameBrowser(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, _ := inLAN(t, "--lan=127.0.0.1", "--policy=strict")
	w := openWindow(t)
	w.emulatePhone()
	w.goOn(shop + "/login")
	for _, origin := range []string{shop, provider} { // the shop's page, then the provider's
		w.await(fmt.Sprintf(`location.origin === %q && %s === "phone"`, origin, phase))
		w.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('qr-login').shadowRoot.querySelector('button.button').click()`))
	}
	w.await(fmt.Sprintf(`location.href === %q && %s === "welcome"`, provider+"/phone", screen))
	w.typeInto("number", "+8613912345678\r")
	w.await(screen + ` === "code"`)
	w.typeInto("code", codeIn(t, terminal))
	w.await(screen + ` === "ready"`)
	w.do(chromedp.Click("main .yes"))
	w.await(screen + ` === "consent" && !document.querySelector('#approve').disabled`)
	w.await(`document.body.innerText.includes("Kiln Lane")`)
	w.do(chromedp.Click("#approve"))
	w.await(accountShown)
}

// screen is where the web phone is.
const screen = `document.querySelector('main:not([aria-busy])')?.dataset.screen`

// typeInto types into the web phone's field of this name.
func (w *window) typeInto(name, text string) {
	w.t.Helper()
	w.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector('input[name=%s]').focus()`, name)), chromedp.KeyEvent(text))
}

// codeIn is the code in the terminal, as a person reads it there.
func codeIn(t *testing.T, terminal *output) string {
	t.Helper()
	found := smsCode.FindStringSubmatch(terminal.String())
	if found == nil {
		t.Fatalf("no code in the terminal:\n%s", terminal.String())
	}
	return found[1]
}

func TestTheCertificateStaysTheSameWhileItIsGood(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "certificate.pem")
	first, err := keptCertificate(file, "192.168.1.20")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: the key lies open", info.Mode(), err)
	}
	leaf := first.Leaf
	if leaf.IsCA || leaf.KeyUsage&x509.KeyUsageCertSign != 0 || len(leaf.IPAddresses) != 1 || time.Until(leaf.NotAfter) > 91*24*time.Hour {
		t.Errorf("whoever trusts it trusts more than this host: %+v", leaf)
	}
	again, err := keptCertificate(file, "192.168.1.20")
	if err != nil || !again.Leaf.Equal(leaf) {
		t.Errorf("another one at the next start, %v", err)
	}
	moved, err := keptCertificate(file, "my-laptop.local")
	if err != nil || moved.Leaf.Equal(leaf) || moved.Leaf.VerifyHostname("my-laptop.local") != nil {
		t.Errorf("the same one for another address, %v", err)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keptCertificate(file, "my-laptop.local"); err != nil {
		t.Errorf("a damaged one: %v", err)
	}
}

func TestTheAddressOfThisMachineIsFound(t *testing.T) {
	own, err := ownAddress()
	if err != nil {
		if !strings.Contains(err.Error(), "--lan=ADDRESS") {
			t.Error(err)
		}
		return // no network here
	}
	if a, err := netip.ParseAddr(own); err != nil || a.IsLoopback() || a.IsUnspecified() || a.Zone() != "" {
		t.Errorf("%s, %v", own, err)
	}
}

func TestOnlyThePortsCountInANetwork(t *testing.T) {
	for host, want := range map[string]string{"192.168.1.20": "192.168.1.20:8080", "fd00::2": "[fd00::2]:8080", "my-laptop.local": ":8080"} {
		if got := (&lan{host: host}).at("localhost:8080"); got != want {
			t.Errorf("%s listens on %s, want %s", host, got, want)
		}
	}
}

// The code in the terminal is dark on light, and reads as the address.
func TestTheCodeInTheTerminalOpensTheWebPhone(t *testing.T) {
	const address = "https://192.168.1.20:9000/phone"
	block, err := console.QR(address)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(block, "\n"), "\n")
	const scale = 8
	picture := image.NewGray(image.Rect(0, 0, 60*scale, 60*scale))
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			picture.SetGray(x, y, color.Gray{255})
		}
	}
	for row, line := range lines {
		line, black := strings.CutPrefix(strings.TrimSuffix(line, "\x1b[0m"), "  \x1b[30;107m")
		if !black {
			t.Fatalf("%q has the terminal's colours", line)
		}
		for column, r := range []rune(line) {
			for y := range 2 * scale {
				for x := range scale {
					if r == '█' || r == '▀' && y < scale || r == '▄' && y >= scale {
						picture.SetGray(column*scale+x, row*2*scale+y, color.Gray{0})
					}
				}
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	if text, err := phone.ReadPicture(&b); err != nil || text != address {
		t.Errorf("%q, %v", text, err)
	}
}

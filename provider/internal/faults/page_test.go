package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/internal/testenv"
)

// shop starts the demo shop before a cluster's first node.
func (c *cluster) shop(t *testing.T, database string) (url string) {
	t.Helper()
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := "localhost:" + strconv.Itoa(port)
	url = "http://" + address
	out, err := exec.Command(provider, "client", "add", "--json", "--id=shop", "--origin="+url, "--redirect-uri="+url+"/login/callback", database).Output()
	var client struct {
		Secret string `json:"client_secret"`
	}
	if err = errors.Join(err, json.Unmarshal(out, &client)); err != nil {
		t.Fatalf("client add: %v\n%s", err, out)
	}
	command := exec.Command(demo, "--listen", address, "--provider", c.issuer, "--client-id=shop")
	command.Env = append(os.Environ(), "RELYINGPARTY_DEMO_CLIENT_SECRET="+client.Secret)
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get(url); err == nil && resp.Body.Close() == nil {
			return url
		}
		if time.Now().After(deadline) {
			t.Fatalf("the shop does not serve:\n%s", log.String())
		}
	}
}

// tab is a page in a real browser, of a visitor of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func openTab(t *testing.T, browser context.Context, url string) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1000, 760), chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	return tab{t, ctx}
}

const (
	card   = `document.querySelector('qr-login')?.shadowRoot?.querySelector('.card')`
	phase  = card + `?.dataset.phase`
	status = card + `?.querySelector('.status').textContent`
)

func (b tab) await(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](phase+" + ': ' + "+status))
			b.t.Fatalf("%s does not become true (%v); the page says %q", expression, err, text)
		}
	}
}

// scan points the phone at the page: the code is read from a picture of it.
func (b tab) scan(p *phone.Phone) *phone.Claim {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := phone.ReadPicture(bytes.NewReader(shot))
		if err == nil {
			claim, err := p.Scan(b.t.Context(), text)
			if err == nil {
				return claim
			}
			b.t.Logf("scan: %v", err)
		}
		if time.Now().After(deadline) {
			b.t.Fatal("no code on the page that can be scanned")
		}
	}
}

func TestAPageWhoseCodeIsForgottenShowsAnotherByItself(t *testing.T) {
	if !begin(t, redis, postgresProgram, chromium) {
		return
	}
	browser, stop, err := testenv.Chromium(chromium)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	server, database := newRedis(t), newDatabase(t)
	c := newCluster(t, 1, server.store, database)
	url := c.shop(t, database)
	person, other := c.enrol(t, "+12015550101"), c.deviceSite(t)
	redeemed := other.approved(t, c.nodes[0], person)
	if _, code := other.redeem(t, c.nodes[0], redeemed); code != "" {
		t.Fatal(code)
	}

	waiting, scanned := openTab(t, browser, url+"/login"), openTab(t, browser, url+"/login")
	hosted := openTab(t, browser, url+"/login/here")
	hosted.await(`location.origin === "` + c.issuer + `" && ` + phase + ` === 'pending'`)
	claim := scanned.scan(person)
	scanned.await(phase + ` === 'claimed'`)
	waiting.await(phase + ` === 'pending'`)
	for _, b := range []tab{waiting, scanned} {
		// The page's own word that its code has expired.
		b.await(`(addEventListener('qr-expired', (e) => { window.renewing = e.detail.renewing }), true)`)
	}
	server.Stop()
	time.Sleep(outage())
	server.forget()
	back := time.Now()
	for _, b := range []tab{scanned, waiting} {
		b.await(`window.renewing === true`)
		b.await(phase + ` === 'pending'`)
		b.await(status + ` === 'The earlier code was lost. Scan this new one.'`)
	}
	hosted.await(phase + ` === 'pending' && ` + status + ` === 'The earlier code was lost. Scan this new one.' && !location.hash`)
	t.Logf("another code after %s", time.Since(back).Round(step))
	if _, err := person.Approve(t.Context(), claim, phone.Approval{}); err == nil {
		t.Error("the phone approves what is gone")
	}
	if _, code := other.redeem(t, c.nodes[0], redeemed); code != "invalid_grant" {
		t.Errorf("what was redeemed before: %q", code)
	}
	if _, err := person.Approve(t.Context(), scanned.scan(person), phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	scanned.await(`location.pathname === '/account'`)
	if _, err := person.Approve(t.Context(), hosted.scan(person), phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	hosted.await(`location.origin === "` + url + `" && location.pathname === '/account'`)
}

package webphone_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// handset is a phone's browser with a profile of its own.
type handset struct {
	t   testing.TB
	w   *world
	ctx context.Context

	language string // en, zh

	mu       sync.Mutex
	console  []string
	requests []string // URLs
}

const pixel = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"

// before runs in each page before its own scripts. It makes the console hear of what a policy refuses, and has no button wait until a
// person has read what it is for (SETTLE in settle.js): one test is about that.
const before = `addEventListener('securitypolicyviolation', (e) => console.error('refused: ' + e.violatedDirective + ' ' + e.blockedURI));
{ const wait = setTimeout; window.setTimeout = (act, ms, ...more) => wait(act, ms === 600 ? 0 : ms, ...more); }`

func newHandset(t testing.TB, w *world) *handset {
	t.Helper()
	return newHandsetIn(t, w, chromium, chromedp.WithNewBrowserContext())
}

// tab is another tab of the same browser and profile.
func (p *handset) tab() *handset {
	p.t.Helper()
	return newHandsetIn(p.t, p.w, p.ctx)
}

func newHandsetIn(t testing.TB, w *world, browser context.Context, profile ...chromedp.ContextOption) *handset {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, profile...)
	t.Cleanup(cancel)
	p := &handset{t: t, w: w, ctx: ctx, language: "en"}
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	call(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: pixel, AcceptLanguage: "en-US", Platform: "Linux armv81"})
	p.inject(before)
	call(p, network.Enable, network.EnableParams{})
	sent := chromedp.Events(ctx, network.RequestWillBeSent)
	go func() {
		for e, err := range sent {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.requests = append(p.requests, e.Request.URL)
			p.mu.Unlock()
		}
	}()
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.console = append(p.console, m.String())
			p.mu.Unlock()
		}
	}()
	return p
}

// call sends a command of the DevTools protocol.
func call[P, R any](p *handset, command cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, command, params); err != nil {
		p.t.Fatal(err)
	}
}

func (p *handset) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// js evaluates an expression in the page.
func js[T any](p *handset, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression is true in the page, or in the one that it goes to.
func (p *handset) await(expression string) {
	p.t.Helper()
	p.eventually(expression, func() bool {
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		return err == nil && holds
	})
}

// eventually waits for a condition; its limit only stops a hang.
func (p *handset) eventually(what string, holds func() bool) {
	p.t.Helper()
	for limit := time.Now().Add(40 * time.Second); !holds(); time.Sleep(15 * time.Millisecond) {
		if time.Now().After(limit) {
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
			p.t.Fatalf("never: %s; the page says:\n%s\nthe console:\n%s", what, text, strings.Join(p.console, "\n"))
		}
	}
}

// open opens an address as a link does, also where only its fragment is another.
func (p *handset) open(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
}

// follow opens a code's link, as one does whose camera has seen it, and looks who asks.
func (p *handset) follow(link string) {
	p.t.Helper()
	p.open(link)
	p.on("landed")
	p.press("landed.see")
}

// on waits for a screen.
func (p *handset) on(screen string) {
	p.t.Helper()
	p.await(fmt.Sprintf("document.querySelector('main:not([aria-busy])')?.dataset.screen === %q", screen))
}

// says waits for a text on the page.
func (p *handset) says(text string) {
	p.t.Helper()
	p.await(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// find is the button with a text, which may be pressed.
const find = `(text) => [...document.querySelectorAll('dialog button, button')].find((b) =>
	!b.disabled && b.getClientRects().length && b.textContent.trim() === text && (!document.querySelector('dialog[open]') || b.closest('dialog')))`

// tap touches a button as a finger does.
func (p *handset) tap(text string) {
	p.t.Helper()
	var at [2]float64
	p.eventually("a button "+text, func() bool {
		found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]float64](fmt.Sprintf(`(() => {
			const button = (%s)(%q);
			if (!button || document.querySelector('main[aria-busy]')) return [];
			button.scrollIntoView({ block: 'nearest' });
			const box = button.getBoundingClientRect();
			return [box.x + box.width / 2, box.y + box.height / 2];
		})()`, find, text)))
		if err != nil || len(found) < 2 {
			return false
		}
		at = [2]float64(found)
		return true
	})
	p.do(chromedp.TapXY(at[0], at[1]))
}

// tapOn touches the middle of an element, whatever it is.
func (p *handset) tapOn(selector string) {
	p.t.Helper()
	at := js[[]float64](p, fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({ block: 'center' });
		const box = e.getBoundingClientRect();
		return [box.x + box.width / 2, box.y + box.height / 2];
	})()`, selector))
	p.do(chromedp.TapXY(at[0], at[1]))
}

// inject runs a script in each page from now on, before the page's own.
func (p *handset) inject(script string) {
	p.t.Helper()
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// upload picks a file.
func (p *handset) upload(selector, name string, content []byte) {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.SetUploadFiles(selector, []string{path}))
}

// fill types into the field with a name, in place of what is there.
func (p *handset) fill(name, text string) {
	p.t.Helper()
	p.await(fmt.Sprintf("document.querySelector('main:not([aria-busy]) input[name=%s]')", name))
	js[bool](p, fmt.Sprintf("(() => { const e = document.querySelector('input[name=%s]'); e.focus(); e.select(); return true; })()", name))
	p.do(chromedp.KeyEvent(text))
}

// enrol makes it a phone of the account with this number. n is how many codes were sent before.
func (p *handset) enrol(number string, n int) {
	p.t.Helper()
	p.open(p.w.issuer + "/phone")
	p.enrolHere(number, n)
	p.press("ready.continue")
	p.on("home")
}

func (p *handset) enrolHere(number string, n int) {
	p.t.Helper()
	p.fill("code", p.askForCode(number, n))
	p.on("ready")
}

// askForCode begins an enrolment, and returns the code that is sent.
func (p *handset) askForCode(number string, n int) string {
	p.t.Helper()
	p.on("welcome")
	p.fill("number", number)
	p.press("welcome.send")
	p.on("code")
	return p.w.console.code(p.t, n)
}

// close is called at the end of a test: no page had an error, and no policy was violated.
func (p *handset) close(allowed ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.console {
		excused := false
		for _, text := range allowed {
			excused = excused || strings.Contains(line, text)
		}
		if !excused {
			p.t.Errorf("the console has %s", line)
		}
	}
}

// look is the colours and the language that the person has.
func (p *handset) look(scheme, language string) {
	p.t.Helper()
	p.language = language[:2]
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	call(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: pixel, AcceptLanguage: language, Platform: "Linux armv81"})
}

// settled waits until nothing moves any more.
func (p *handset) settled() {
	p.t.Helper()
	js[bool](p, `Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().iterations === 1)
		.map((a) => a.finished.catch(() => {}))).then(() => true)`)
}

// keep writes a picture of the screen for the documentation, when `make pictures` asks for it.
func (p *handset) keep(name string) {
	p.t.Helper()
	folder := os.Getenv("QRLOGIN_PICTURES")
	if folder == "" {
		return
	}
	p.settled()
	shot, err := chromedp.Call(p.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "phone-"+name+".png"), shot.Data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

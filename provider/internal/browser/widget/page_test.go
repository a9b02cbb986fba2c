package widget_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"qrlogin/api/picture"
)

// tab is a browser's tab on the site's login page, with the widget in it.
type tab struct {
	t        *testing.T
	ctx      context.Context
	provider *provider
	site     *site

	mu      sync.Mutex
	events  []event
	console []chromedp.ConsoleMessage
}

type event struct {
	Number int            `json:"number"` // reports may overtake one another
	Name   string         `json:"name"`
	Detail map[string]any `json:"detail"`
	Whole  bool           `json:"whole"` // it bubbled out of the widget's shadow to the window, cancelable where it should be
}

// before runs in the page before any of its scripts: it tells the test of events, of policy violations, and of the times that the
// widget wants to wait; __wait, when set, says how long it does wait. What it says Infinity of waits for __release().
const before = `
let reports = 0;
window.__unheard = 0;
const report = (r) => {
  window.__unheard++;
  __report(r).finally(() => window.__unheard--);
};
for (const name of ['qr-scanned', 'qr-approved', 'qr-declined', 'qr-expired', 'qr-error']) {
  addEventListener(name, (e) => {
    if (name === 'qr-approved' && window.__stay) e.preventDefault();
    report({ number: ++reports, name, detail: e.detail ?? {}, whole: e.bubbles && e.composed && e.cancelable === (name === 'qr-approved') });
  });
}
addEventListener('securitypolicyviolation', (e) => report({ name: 'violation', detail: { of: e.violatedDirective } }));
window.__waits = [];
const wait = window.setTimeout, held = [];
window.setTimeout = (f, ms, ...args) => {
  __waits.push(ms);
  const time = window.__wait ? window.__wait(ms) : ms;
  return time === Infinity ? -held.push(f) : wait(f, time, ...args);
};
window.__release = () => held.splice(0).forEach((f) => f());
`

// setup makes a provider, a site and a tab; nothing is open yet.
func setup(t *testing.T) (*provider, *site, *tab) {
	t.Helper()
	t.Parallel()
	p := newProvider(t)
	s := newSite(t, p)
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, provider: p, site: s}
	b.do(chromedp.ExposeFunc("__report", func(_ context.Context, e event) (chromedp.Void, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
		slices.SortStableFunc(b.events, func(x, y event) int { return cmp.Compare(x.Number, y.Number) })
		return chromedp.Void{}, nil
	}))
	b.before(before)
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, m)
			b.mu.Unlock()
		}
	}()
	return p, s, b
}

// open opens the login page and returns when the widget shows its first code.
func open(t *testing.T) (*provider, *site, *tab) {
	t.Helper()
	p, s, b := setup(t)
	b.visit()
	b.awaitPhase("pending")
	return p, s, b
}

// before adds a script that runs in every document of this tab before the document's own.
func (b *tab) before(script string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) visit() {
	b.t.Helper()
	b.do(chromedp.Navigate(b.site.URL + "/"))
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// js evaluates an expression in the page; `root` in it is the widget's shadow root, `widget` the element.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := evaluate[T](b, expression)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func evaluate[T any](b *tab, expression string) (T, error) {
	return chromedp.Run(b.ctx, chromedp.Evaluate[T](
		`(() => { const widget = document.querySelector('qr-login'), root = widget?.shadowRoot; return (`+expression+`); })()`))
}

// load runs what a page's own script does with the widget's module: a function of it.
func (b *tab) load(f string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf("import(%q).then(%s).then(() => true)", b.site.script, f), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
}

// await waits until an expression is true in the page, or in the one that it goes to.
func (b *tab) await(expression string) {
	b.t.Helper()
	eventually(b.t, expression, func() bool {
		holds, err := evaluate[bool](b, "!!("+expression+")")
		return err == nil && holds
	})
}

func (b *tab) awaitPhase(phase string) {
	b.t.Helper()
	b.await(fmt.Sprintf("root?.querySelector('.card')?.dataset.phase === %q", phase))
}

func (b *tab) awaitStatus(text string) {
	b.t.Helper()
	b.await(fmt.Sprintf("root?.querySelector('[role=status]').textContent === %q", text))
}

// awaitChallenge waits until the widget shows the n-th challenge, and watches it.
func (b *tab) awaitChallenge(n int) {
	b.t.Helper()
	c := b.provider.challenge(n)
	eventually(b.t, fmt.Sprintf("challenge %d is watched", n), func() bool {
		b.provider.mu.Lock()
		defer b.provider.mu.Unlock()
		last := len(b.provider.seen) - 1
		return last >= 0 && b.provider.seen[last].PathValue("id") == c.ID
	})
	b.awaitPhase("pending")
}

// press presses the button that says what is given.
func (b *tab) press(label string) {
	b.t.Helper()
	const buttons = `[...root.querySelectorAll('button')].filter((e) => e.getClientRects().length)`
	shown := js[[]string](b, buttons+`.map((e) => e.textContent)`)
	if !slices.Contains(shown, label) {
		b.t.Fatalf("the buttons say %q, none %q", shown, label)
	}
	b.do(chromedp.Click(chromedp.JSPath(fmt.Sprintf(
		`(() => { const root = document.querySelector('qr-login').shadowRoot; return %s.find((e) => e.textContent === %q); })()`, buttons, label))))
}

func (b *tab) awaitEvent(name string) event {
	b.t.Helper()
	var found event
	eventually(b.t, "event "+name, func() bool {
		for _, e := range b.heard() {
			if e.Name == name {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// again forgets what was heard, opens the page once more, and returns when the widget watches a new challenge.
func (b *tab) again() *challenge {
	b.t.Helper()
	b.provider.mu.Lock()
	n := len(b.provider.challenges)
	b.provider.mu.Unlock()
	b.forget()
	b.visit()
	b.awaitChallenge(n)
	return b.provider.challenge(n)
}

func (b *tab) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = nil
}

// heard is what the page has reported: a report takes a moment, in which the page may have gone on.
func (b *tab) heard() []event {
	b.t.Helper()
	eventually(b.t, "what was reported is heard", func() bool {
		all, err := evaluate[bool](b, "!window.__unheard")
		return err == nil && all
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]event(nil), b.events...)
}

// names are the events that were heard, in order.
func (b *tab) names() string {
	var names []string
	for _, e := range b.heard() {
		names = append(names, e.Name)
	}
	return strings.Join(names, " ")
}

// waits are the times in milliseconds, of at least a second, that the widget set out to wait.
func (b *tab) waits() []float64 {
	b.t.Helper()
	return js[[]float64](b, "__waits.filter((ms) => ms >= 1000)")
}

// screenshot is the widget's picture as a person sees it, on a screen with scale pixels to the CSS pixel.
func (b *tab) screenshot(scale float64) []byte {
	b.t.Helper()
	place := js[[]float64](b, "(({ x, y, width, height }) => [x, y, width, height])(widget.getBoundingClientRect())")
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip: &page.Viewport{X: place[0], Y: place[1], Width: place[2], Height: place[3], Scale: scale},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return shot.Data
}

// read decodes the QR code on the screenshot, as a phone does; "" when there is none.
func (b *tab) read() string {
	b.t.Helper()
	texts, err := picture.Read(b.t.Context(), b.screenshot(1), func(string) bool { return true })
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(texts, " and ")
}

// readByGozxing decodes the QR code on a picture, or "".
func readByGozxing(t *testing.T, shot []byte) string {
	t.Helper()
	picture, _, err := image.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	source := gozxing.NewLuminanceSourceFromImage(picture)
	for _, binarizer := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source)} {
		bitmap, err := gozxing.NewBinaryBitmap(binarizer)
		if err != nil {
			t.Fatal(err)
		}
		for _, hints := range []map[gozxing.DecodeHintType]any{nil, {gozxing.DecodeHintType_TRY_HARDER: true}} {
			if result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints); err == nil {
				return result.GetText()
			}
		}
	}
	return ""
}

// awaitCode waits until the screenshot shows a code with this text.
func (b *tab) awaitCode(text string) {
	b.t.Helper()
	eventually(b.t, "the screenshot shows "+text, func() bool { return b.read() == text })
}

// close checks what must hold on every page, and is called at the end of a test. refused: the test made requests fail, which the browser
// itself notes in the console.
func (b *tab) close(refused bool) {
	b.t.Helper()
	b.keepsSecrets()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.console {
		if refused && m.Source == "network" {
			continue
		}
		b.t.Errorf("the console has %s (%s)", m, m.URL)
	}
	for _, e := range b.events {
		if e.Name == "violation" {
			b.t.Errorf("the page's policy was violated: %v", e.Detail)
		} else if !e.Whole {
			b.t.Errorf("%s does not bubble, is not composed, or is cancelable and should not be, or not and should", e.Name)
		}
	}
	b.site.mu.Lock()
	defer b.site.mu.Unlock()
	if b.site.most > 1 {
		b.t.Errorf("%d finish calls at once", b.site.most)
	}
}

// keepsSecrets looks for the watch capability wherever it must not be: the document, storage, cookies, events, the console, URLs,
// and headers other than Authorization.
func (b *tab) keepsSecrets() {
	b.t.Helper()
	inPage := js[string](b, `JSON.stringify([
		document.documentElement.outerHTML, root?.innerHTML, {...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state,
		performance.getEntries().map((e) => e.name), widget && Object.entries(widget).map(String),
	])`)
	b.mu.Lock()
	heard, err := json.Marshal(b.events)
	if err != nil {
		b.t.Fatal(err)
	}
	said := fmt.Sprint(b.console)
	b.mu.Unlock()

	b.provider.mu.Lock()
	defer b.provider.mu.Unlock()
	var urls strings.Builder
	for _, r := range b.provider.seen {
		fmt.Fprintln(&urls, r.URL, r.Referer())
		if r.Header.Get("Cookie") != "" {
			b.t.Errorf("%s %s carries a cookie", r.Method, r.URL)
		}
	}
	b.site.mu.Lock()
	fmt.Fprintln(&urls, b.site.visits)
	b.site.mu.Unlock()
	for _, c := range b.provider.challenges {
		_, secret, _ := strings.Cut(c.Watch, ".")
		for place, text := range map[string]string{"page": inPage, "events": string(heard), "console": said, "URLs": urls.String()} {
			if strings.Contains(text, secret) {
				b.t.Errorf("the watch capability is in the %s", place)
			}
		}
	}
}

// eventually waits for a condition; its limit only stops a hang.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(limit) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(15 * time.Millisecond)
	}
}

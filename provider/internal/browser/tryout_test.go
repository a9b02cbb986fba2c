package browser

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gin-gonic/gin"
)

// tab is a browser's tab on the try-out page.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	mu       sync.Mutex
	requests []string
	console  []string
}

func newTab(t *testing.T) *tab {
	t.Helper()
	t.Parallel()
	b := &tab{t: t}
	door := &Door{Issuer: "https://login.example", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	r := gin.New()
	r.Use(func(c *gin.Context) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.requests = append(b.requests, c.Request.Method+" "+c.Request.URL.Path)
	})
	door.Mount(r)
	r.GET("/favicon.ico", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	r.GET("/logo.svg", func(c *gin.Context) { c.Data(http.StatusOK, "image/svg+xml", []byte(logo)) })
	server := httptest.NewServer(r)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	b.url = server.URL
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(cancel)
	b.ctx = ctx
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, m.String())
			b.mu.Unlock()
		}
	}()
	return b
}

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#2f6a5c"/>` +
	`<path d="M18 50V32a14 14 0 0 1 28 0v18z" fill="#f5f2ea"/></svg>`

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open opens the page in a language, on a window of this width, in this scheme.
func (b *tab) open(lang string, width int64, scheme string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "test", AcceptLanguage: lang}); err != nil {
		b.t.Fatal(err)
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate(b.url+"/widget"))
	b.await("document.querySelector('[data-issuer]').textContent && root.querySelector('.card').dataset.phase === 'pending'")
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

// await waits until an expression is true in the page; its limit only stops a hang.
func (b *tab) await(expression string) {
	b.t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(15 * time.Millisecond) {
		holds, err := evaluate[bool](b, "!!("+expression+")")
		if err == nil && holds {
			return
		}
		if time.Now().After(limit) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.t.Fatalf("never: %s (%v); the console has %v", expression, err, b.console)
		}
	}
}

// set changes a setting as a person does.
func (b *tab) set(attribute, value string) {
	b.t.Helper()
	js[bool](b, fmt.Sprintf(`(() => { const e = document.querySelector('[data-attribute="%s"]'); e.value = %q; return e.dispatchEvent(new InputEvent('input', { bubbles: true })); })()`, attribute, value))
}

func (b *tab) state(value string) {
	b.t.Helper()
	js[bool](b, fmt.Sprintf(`(document.querySelector('[name=state][value=%s]').click(), true)`, value))
	b.await(fmt.Sprintf("root.querySelector('.card').dataset.phase === %q", value))
}

// close is called at the end of a test: no error, no policy violated, and nothing was asked for but the page and what it shows.
func (b *tab) close() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		b.t.Errorf("the console has %s", line)
	}
	for _, r := range b.requests {
		if r != "GET /widget" && r != "GET /widget.js" && r != "GET /logo.svg" && r != "GET /favicon.ico" {
			b.t.Errorf("the page asked for %s", r)
		}
	}
}

const snippet = "document.querySelector('[data-issuer]').textContent"

func TestTryOutShowsWhatIsChosenAndWritesItDown(t *testing.T) {
	b := newTab(t)
	b.open("en", 1280, "light")
	if got := js[string](b, snippet); got != `<script type="module" src="https://login.example/widget.js"></script>
<qr-login challenge="/login/challenge" finish="/login/finish"></qr-login>` {
		t.Errorf("at first:\n%s", got)
	}
	b.set("accent", "#07c160")
	b.set("code", "#123456")
	b.set("size", "200")
	b.set("radius", "8")
	b.set("scheme", "dark")
	b.set("lang", "zh")
	b.set("logo", "/logo.svg")
	js[bool](b, `(document.querySelector('[data-attribute=continue]').click(), true)`)
	b.await("Number(root.querySelector('image').getAttribute('width')) > 0")
	for expression, want := range map[string]string{
		"root.querySelector('[role=status]').textContent":                                "请用手机扫码登录",
		"getComputedStyle(root.querySelector('.ground')).width":                          "200px",
		"getComputedStyle(root.querySelector('.card')).borderRadius":                     "8px",
		"getComputedStyle(root.querySelector('.code')).fill":                             "rgb(18, 52, 86)",
		"getComputedStyle(root.querySelector('.card')).colorScheme":                      "dark",
		"getComputedStyle(document.querySelector('.page')).colorScheme":                  "dark",
		"document.querySelector('output').textContent":                                   "200 px",
		"document.querySelector('.policy').textContent":                                  "script-src https://login.example; connect-src 'self' https://login.example; img-src 'self'",
		"[...document.querySelectorAll('.reset')].map((e) => Number(e.hidden)).join('')": "01101",
	} {
		if got := js[string](b, expression); got != want {
			t.Errorf("%s is %q", expression, got)
		}
	}
	// The snippet, on a page, is an element with the attributes of the preview.
	want := "accent=#07c160 challenge=/login/challenge code=#123456 continue=/login/start finish=/login/finish lang=zh logo=/logo.svg on-accent=#000 radius=8px scheme=dark size=200px"
	if got := js[string](b, `[...new DOMParser().parseFromString(`+snippet+`, 'text/html').querySelector('qr-login').attributes].map((a) => a.name + '=' + a.value).sort().join(' ')`); got != want {
		t.Errorf("the snippet has %s", got)
	}
	// Back to the beginning.
	b.set("scheme", "")
	b.set("lang", "")
	b.set("logo", "")
	b.set("size", "232")
	b.set("radius", "20")
	js[bool](b, `(document.querySelectorAll('.reset:not([hidden]), [data-attribute=continue]').forEach((e) => e.click()), true)`)
	if got := js[string](b, "[...widget.attributes].map((a) => a.name).join(' ')"); got != "preview" {
		t.Errorf("the preview still has %s", got)
	}
	b.close()
}

func TestTryOutWritesAttributesThatStayAttributes(t *testing.T) {
	b := newTab(t)
	b.open("en", 1280, "light")
	const hostile = `data:,"><script>pwned = 1</script><img src='x' onerror=alert(1)>&amp;`
	b.set("logo", hostile)
	if got := js[string](b, `new DOMParser().parseFromString(`+snippet+`, 'text/html').querySelector('qr-login').getAttribute('logo')`); got != hostile {
		t.Errorf("the snippet's logo is %s", got)
	}
	if got := js[string](b, "document.querySelector('.policy').textContent.split('; ').at(-1)"); got != "img-src data:" {
		t.Errorf("the policy says %s", got)
	}
	b.set("logo", "https://static.shop.example/logo.svg")
	if got := js[string](b, "document.querySelector('.policy').textContent.split('; ').at(-1)"); got != "img-src https://static.shop.example" {
		t.Errorf("the policy says %s", got)
	}
}

func TestTryOutSaysWhenAReaderWouldNotReadTheColours(t *testing.T) {
	b := newTab(t)
	b.open("en", 1280, "light")
	b.set("code", "#ffcc00")
	b.await("document.querySelector('.note').textContent.includes('black on white')")
	b.set("code", "#203040")
	b.await("document.querySelector('.note').textContent === ''")
	b.close()
}

// outside is what reaches out of the card that it lies in, or of the window.
const outside = `[...document.querySelectorAll('body *')].filter((e) => {
	const box = e.getBoundingClientRect(), card = (e.closest('.stage, .settings, .result') ?? document.body).getBoundingClientRect();
	return e.getClientRects().length && (box.right > Math.min(card.right, innerWidth) + 0.5 || box.left < Math.max(card.left, 0) - 0.5);
}).map((e) => e.outerHTML.slice(0, 80)).concat(document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [])`

func TestTryOutFitsAPhoneAndADesktopAndTwiceTheText(t *testing.T) {
	b := newTab(t)
	for _, lang := range []string{"en", "zh"} {
		for _, width := range []int64{320, 900, 1280} {
			b.open(lang, width, "light")
			b.set("logo", "https://static.a-shop-with-a-very-long-name.example/assets/pictures/"+strings.Repeat("long-", 20)+"logo.svg")
			b.set("accent", "#07c160")
			for _, size := range []string{"", "200%"} {
				js[string](b, "document.documentElement.style.fontSize = '"+size+"'")
				if found := js[[]string](b, outside); len(found) > 0 {
					t.Errorf("%s, %d px wide, text %q: %s", lang, width, size, strings.Join(found, "\n\t"))
				}
			}
		}
	}
}

func TestTryOutLeavesNothingToFindForAxe(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(lang+" "+scheme, func(t *testing.T) {
				b := newTab(t)
				for _, width := range []int64{320, 1280} {
					b.open(lang, width, scheme)
					for _, state := range []string{"pending", "confirming", "phone"} {
						b.state(state)
						b.set("code", map[bool]string{true: "#ffcc00", false: "#000000"}[state == "confirming"]) // with its note, and without
						complaints, err := axe.Complaints(b.ctx)
						if err != nil {
							t.Fatal(err)
						}
						for _, c := range complaints {
							t.Errorf("%s, %d px wide: %s", state, width, c)
						}
					}
				}
				b.close()
			})
		}
	}
}

func TestTryOutIsWalkedByTabInTheOrderOfItsWords(t *testing.T) {
	b := newTab(t)
	b.open("en", 1280, "light")
	b.state("expired")
	b.set("accent", "#07c160")
	js[bool](b, "(document.activeElement.blur(), scrollTo(0, 0), true)")
	b.do(chromedp.Navigate(b.url + "/widget#")) // from the top
	var walked []string
	for range 17 {
		b.do(chromedp.KeyEvent("\t"))
		walked = append(walked, js[string](b, `(() => {
			const e = document.activeElement.shadowRoot?.activeElement ?? document.activeElement;
			const seen = getComputedStyle(e.name === 'state' ? e.nextElementSibling : e).outlineStyle;
			return (e.id || e.value || e.dataset.attribute || e.textContent).trim().slice(0, 12) + (seen === 'none' ? ' UNSEEN' : '');
		})()`))
	}
	want := "Show a new c|expired|Default|accent|background|text|code|ground|size|radius|scheme|logo|lang|/login/start|<script type|Copy|script-src h"
	if got := strings.Join(walked, "|"); got != want {
		t.Errorf("%s", got)
	}
	// The states go by arrows.
	js[bool](b, "(document.querySelector('[name=state]:checked').focus(), true)")
	b.do(chromedp.KeyEvent(kb.ArrowUp))
	b.await("root.querySelector('.card').dataset.phase === 'declined'")
	b.close()
}

// With QRLOGIN_PICTURES, the pictures of docs/widget.md are kept.
func TestTryOutShowsEveryStateInARealBrowser(t *testing.T) {
	b := newTab(t)
	for _, scheme := range []string{"light", "dark"} {
		b.open("en", 1280, scheme)
		for _, state := range []string{"pending", "claimed", "confirming", "approved", "declined", "expired", "error", "phone"} {
			b.state(state)
			b.keep("widget-"+state+map[string]string{"dark": "-dark"}[scheme], "qr-login", 16)
		}
		b.state("pending")
		b.set("logo", "/logo.svg")
		b.set("accent", "#0b6b53")
		b.set("code", "#0b6b53")
		b.await("Number(root.querySelector('image').getAttribute('width')) > 0")
		if scheme == "light" {
			b.keep("widget-tryout", "body", 0)
		}
	}
	b.close()
}

// keep writes a picture of an element and of some pixels around it.
func (b *tab) keep(name, selector string, margin float64) {
	b.t.Helper()
	folder := os.Getenv("QRLOGIN_PICTURES")
	if folder == "" {
		return
	}
	b.await("document.getAnimations().length === 0 && root.getAnimations().every((a) => a.effect.getComputedTiming().iterations === Infinity)")
	place := js[[]float64](b, fmt.Sprintf("(({ x, y, width, height }) => [x + scrollX, y + scrollY, width, height])(document.querySelector(%q).getBoundingClientRect())", selector))
	quality, beyond := int64(70), true
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatWebp, Quality: &quality, CaptureBeyondViewport: &beyond,
		Clip: &page.Viewport{X: place[0] - margin, Y: place[1] - margin, Width: place[2] + 2*margin, Height: place[3] + 2*margin, Scale: 1},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".webp"), shot.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

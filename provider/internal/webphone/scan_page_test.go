package webphone_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"

	"qrlogin/api/picture/picturetest"
	"qrlogin/provider/internal/bundling"
	"qrlogin/provider/internal/webphone"
)

// scanPage is a tab with the scanner alone (testdata/scan.js), under the policy of the web phone.
type scanPage struct {
	t   testing.TB
	ctx context.Context
	URL string

	mu      sync.Mutex
	paths   []string // that were asked for
	console []string
	broken  bool // there is no decoder to be had
}

var scanScript = sync.OnceValues(func() ([]byte, error) { return bundling.Script("testdata/scan.js", "a test") })

// openPage opens the page in a browser that may use its camera, if it has one; the scanner is not open yet.
func openPage(t testing.TB, in context.Context) *scanPage {
	t.Helper()
	script, err := scanScript()
	if err != nil {
		t.Fatal(err)
	}
	p := &scanPage{t: t}
	r := gin.New()
	webphone.Mount(r)
	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/phone", nil))
	policy := recorder.Header()
	r.GET("/", func(c *gin.Context) {
		for _, name := range []string{"Content-Security-Policy", "Permissions-Policy"} {
			c.Header(name, policy.Get(name))
		}
		c.Data(http.StatusOK, "text/html", []byte(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">`+
			`<title>Scanner</title><main><h1>Scan</h1><div></div></main><script type="module" src="/scan.js"></script>`))
	})
	r.GET("/scan.js", func(c *gin.Context) { c.Data(http.StatusOK, "text/javascript", script) })
	r.GET("/photo/:kind/:number", func(c *gin.Context) {
		kind, _ := strconv.Atoi(c.Param("kind"))
		number, _ := strconv.Atoi(c.Param("number"))
		data, _ := picturetest.Damaged(t, kind, number, photosOfAKind)
		c.Data(http.StatusOK, "image/jpeg", data)
	})
	r.GET("/favicon.ico", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		p.mu.Lock()
		p.paths = append(p.paths, request.URL.Path)
		broken := p.broken
		p.mu.Unlock()
		if broken && request.URL.Path == "/phone/decoder.js" {
			http.NotFound(w, request)
			return
		}
		r.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	p.URL = server.URL
	ctx, cancel := chromedp.NewContext(in)
	t.Cleanup(cancel)
	p.ctx = ctx
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
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
	p.permit(browser.PermissionSettingGranted)
	p.do(chromedp.Navigate(p.URL))
	p.await("window.open")
	return p
}

func (p *scanPage) open() { p.js("(open(), true)") }

// permit says what the browser answers to a page that wants the camera.
func (p *scanPage) permit(setting browser.PermissionSetting) {
	p.t.Helper()
	_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "camera"}, Setting: setting, Origin: p.URL,
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// before runs a script before the page's own, and opens the page again.
func (p *scanPage) before(script string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.Navigate(p.URL))
	p.await("window.open")
}

func (p *scanPage) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *scanPage) js(expression string) bool {
	p.t.Helper()
	holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return holds
}

func (p *scanPage) text(expression string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// await waits until an expression is true; its limit only stops a hang.
func (p *scanPage) await(expression string) {
	p.t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(15 * time.Millisecond) {
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && holds {
			return
		}
		if time.Now().After(limit) {
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText + ' ' + said"))
			p.t.Fatalf("never: %s (%v); the page says:\n%s", expression, err, text)
		}
	}
}

// awaitSaid waits until the person is told this.
func (p *scanPage) awaitSaid(text string) {
	p.t.Helper()
	p.await(fmt.Sprintf("document.querySelector('[role=status]').textContent === %q", text))
}

// awaitTold waits until the scanner has told its owner this.
func (p *scanPage) awaitTold(what string) {
	p.t.Helper()
	p.await(fmt.Sprintf("said.includes(%q)", what))
}

// press presses the button of this class.
func (p *scanPage) press(class string) {
	p.t.Helper()
	p.do(chromedp.Click("." + class))
}

// keys types, where the focus is.
func (p *scanPage) keys(text string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(text))
}

// pick picks a photo from the gallery.
func (p *scanPage) pick(photo []byte) {
	p.t.Helper()
	name := filepath.Join(p.t.TempDir(), "photo.jpg")
	if err := os.WriteFile(name, photo, 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.SetUploadFiles("input[type=file]", []string{name}))
}

// loaded says whether the page has asked for this path.
func (p *scanPage) loaded(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.paths, path)
}

func (p *scanPage) look(scheme, motion string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	if err != nil {
		p.t.Fatal(err)
	}
}

// dark says that no camera is open any more.
const dark = "tracks.length > 0 && tracks.every((track) => track.readyState === 'ended') && document.querySelector('video')?.srcObject == null"

// close is called at the end of a test: nothing is left open, and nothing broke a policy or failed unseen.
func (p *scanPage) close() {
	p.t.Helper()
	p.js("(window.scanner?.stop(), true)")
	if !p.js("tracks.every((track) => track.readyState === 'ended')") {
		p.t.Error("the camera is still open")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.console) > 0 {
		p.t.Errorf("the console has %s", strings.Join(p.console, "\n"))
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"qrlogin/mobile-sim/phone"
)

// TestMain decides what happens without a browser: an error where QRLOGIN_REQUIRE=all says that every part must be there;
// otherwise the tests in one are left out, and a line says so.
func TestMain(m *testing.M) {
	if _, err := exec.LookPath("chromium"); err == nil {
		inChromium = true
	} else if os.Getenv("QRLOGIN_REQUIRE") == "all" {
		fmt.Fprintln(os.Stderr, "QRLOGIN_REQUIRE=all, and chromium is not installed")
		os.Exit(1)
	} else {
		fmt.Println("left out: the demo in a real browser; chromium is not installed")
	}
	// Installed by make generate; the package that finds it for the provider's tests is not for others.
	script, err := os.ReadFile("../provider/internal/axetest/node_modules/axe-core/axe.min.js")
	if err != nil && os.Getenv("QRLOGIN_REQUIRE") == "all" {
		fmt.Fprintf(os.Stderr, "QRLOGIN_REQUIRE=all, and axe-core is not installed (make generate): %v\n", err)
		os.Exit(1)
	}
	if axe = string(script); axe == "" {
		fmt.Println("left out: accessibility by axe-core, not installed (make generate)")
	}
	os.Exit(m.Run())
}

var (
	inChromium bool
	axe        string // axe-core's script, or ""
)

// window is a real browser's window.
type window struct {
	t       *testing.T
	ctx     context.Context
	mu      sync.Mutex
	console []string
}

func openWindow(t *testing.T) *window {
	t.Helper()
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // Chromium's own sandbox does not start as root
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	)...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	w := &window{t: t, ctx: ctx}
	w.do(chromedp.EmulateViewport(1120, 760))
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			w.mu.Lock()
			w.console = append(w.console, m.String())
			w.mu.Unlock()
		}
	}()
	return w
}

func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, steps...); err != nil {
		w.t.Fatal(err)
	}
}

// before adds a script that runs in every document before the document's own.
func (w *window) before(script string) {
	w.t.Helper()
	if _, err := chromedp.Call(w.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		w.t.Fatal(err)
	}
}

// await waits until a JavaScript expression is true in the page, or in the one that it goes to.
func (w *window) await(expression string) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		holds, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			text, _ := chromedp.Run(w.ctx, chromedp.Evaluate[string]("document.body.innerText"))
			w.t.Fatalf("%s does not become true (%v); the page says:\n%s", expression, err, text)
		}
	}
}

func (w *window) screenshot() []byte {
	w.t.Helper()
	shot, err := chromedp.Call(w.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		w.t.Fatal(err)
	}
	return shot.Data
}

// keep writes the picture for the documentation, when `make pictures` asks for it.
func (w *window) keep(name string) {
	w.t.Helper()
	folder := os.Getenv("QRLOGIN_PICTURES")
	if folder == "" {
		return
	}
	for _, scheme := range []string{"dark", "light"} {
		params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		if _, err := chromedp.Call(w.ctx, emulation.SetEmulatedMedia, params); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond) // until the colours have changed
		suffix := map[string]string{"dark": "-dark"}[scheme]
		if err := os.WriteFile(filepath.Join(folder, name+suffix+".png"), w.screenshot(), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

const phase = `document.querySelector('qr-login')?.shadowRoot?.querySelector('.card')?.dataset.phase`

var smsCode = regexp.MustCompile(`(?:code is|SMS).*?\b(\d{6})\b`)

// enrolled is a phone that is enrolled with the running demo; its code is read in the terminal, as a person would.
func enrolled(t *testing.T, provider string, terminal *output) *phone.Phone {
	t.Helper()
	p, err := phone.Enroll(t.Context(), phone.Enrollment{Provider: provider, Number: "+8613912345678", Name: "Test phone",
		Code: func(context.Context) (string, error) {
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				if found := smsCode.FindStringSubmatch(terminal.String()); found != nil {
					return found[1], nil
				}
			}
			return "", fmt.Errorf("no code in the terminal:\n%s", terminal.String())
		}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scanScreen points the phone at the screen: the code is read from the screenshot, as a camera would.
func (w *window) scanScreen(p *phone.Phone) *phone.Claim {
	w.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		text, err := phone.ReadPicture(bytes.NewReader(w.screenshot()))
		if err == nil {
			var claim *phone.Claim
			if claim, err = p.Scan(w.t.Context(), text); err == nil {
				return claim
			}
			// A machine that takes half a minute to read a picture looks at the screen again, as a person would.
			if said, ok := errors.AsType[*phone.Problem](err); !ok || said.Code != "code-stale" {
				w.t.Fatal(err)
			}
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("no code on the screen: %v", err)
		}
	}
}

func TestARealBrowserIsLoggedInByThePictureOnItsScreen(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/login"))
	w.await(phase + ` === "pending"`)
	w.keep("login")
	claim := w.scanScreen(p)
	w.await(phase + ` === "claimed"`)
	if text, _ := chromedp.Run(w.ctx, chromedp.Evaluate[string]("document.documentElement.outerHTML")); strings.Contains(text, "12345678") {
		t.Error("the page knows the number before the approval")
	}
	w.keep("scanned")
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.await(`location.pathname === "/account" && document.body.textContent.replace(/\D/g, "").includes("8613912345678")`)
	w.await(fmt.Sprintf(`document.body.innerText.includes(%q)`, provider)) // the iss
	w.keep("account")
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.console) > 0 {
		t.Errorf("the console says %v", w.console)
	}
}

func TestARealBrowserIsToldOfADecline(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/login"))
	w.await(phase + ` === "pending"`)
	claim := w.scanScreen(p)
	w.await(phase + ` === "claimed"`)
	if err := p.Deny(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	w.await(phase + ` === "declined"`)
	w.keep("declined")
}

// With --policy=strict the page asks for the digits, and the approval counts once it has them.
func TestARealBrowserConfirmsByTheDigitsOnThePhone(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0", "--policy=strict")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/login"))
	w.await(phase + ` === "pending"`)
	claim := w.scanScreen(p)
	digits, err := p.Approve(t.Context(), claim, phone.Approval{})
	if err != nil || len(digits) != 4 {
		t.Fatalf("digits %q, %v", digits, err)
	}
	w.await(phase + ` === "confirming"`)
	w.do(chromedp.KeyEvent(digits))
	w.await(`location.pathname === "/account" && document.body.textContent.replace(/\D/g, "").includes("8613912345678")`)
}

package pages

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// tab is a browser's tab on the provider.
type tab struct {
	t        *testing.T
	ctx      context.Context
	provider *provider

	mu      sync.Mutex
	console []string
}

func newTab(t *testing.T) *tab {
	t.Helper()
	t.Parallel()
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, provider: newProvider(t)}
	b.look(1280, "light")
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

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// look is how wide the window is, and which colours and settings the person has.
func (b *tab) look(width int64, scheme string, more ...string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	for i := 0; i < len(more); i += 2 {
		features = append(features, &emulation.MediaFeature{Name: more[i], Value: more[i+1]})
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) scripting(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatal(err)
	}
}

// open opens a page.
func (b *tab) open(s sample) {
	b.t.Helper()
	path := "/page"
	b.provider.mu.Lock()
	if login, ok := s.page.(Login); ok {
		path, b.provider.login = "/login", login
	}
	b.provider.page = s.write
	b.provider.mu.Unlock()
	b.do(chromedp.Navigate(b.provider.URL + path))
}

// js evaluates an expression in the page.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression is true in the page, or in the one that it goes to.
func (b *tab) await(expression string) {
	b.t.Helper()
	b.eventually(expression, func() bool {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		return err == nil && holds
	})
}

func (b *tab) awaitPhase(phase string) {
	b.t.Helper()
	b.await(fmt.Sprintf("document.querySelector('qr-login')?.shadowRoot?.querySelector('.card')?.dataset.phase === %q", phase))
}

// eventually waits for a condition; its limit only stops a hang.
func (b *tab) eventually(what string, holds func() bool) {
	b.t.Helper()
	for limit := time.Now().Add(time.Minute); !holds(); time.Sleep(15 * time.Millisecond) {
		if time.Now().After(limit) {
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
			b.t.Fatalf("never: %s; the page says:\n%s", what, text)
		}
	}
}

// close is called at the end of a test: no page had an error, and no policy was violated.
func (b *tab) close() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		b.t.Errorf("the console has %s", line)
	}
}

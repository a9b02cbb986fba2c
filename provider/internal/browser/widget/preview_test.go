package widget_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// previews are the states that a site may look at, and what the widget says in them.
var previews = map[string]string{
	"pending":    "Scan with your phone to log in",
	"claimed":    "Scanned. Confirm on your phone.",
	"confirming": "Type the four digits that your phone shows",
	"approved":   "Approved. Logging you in…",
	"declined":   "Declined on the phone",
	"expired":    "This code has expired",
	"error":      "Something went wrong",
	"phone":      "Log in on this phone",
	"loading":    "Getting a code…",
}

// preview shows a state on a page that has what a page should have.
func (b *tab) preview(state, attributes string) {
	b.t.Helper()
	b.site.show("en", fmt.Sprintf(`<main><h1>Welcome</h1><qr-login preview="%s" %s></qr-login></main>`, state, attributes))
	b.visit()
	b.awaitPhase(state)
}

func TestWidgetPreviewsEveryStateWithoutARequest(t *testing.T) {
	p, s, b := setup(t)
	for state, says := range previews {
		b.preview(state, `challenge="/login/challenge" finish="/login/finish" continue="/login/start"`)
		b.awaitStatus(says)
		if js[bool](b, "document.activeElement === widget") {
			t.Errorf("%s takes the focus", state)
		}
		js[bool](b, "(root.querySelectorAll('button').forEach((button) => button.click()), true)")
		if state == "confirming" {
			js[bool](b, "(root.querySelector('input').focus(), true)")
			b.keys("4821")
		}
		b.do(settle)
		b.awaitStatus(says)
	}
	if n := s.count("/login/challenge") + s.count("/login/finish") + s.count("/login/start") + len(p.log()); n > 0 {
		t.Errorf("%d requests", n)
	}
	if names := b.names(); names != "" {
		t.Errorf("events: %s", names)
	}
	b.preview("pending", "")
	eventually(t, "the screenshot shows a code", func() bool { return strings.HasPrefix(b.read(), p.URL+"/q/PREVIEW") })

	// What is none is the first; without the attribute, it begins in earnest.
	js[bool](b, "(widget.setAttribute('preview', 'constructor'), true)")
	b.awaitStatus(previews["pending"])
	js[bool](b, "(widget.setAttribute('challenge', '/login/challenge'), widget.setAttribute('finish', '/login/finish'), widget.removeAttribute('preview'), true)")
	b.awaitChallenge(0)
	// And back: what ran is over.
	js[bool](b, "(widget.setAttribute('preview', 'phone'), true)")
	b.awaitPhase("phone")
	eventually(t, "the challenge is cancelled", func() bool { return p.count("DELETE") == 1 })
	b.close(false)
}

func TestWidgetLeavesNothingToFindInAnyStateForAxe(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			_, _, b := setup(t)
			b.emulate("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce") // colours are judged when nothing fades any more
			for _, width := range []int64{320, 1280} {
				b.do(chromedp.EmulateViewport(width, 800))
				b.preview("pending", "")
				for state := range previews {
					js[bool](b, "(widget.setAttribute('preview', '"+state+"'), true)")
					b.awaitPhase(state)
					b.pleasesAxe(state)
				}
			}
			b.close(false)
		})
	}
}

func TestWidgetLeavesNothingToFindAfterAMistakeForAxe(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			_, s, b := setup(t)
			b.emulate("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
			s.show("en", `<main><h1>Welcome</h1>`+s.element+`</main>`)
			b.again()
			b.askedFor()
			b.await(focused)
			b.keys("1111")
			b.awaitStatus("Not these digits. 2 tries left.")
			b.pleasesAxe("wrong digits")
			b.close(true)
		})
	}
}

func (b *tab) pleasesAxe(what string) {
	b.t.Helper()
	complaints, err := axe.Complaints(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range complaints {
		b.t.Errorf("%s, %v px wide: %s", what, js[int](b, "innerWidth"), c)
	}
}

// outside is what reaches out of the card or of the ground that it lies in, or is cut off.
const outside = `[...root.querySelectorAll('.card *')].filter((e) => {
	if (!e.getClientRects().length || e.localName === 'path' || e.localName === 'image' || e.localName === 'input') return false;
	const box = e.getBoundingClientRect(), around = e.parentElement.closest('.ground, .card').getBoundingClientRect();
	return box.right > around.right + 0.5 || box.left < around.left - 0.5 || box.bottom > around.bottom + 0.5 || box.top < around.top - 0.5;
}).map((e) => e.className + ' ' + e.textContent).concat(document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [])`

// A person who has chosen letters twice as large in their browser gets them, whatever the page makes of its own.
func TestWidgetFitsANarrowPageAndTwiceTheText(t *testing.T) {
	_, _, b := setup(t)
	for _, size := range []int64{16, 32} {
		if _, err := chromedp.Call(b.ctx, page.SetFontSizes, page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: size, Fixed: size}}); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{320, 1280} {
			b.do(chromedp.EmulateViewport(width, 900))
			b.preview("pending", "")
			js[bool](b, "(document.documentElement.style.fontSize = '10px', true)")
			for state := range previews {
				for _, attributes := range []string{`lang: 'en', size: '232px'`, `lang: 'zh', size: '232px'`, `lang: 'en', size: '160px'`} {
					js[bool](b, "(Object.entries({ preview: '"+state+"', "+attributes+" }).forEach(([name, value]) => widget.setAttribute(name, value)), true)")
					if found := js[[]string](b, outside); len(found) > 0 {
						t.Errorf("%s %s, %d px wide, text %d: %q", state, attributes, width, size, found)
					}
				}
			}
			if got := js[string](b, "getComputedStyle(root.querySelector('.status')).fontSize"); got != fmt.Sprintf("%dpx", size) {
				t.Errorf("text %d: %s", size, got)
			}
		}
	}
	b.close(false)
}

func TestWidgetTakesItsLooksFromAttributesWhereThePageHasNoStyle(t *testing.T) {
	_, _, b := setup(t)
	b.preview("expired", `size="180px" radius="3px" accent="#07c160" on-accent="#001" background="#102030" text="#f0f0f0" scheme="dark"`)
	for expression, want := range map[string]string{
		"getComputedStyle(root.querySelector('.ground')).width":           "180px",
		"getComputedStyle(root.querySelector('.card')).borderRadius":      "3px",
		"getComputedStyle(root.querySelector('.button')).backgroundColor": "rgb(7, 193, 96)",
		"getComputedStyle(root.querySelector('.button')).color":           "rgb(0, 0, 17)",
		"getComputedStyle(root.querySelector('.card')).backgroundColor":   "rgb(16, 32, 48)",
		"getComputedStyle(root.querySelector('.card')).color":             "rgb(240, 240, 240)",
		"getComputedStyle(root.querySelector('.card')).colorScheme":       "dark",
	} {
		if got := js[string](b, expression); got != want {
			t.Errorf("%s is %s", expression, got)
		}
	}
	// The page's own style wins, and what is taken away is as it was.
	js[bool](b, "(widget.style.setProperty('--qr-login-size', '190px'), widget.removeAttribute('radius'), true)")
	if got := js[string](b, "getComputedStyle(root.querySelector('.ground')).width + getComputedStyle(root.querySelector('.card')).borderRadius"); got != "190px20px" {
		t.Errorf("then %s", got)
	}
	b.close(false)
}

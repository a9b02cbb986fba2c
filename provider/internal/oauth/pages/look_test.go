package pages

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// outside is what reaches out of the card that it lies in, or of the window.
const outside = `[...document.querySelectorAll('body *')].filter((e) => {
	const box = e.getBoundingClientRect(), card = (e.closest('main') ?? document.body).getBoundingClientRect();
	return e.getClientRects().length && (box.right > Math.min(card.right, innerWidth) + 0.5 || box.left < Math.max(card.left, 0) - 0.5);
}).map((e) => e.outerHTML.slice(0, 80)).concat(document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [])`

// everyLook calls a function with each page that is wanted, in both languages, light and dark, on a small phone and a desktop.
func everyLook(t *testing.T, wanted func(sample) bool, f func(t *testing.T, b *tab, s sample)) {
	for _, lang := range []string{"en", "zh"} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(lang+" "+scheme, func(t *testing.T) {
				b := newTab(t)
				for _, s := range b.provider.samples(lang) {
					if !wanted(s) {
						continue
					}
					for _, width := range []int64{320, 1280} {
						b.look(width, scheme)
						b.open(s)
						if _, ok := s.page.(Login); ok {
							b.awaitPhase("pending")
						}
						f(t, b, s)
					}
				}
				b.close()
			})
		}
	}
}

func TestPageFitsAPhoneAndADesktopAndTwiceTheText(t *testing.T) {
	everyLook(t, func(sample) bool { return true }, func(t *testing.T, b *tab, s sample) {
		for _, size := range []string{"", "200%"} {
			js[string](b, "document.documentElement.style.fontSize = '"+size+"'")
			if found := js[[]string](b, outside); len(found) > 0 {
				t.Errorf("%s, %v px wide, text %q: %s", s.name, js[int](b, "innerWidth"), size, strings.Join(found, "\n\t"))
			}
		}
	})
}

func TestPageLeavesNothingToFindForAxe(t *testing.T) {
	oneFailure := func(s sample) bool { // they differ in their words
		f, ok := s.page.(Failure)
		return !ok || f.Kind == Expired
	}
	everyLook(t, oneFailure, func(t *testing.T, b *tab, s sample) { b.pleasesAxe(s.name) })
}

func (b *tab) pleasesAxe(name string) {
	b.t.Helper()
	complaints, err := axe.Complaints(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range complaints {
		b.t.Errorf("%s, %v px wide: %s", name, js[int](b, "innerWidth"), c)
	}
}

func TestPageOfLoginLeavesNothingToFindInAnyStateForAxe(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		for phase, to := range map[string]func(*provider){
			"claimed":    func(p *provider) { p.state = "claimed" },
			"confirming": func(p *provider) { p.state = "confirming" },
			"approved":   func(p *provider) { p.state = "approved" },
			"declined":   func(p *provider) { p.state, p.denied = "claimed", true },
			"error":      func(p *provider) { p.refusing = true },
		} {
			t.Run(phase+" "+scheme, func(t *testing.T) {
				b := newTab(t)
				b.look(1280, scheme, "prefers-reduced-motion", "reduce") // colours are judged when nothing fades any more
				b.provider.change(func() { to(b.provider) })
				b.open(b.provider.samples("en")[0])
				b.awaitPhase(phase)
				b.pleasesAxe("login")
			})
		}
	}
}

// SECURITY.md §2, row 14: decline is the default, and as prominent as approve.
func TestPageOfConsentHasDeclineFirstAndAsLarge(t *testing.T) {
	b := newTab(t)
	for _, width := range []int64{320, 1280} {
		b.look(width, "light")
		b.open(b.provider.samples("en")[1])
		sizes := js[[]float64](b, `[...document.querySelectorAll('form button')].flatMap((e) => [e.offsetWidth, e.offsetHeight, getComputedStyle(e).fontSize.replace('px', '') * 1])`)
		if sizes[0] != sizes[3] || sizes[1] != sizes[4] || sizes[2] != sizes[5] {
			t.Errorf("decline and approve: %v", sizes)
		}
		if got := js[string](b, "document.querySelector('form button').value"); got != "deny" {
			t.Errorf("the first is %s", got)
		}
	}
	b.close()
}

func TestPageIsWalkedByTabInTheOrderOfItsWords(t *testing.T) {
	b := newTab(t)
	samples := b.provider.samples("en")
	b.provider.state = "claimed"
	for i, want := range map[int]string{
		0: "Not you? New code|Cancel and go back to Kiln Lane",
		1: "Decline|Continue|Not you? Log in with another phone",
		2: "Stay logged in|Log out",
	} {
		b.open(samples[i])
		if i == 0 {
			b.awaitPhase("claimed")
		}
		var walked []string
		for range strings.Count(want, "|") + 1 {
			b.do(chromedp.KeyEvent("\t"))
			walked = append(walked, js[string](b, `(document.activeElement.shadowRoot?.activeElement ?? document.activeElement).textContent`))
			if got := js[string](b, `getComputedStyle(document.activeElement.shadowRoot?.activeElement ?? document.activeElement).outlineStyle`); got != "solid" {
				t.Errorf("%s: the focus on %s is not seen", samples[i].name, walked[len(walked)-1])
			}
		}
		if got := strings.Join(walked, "|"); got != want {
			t.Errorf("%s: %s", samples[i].name, got)
		}
	}
	b.close()
}

func TestPageHasBordersWhereColoursAreForced(t *testing.T) {
	b := newTab(t)
	b.look(1280, "dark", "forced-colors", "active")
	b.open(b.provider.samples("en")[1])
	if !js[bool](b, `[...document.querySelectorAll('button, .mark')].every((e) => getComputedStyle(e).borderTopWidth === '1px' && getComputedStyle(e).borderTopColor !== getComputedStyle(e).backgroundColor)`) {
		t.Error("a button or a mark has no edge")
	}
	b.close()
}

func TestPageShowsAHostileNameAsALetterLikeAnother(t *testing.T) {
	b := newTab(t)
	for name, seen := range map[string]string{
		`<script>pwned = 1</script>`:               `<script>pwned = 1</script>`,
		`"><img src=x onerror="pwned = 1">`:        `"><img src=x onerror="pwned = 1">`,
		`</title></style><svg/onload=pwned=1>`:     `</title></style><svg/onload=pwned=1>`,
		`{{.P}} %s %d %!`:                          `{{.P}} %s %d %!`,
		"Shop\u202e\u2067evil\u2069\u0000\n":       "Shopevil",
		"חנות":                                     "חנות",
		strings.Repeat("W", 64):                    strings.Repeat("W", 64),
		strings.Repeat("Ein sehr langer Name ", 3): strings.Repeat("Ein sehr langer Name ", 3),
		"': \\u0022`${pwned=1}`;url(javascript:0)": "': \\u0022`${pwned=1}`;url(javascript:0)",
	} {
		for _, s := range b.provider.samples("en") {
			evil := Site{Name: name, Domains: []string{strings.Repeat("long-", 40) + "name.example", name}, Redirect: `javascript:alert(1);script-src *`}
			switch page := s.page.(type) {
			case Login:
				page.Site = evil
				s.page = page
			case Consent:
				page.Site, page.Number, page.Scopes = evil, name, []string{name}
				s.page = page
			case Logout:
				page.Site, page.Fields = evil, []Field{{name, name}}
				s.page = page
			case LoggedOut:
				page.Site = evil
				s.page = page
			case Failure:
				if page.Kind != WrongRedirect {
					continue
				}
				page.Site = evil
				s.page = page
			}
			b.look(320, "light")
			b.open(s)
			if s.name == "login" {
				b.awaitPhase("pending")
			}
			if js[bool](b, "typeof pwned !== 'undefined' || document.querySelectorAll('main script, main svg, main img').length > 0") {
				t.Errorf("%s: %q is more than text", s.name, name)
			}
			if found := js[[]string](b, outside); len(found) > 0 {
				t.Errorf("%s: %q reaches out: %s", s.name, name, strings.Join(found, "\n\t"))
			}
			if s.name == "login" || s.name == "consent" {
				if got := js[string](b, "document.querySelector('h1 bdi').textContent"); got != seen {
					t.Errorf("%s: %q is shown as %q", s.name, name, got)
				}
			}
		}
	}
	b.close()
}

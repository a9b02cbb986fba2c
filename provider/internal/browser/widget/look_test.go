package widget_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func (b *tab) emulate(features ...string) {
	b.t.Helper()
	var params emulation.SetEmulatedMediaParams
	for i := 0; i < len(features); i += 2 {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.t.Fatal(err)
	}
}

func TestWidgetDrawsDarkOnWhiteWhateverTheColours(t *testing.T) {
	for name, features := range map[string][]string{
		"light":         {"prefers-color-scheme", "light"},
		"dark":          {"prefers-color-scheme", "dark"},
		"forced light":  {"forced-colors", "active", "prefers-color-scheme", "light"},
		"forced dark":   {"forced-colors", "active", "prefers-color-scheme", "dark"},
		"more contrast": {"prefers-contrast", "more"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, b := setup(t)
			b.emulate(features...)
			b.visit()
			b.awaitCode(p.code(p.challenge(0), 0)) // the reader does not read an inverted code
			if got := js[string](b, "getComputedStyle(root.querySelector('.ground')).backgroundColor"); got != "rgb(255, 255, 255)" {
				t.Errorf("the ground is %s", got)
			}
			b.close(false)
		})
	}
}

func TestWidgetFollowsThePagesColourScheme(t *testing.T) {
	_, _, b := setup(t)
	background := "getComputedStyle(root.querySelector('.card')).backgroundColor"
	b.emulate("prefers-color-scheme", "dark")
	b.visit()
	b.awaitPhase("pending")
	dark := js[string](b, background)
	// A light page in a dark system has a light card.
	js[bool](b, "(document.documentElement.style.colorScheme = 'light', true)")
	if light := js[string](b, background); light == dark {
		t.Errorf("light and dark are both %s", light)
	}
	b.close(false)
}

func TestWidgetFitsANarrowPhone(t *testing.T) {
	p, _, b := setup(t)
	b.do(chromedp.EmulateViewport(280, 600))
	b.visit()
	b.awaitCode(p.code(p.challenge(0), 0))
	if !js[bool](b, "document.documentElement.scrollWidth <= innerWidth && widget.getBoundingClientRect().right <= innerWidth") {
		t.Error("the widget is wider than the page")
	}
	b.close(false)
}

func TestWidgetTakesTheSitesSizeAndAccent(t *testing.T) {
	p, _, b := open(t)
	js[bool](b, "(widget.style.setProperty('--qr-login-size', '180px'), widget.style.setProperty('--qr-login-accent', 'rgb(7, 193, 96)'), true)")
	if got := js[float64](b, "root.querySelector('.ground').getBoundingClientRect().width"); got != 180 {
		t.Errorf("the code is %v px wide", got)
	}
	b.awaitCode(p.code(p.challenge(0), 0))
	p.set(p.challenge(0), "claimed")
	b.await("getComputedStyle(root.querySelector('.badge')).borderTopColor === 'rgb(7, 193, 96)'")
	b.close(false)
}

func TestWidgetIsAsHighInEveryPhase(t *testing.T) {
	p, s, b := open(t)
	height := "widget.getBoundingClientRect().height"
	pending := js[float64](b, height)
	s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done() })
	for _, state := range []string{"claimed", "approved"} {
		p.set(p.challenge(0), state)
		b.awaitPhase(state)
		if got := js[float64](b, height); got != pending {
			t.Errorf("%s is %v px high, pending %v", state, got, pending)
		}
	}
	b.close(false)
}

func TestWidgetKeepsStillWhereMotionIsReduced(t *testing.T) {
	_, _, b := setup(t)
	b.emulate("prefers-reduced-motion", "reduce")
	b.visit()
	b.awaitPhase("pending")
	for _, part := range []string{".code", ".badge"} {
		if got := js[string](b, "getComputedStyle(root.querySelector('"+part+"')).transitionProperty"); got != "none" {
			t.Errorf("%s has a transition of %s", part, got)
		}
	}
	b.close(false)
}

func TestWidgetSpeaksTheLanguageOfItsPlace(t *testing.T) {
	_, s, b := setup(t)
	const element = `challenge="/login/challenge" finish="/login/finish"></qr-login>`
	for name, c := range map[string]struct{ page, element, browser, status string }{
		"its own":                  {"en", `<qr-login lang="zh-CN" ` + element, "en", "请用手机扫码登录"},
		"its own before others'":   {"zh", `<qr-login lang="en-GB" ` + element, "zh", "Scan with your phone to log in"},
		"the nearest":              {"en", `<main lang="zh-Hant"><qr-login ` + element + `</main>`, "en", "请用手机扫码登录"},
		"the page's":               {"zh", `<qr-login ` + element, "en", "请用手机扫码登录"},
		"the browser's":            {"", `<qr-login ` + element, "zh-CN", "请用手机扫码登录"},
		"English for what is none": {"fr", `<qr-login ` + element, "zh-CN", "Scan with your phone to log in"},
	} {
		s.show(c.page, c.element)
		if _, err := chromedp.Call(b.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "test", AcceptLanguage: c.browser}); err != nil {
			t.Fatal(err)
		}
		b.again()
		if got := js[string](b, "root.querySelector('[role=status]').textContent"); got != c.status {
			t.Errorf("%s: %s", name, got)
		}
	}
	b.close(false)
}

func TestWidgetChangesItsLanguageWithoutANewCode(t *testing.T) {
	p, s, b := open(t)
	p.set(p.challenge(0), "claimed")
	b.awaitPhase("claimed")
	js[bool](b, "(widget.lang = 'zh', true)")
	b.awaitStatus("已扫描，请在手机上确认。")
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	b.press("不是你？换一个二维码")
	b.awaitChallenge(1)
	b.close(false)
}

// heardAs are the roles and names that assistive technology finds in the page.
func (b *tab) heardAs() string {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	var found []string
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		name := ""
		if node.Name != nil {
			name = string(node.Name.Value)
		}
		found = append(found, strings.Trim(string(node.Role.Value), `"`)+" "+name)
	}
	return strings.Join(found, "\n")
}

func TestWidgetIsAPictureAStatusAndAButtonToAScreenReader(t *testing.T) {
	p, _, b := open(t)
	tree := b.heardAs()
	if !strings.Contains(tree, `image "QR code to log in"`) || strings.Contains(tree, "button") {
		t.Errorf("pending is heard as\n%s", tree)
	}
	if js[string](b, "root.querySelector('[role=status]').ariaLive") != "polite" {
		t.Error("the status is not announced")
	}
	p.set(p.challenge(0), "claimed")
	b.awaitPhase("claimed")
	tree = b.heardAs()
	if strings.Contains(tree, "image") || !strings.Contains(tree, `button "Not you? New code"`) || !strings.Contains(tree, "status ") {
		t.Errorf("claimed is heard as\n%s", tree)
	}
	b.close(false)
}

func TestWidgetKeepsAKeyboardsPlace(t *testing.T) {
	p, s, b := open(t)
	s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done() })
	p.set(p.challenge(0), "claimed")
	b.awaitPhase("claimed")
	if js[bool](b, "document.activeElement === widget") {
		t.Error("the widget took the focus that nobody gave it")
	}
	b.do(chromedp.KeyEvent("\t"))
	b.await("root.activeElement?.localName === 'button' && getComputedStyle(root.activeElement).outlineStyle === 'solid'")
	b.do(chromedp.KeyEvent("\r"))
	b.awaitChallenge(1)
	if got := js[string](b, "root.activeElement?.getAttribute('role')"); got != "status" {
		t.Errorf("the focus is on %q", got)
	}
	b.close(false)
}

func TestWidgetWorksUnderTheStrictestPolicy(t *testing.T) {
	p, _, b := open(t)
	b.awaitCode(p.code(p.challenge(0), 0))
	b.close(false)

	// The policy is in force: what the widget does without is refused here.
	b.before("addEventListener('DOMContentLoaded', () => { document.body.setAttribute('style', 'color: red'); try { document.body.innerHTML = '<b>' } catch { __report({ name: 'trusted types hold', detail: {} }) } })")
	b.visit()
	b.awaitEvent("trusted types hold")
	if e := b.awaitEvent("violation"); !strings.Contains(e.Detail["of"].(string), "style-src") && !strings.Contains(e.Detail["of"].(string), "trusted-types") {
		t.Errorf("violated: %v", e.Detail)
	}
}

package widget_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// readByZBar decodes the QR code on a picture, or "".
func readByZBar(t *testing.T, shot []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shot.png")
	if err := os.WriteFile(file, shot, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(zbarimg, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	if exit, failed := err.(*exec.ExitError); failed && exit.ExitCode() != 4 { // 4: there is none
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// What the provider shows: a short issuer, a usual one and a long one.
var codes = []string{
	"https://a.cn/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.35.AEBAGBAFAYDQQ",
	"https://login.example/q/7QK2PB5DWM4ZTC6XJH3ANRVYSE.0.MFRGGZDFMZTWQ",
	"https://login.example/q/Z6VYPA3XKDQ2T7MHWFB5CR4JNU.17.GEZDGNBVGY3TQ",
	"https://login.our-town-library.example/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.59.KRSXG5CTORZGS",
}

func TestWidgetDrawsCodesThatAreReadToTwoReaders(t *testing.T) {
	for name, attributes := range map[string]string{
		"plain":            ``,
		"logo":             `logo="/logo.svg"`,
		"small":            `size="160px"`,
		"small, with logo": `size="160px" logo="/logo.svg"`,
		"round":            `radius="400px" logo="/logo.svg"`,
		"coloured":         `code="#0b6b53" ground="#eaf7f1" logo="/logo.svg"`,
		"barely dark":      `code="#9c5a2e" ground="#fffdf8"`,
	} {
		t.Run(name, func(t *testing.T) {
			p, s, b := setup(t)
			s.show("en", `<qr-login challenge="/login/challenge" finish="/login/finish" `+attributes+`></qr-login>`)
			for _, scheme := range []string{"light", "dark"} {
				b.emulate("prefers-color-scheme", scheme)
				for _, scale := range []float64{1, 2} {
					b.do(chromedp.EmulateViewport(320, 440, chromedp.EmulateScale(scale)))
					c := b.again()
					if strings.Contains(attributes, "logo") {
						b.await(logoShown)
					}
					for _, text := range codes {
						drawn := js[string](b, drawing)
						p.change(c, func() { c.frames = []frame{{text, 0, 60_000}} })
						b.await(fmt.Sprintf("%s !== %q && root.querySelector('.code').getAnimations().length === 0", drawing, drawn))
						shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
						if err != nil {
							t.Fatal(err)
						}
						if got := readByGozxing(t, shot); got != text {
							t.Errorf("%s, %vx: gozxing reads %q, not %s", scheme, scale, got, text)
						}
						if got := readByZBar(t, shot); got != text {
							t.Errorf("%s, %vx: zbar reads %q, not %s", scheme, scale, got, text)
						}
					}
				}
			}
			b.close(false)
		})
	}
}

const (
	drawing   = "root.querySelector('.code path').getAttribute('d')"
	logoShown = "Number(root.querySelector('.code image')?.getAttribute('width')) > 0"
	ink       = "getComputedStyle(root.querySelector('.code')).fill"
	ground    = "getComputedStyle(root.querySelector('.ground')).backgroundColor"
)

func TestWidgetTakesColoursForTheCodeWhereAReaderReadsThem(t *testing.T) {
	_, s, b := setup(t)
	for attributes, want := range map[string][2]string{
		`code="#123456" ground="#eef"`:                      {"rgb(18, 52, 86)", "rgb(238, 238, 255)"},
		`code="oklch(30% 0.1 250)"`:                         {"oklch(0.3 0.1 250)", "rgb(255, 255, 255)"},
		`code="light-dark(#123456, #fff)"`:                  {"rgb(18, 52, 86)", "rgb(255, 255, 255)"},
		`code="#9c5a2e"`:                                    {"rgb(156, 90, 46)", "rgb(255, 255, 255)"},
		`code="#fff" ground="#000"`:                         {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}, // inverted
		`code="#07c160"`:                                    {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}, // too pale
		`ground="#999"`:                                     {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}, // too dark
		`code="#0008"`:                                      {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}, // lets the ground through
		`ground="transparent"`:                              {"rgb(0, 0, 0)", "rgb(255, 255, 255)"},
		`code="url(#x)"`:                                    {"rgb(0, 0, 0)", "rgb(255, 255, 255)"},
		`code="banana" ground="}"`:                          {"rgb(0, 0, 0)", "rgb(255, 255, 255)"},
		`code="#000;fill:red" ground="#fff}.code{fill:red"`: {"rgb(0, 0, 0)", "rgb(255, 255, 255)"},
		`code="light-dark(#fff, #000)" ground="light-dark(#fff, #000)"`:       {"rgb(0, 0, 0)", "rgb(255, 255, 255)"},
		`scheme="dark" code="light-dark(#fff, #111)"`:                         {"rgb(17, 17, 17)", "rgb(255, 255, 255)"},
		`scheme="dark" code="light-dark(#000, #eee)" ground="var(--nothing)"`: {"rgb(0, 0, 0)", "rgb(255, 255, 255)"},
	} {
		s.show("en", `<qr-login preview="pending" `+attributes+`></qr-login>`)
		b.emulate("prefers-color-scheme", "light")
		b.visit()
		b.awaitPhase("pending")
		if got := [2]string{js[string](b, ink), js[string](b, ground)}; got != want {
			t.Errorf("%s: %v", attributes, got)
		}
	}
	b.close(false)
}

// The page's colours may change at any time; the next frame is judged anew.
func TestWidgetMindsColoursThatChange(t *testing.T) {
	p, s, b := setup(t)
	s.show("en", `<qr-login challenge="/login/challenge" finish="/login/finish" code="light-dark(#036, #fff)"></qr-login>`)
	b.emulate("prefers-color-scheme", "light")
	b.visit()
	b.awaitPhase("pending")
	c := p.challenge(0)
	for n, change := range map[string]func(){
		"rgb(0, 0, 0)":    func() { b.emulate("prefers-color-scheme", "dark") },
		"rgb(0, 51, 102)": func() { b.emulate("prefers-color-scheme", "light") },
		"rgb(51, 0, 0)":   func() { js[bool](b, "(widget.style.setProperty('--qr-login-code', '#300'), true)") },
	} {
		change()
		drawn := js[string](b, drawing)
		p.change(c, func() { c.frames = []frame{{p.code(c, c.version), 0, 60_000}} })
		b.await(fmt.Sprintf("%s !== %q && %s === %q", drawing, drawn, ink, n))
		js[bool](b, "(widget.style.removeProperty('--qr-login-code'), true)")
	}
	b.close(false)
}

func TestWidgetKeepsItsCodeWholeWithoutItsLogo(t *testing.T) {
	p, s, b := setup(t)
	for _, address := range []string{"/nothing.png", "/account", ""} {
		s.show("en", `<qr-login challenge="/login/challenge" finish="/login/finish" logo="`+address+`"></qr-login>`)
		c := b.again()
		b.awaitCode(p.code(c, 0))
		if js[bool](b, logoShown) {
			t.Errorf("%s: there is room for a logo", address)
		}
	}
	// Put in and taken out of a code that is shown.
	js[bool](b, "(widget.setAttribute('logo', '/logo.svg'), true)")
	b.await(logoShown)
	c := p.challenge(2)
	b.awaitCode(p.code(c, 0))
	js[bool](b, "(widget.removeAttribute('logo'), true)")
	b.await("!(" + logoShown + ")")
	b.awaitCode(p.code(c, 0))
	if n := s.count("/login/challenge"); n != 3 {
		t.Errorf("%d challenges", n)
	}
	b.close(true)
}

// The room for a logo, a fifth of the code's side, and half a module of light ground around it.
func TestWidgetDrawsALogoOfAFifthOfTheCode(t *testing.T) {
	_, s, b := setup(t)
	for _, issuer := range []string{"https://a.cn", "https://login.example", "https://login.a-bank-with-a-long-name.example.co.uk/identity"} {
		s.show("en", `<qr-login preview="pending" logo="/logo.svg" issuer="`+issuer+`"></qr-login>`)
		b.visit()
		b.await(logoShown)
		share := js[float64](b, "root.querySelector('image').width.baseVal.value / (root.querySelector('.code').viewBox.baseVal.width - 8)")
		if share > 0.2 || share < 0.16 {
			t.Errorf("%s: the logo is %v of the code's side", issuer, share)
		}
	}
	b.close(false)
}

package widget_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// device is what a browser runs on, as pages see it.
type device struct {
	width, height int64 // of the screen
	fingers       bool  // the main pointer is a finger, and nothing hovers
	mobile        bool  // what a browser that says it says
	silent        bool  // a browser that does not say it
}

func (b *tab) on(d device) {
	b.t.Helper()
	call := func(err error) {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: d.width, Height: d.height, ScreenWidth: d.width, ScreenHeight: d.height, DeviceScaleFactor: 1, Mobile: d.fingers,
	})
	call(err)
	_, err = chromedp.Call(b.ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: d.fingers})
	call(err)
	_, err = chromedp.Call(b.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "test", UserAgentMetadata: &emulation.UserAgentMetadata{Mobile: d.mobile}})
	call(err)
	if d.silent {
		b.before("Object.defineProperty(Navigator.prototype, 'userAgentData', { value: undefined })")
	}
}

var aPhone = device{width: 390, height: 844, fingers: true, mobile: true}

const withOnward = `<qr-login challenge="/login/challenge" finish="/login/finish" continue="/login/start?from=page"></qr-login>`

// RFC 10027 §6.2: no cross-device flow on one device.
func TestWidgetOnAPhoneGoesOnWithoutACode(t *testing.T) {
	p, s, b := setup(t)
	s.show("en", withOnward)
	b.on(aPhone)
	b.visit()
	b.awaitStatus("Log in on this phone")
	b.do(settle)
	if n := s.count("/login/challenge") + len(p.log()); n != 0 {
		t.Errorf("%d requests", n)
	}
	if b.read() != "" || strings.Contains(b.heardAs(), "image") {
		t.Error("there is a code")
	}
	b.press("Continue on this phone")
	b.await("location.pathname === '/login/start'")
	if s.count("/login/start?from=page") != 1 || s.count("/login/challenge") != 0 {
		t.Errorf("visits: %v", s.visits)
	}
	// Who comes back finds the same, and still no challenge.
	js[bool](b, "(history.back(), true)")
	b.awaitStatus("Log in on this phone")
	if n := s.count("/login/challenge"); n != 0 {
		t.Errorf("%d challenges", n)
	}
	b.close(false)
}

func TestWidgetOnAPhoneShowsACodeWhenAskedForIt(t *testing.T) {
	p, s, b := setup(t)
	s.show("en", withOnward)
	b.on(aPhone)
	b.visit()
	b.awaitPhase("phone")
	b.keys("\t\t") // past the other button
	b.await("root.activeElement?.textContent === 'Show a QR code instead' && getComputedStyle(root.activeElement).outlineStyle === 'solid'")
	b.keys("\r")
	b.awaitCode(p.code(p.challenge(0), 0))
	if got := js[string](b, "root.activeElement?.getAttribute('role')"); got != "status" {
		t.Errorf("the focus is on %q", got)
	}
	// The next code comes by itself.
	p.end(p.challenge(0), "expired")
	b.awaitChallenge(1)
	if n := s.count("/login/start?from=page"); n != 0 {
		t.Errorf("visits: %v", s.visits)
	}
	b.close(true)
}

func TestWidgetKnowsAPhoneFromWhatIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		device
		phone bool
	}{
		"a phone":                                {aPhone, true},
		"a phone that does not say so":           {device{390, 844, true, false, true}, true},
		"a phone on its side":                    {device{844, 390, true, false, true}, true},
		"a phone that asks for desktop pages":    {device{width: 390, height: 844, fingers: true}, true},
		"a phone that says that a mouse hovers":  {device{width: 390, height: 844, mobile: true}, true},
		"a computer":                             {device{width: 1440, height: 900}, false},
		"a computer that does not say so":        {device{1440, 900, false, false, true}, false},
		"a touch laptop, folded":                 {device{width: 1280, height: 800, fingers: true}, false},
		"a touch laptop that does not say so":    {device{1280, 800, true, false, true}, false},
		"a small laptop":                         {device{width: 1024, height: 570}, false},
		"a tablet":                               {device{width: 820, height: 1180, fingers: true}, false},
		"a narrow window that a mouse hovers in": {device{width: 380, height: 700}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, s, b := setup(t)
			s.show("en", withOnward)
			b.on(c.device)
			b.visit()
			if c.phone {
				b.awaitPhase("phone")
			} else {
				b.awaitPhase("pending")
			}
			b.close(false)
		})
	}
}

func TestWidgetOnAPhoneShowsItsCodeWhereTheSiteCannotGoOn(t *testing.T) {
	_, _, b := setup(t)
	b.on(aPhone)
	b.visit()
	b.awaitPhase("pending")
	b.close(false)
}

func TestWidgetGoesOnNowhereButOnItsOwnSite(t *testing.T) {
	p, s, b := setup(t)
	for _, d := range []device{aPhone, {width: 1440, height: 900}} {
		for _, address := range []string{"https://evil.example/", "//evil.example", "javascript:alert(1)", "http://", "", p.URL + "/authorize"} {
			s.show("en", strings.Replace(withOnward, "/login/start?from=page", address, 1))
			b.on(d)
			b.forget()
			b.visit()
			b.awaitStatus("Something went wrong")
			if e := b.awaitEvent("qr-error"); e.Detail["code"] != "configuration" {
				t.Errorf("%q: qr-error says %v", address, e.Detail)
			}
		}
	}
	if n := s.count("/login/challenge") + len(p.log()); n != 0 {
		t.Errorf("%d requests", n)
	}
	b.close(false)
}

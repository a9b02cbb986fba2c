package widget_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestWidgetLogsIn(t *testing.T) {
	p, s, b := open(t)
	c := p.challenge(0)
	b.awaitStatus("Scan with your phone to log in")
	b.awaitCode(p.code(c, 0))

	p.set(c, "claimed")
	b.awaitStatus("Scanned. Confirm on your phone.")
	p.set(c, "approved")
	b.await("location.pathname === '/account'")

	if got := b.names(); got != "qr-scanned qr-approved" {
		t.Errorf("events: %s", got)
	}
	if e := b.awaitEvent("qr-approved"); e.Detail["location"] != s.URL+"/account" {
		t.Errorf("qr-approved says %v", e.Detail)
	}
	if n := s.count("/login/finish"); n != 1 {
		t.Errorf("%d finish calls", n)
	}
	b.close(false)
}

func TestWidgetTurnsFramesWithoutARequest(t *testing.T) {
	p, _, b := setup(t)
	p.fresh = func(c *challenge) {
		for step := range 8 {
			c.frames = append(c.frames, frame{p.code(c, step), step * 500, (step + 1) * 500})
		}
		c.frames[7].Until = 60_000
	}
	b.before(`window.__drawn = new Set(); requestAnimationFrame(function look() {
		const d = document.querySelector('qr-login')?.shadowRoot?.querySelector('.code path')?.getAttribute('d');
		if (d) __drawn.add(d);
		requestAnimationFrame(look);
	});`)
	b.visit()
	b.awaitCode(p.code(p.challenge(0), 7))
	if n := js[int](b, "__drawn.size"); n < 3 { // a busy machine may pass over some
		t.Errorf("%d of 8 frames were drawn", n)
	}
	if got := fmt.Sprint(p.log()); got != "[GET after=0 GET after=1]" {
		t.Errorf("requests: %s", got)
	}
	b.close(false)
}

func TestWidgetDrawsWhatAReaderReads(t *testing.T) {
	p, _, b := open(t)
	c := p.challenge(0)
	for _, text := range []string{
		"HTTPS://A.CN/Q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.35.AEBAGBAFAYDQQ",
		"https://login.a-bank-with-a-long-name.example.co.uk/identity/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ",
		"https://xn--fiqs8s.example/" + strings.Repeat("path/", 30) + "q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.7.AEBAGBAFAYDQQ",
		"https://例子.测试/登录/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.7.AEBAGBAFAYDQQ",
	} {
		p.change(c, func() { c.frames = []frame{{text, 0, 60_000}} })
		b.awaitCode(text)
	}
	b.close(false)
}

func TestWidgetHidesTheCodeOnceScanned(t *testing.T) {
	p, _, b := open(t)
	p.set(p.challenge(0), "claimed")
	b.awaitPhase("claimed")
	b.awaitCode("")
	b.await("getComputedStyle(root.querySelector('.code')).filter.startsWith('blur')")
	if js[string](b, "root.querySelector('.code').getAttribute('aria-hidden')") != "true" {
		t.Error("a screen reader still finds the code")
	}
	b.close(false)
}

func TestWidgetShowsTheCodeAgainWhenThePhoneLetsGo(t *testing.T) {
	p, s, b := open(t)
	c := p.challenge(0)
	p.set(c, "claimed")
	b.awaitPhase("claimed")
	eventually(t, "the finish call is under way", func() bool { return s.underWay() == 1 })
	p.set(c, "pending")
	b.awaitCode(p.code(c, 0))

	// The call that is still held serves the second scan, too.
	p.set(c, "claimed")
	b.awaitPhase("claimed")
	p.set(c, "approved")
	b.await("location.pathname === '/account'")
	if got := b.names(); got != "qr-scanned qr-scanned qr-approved" {
		t.Errorf("events: %s", got)
	}
	if n := s.count("/login/finish"); n != 1 {
		t.Errorf("%d finish calls", n)
	}
	b.close(false)
}

func TestWidgetAsksToFinishOnlyWhileAPhoneHoldsTheChallenge(t *testing.T) {
	p, s, b := setup(t)
	s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) {
		writeJSON(w, map[string]any{"status": "pending"})
	})
	b.before("window.__wait = (ms) => ms / 100")
	p.fresh = func(c *challenge) { c.frames = []frame{{p.code(c, 0), 0, 6_000_000}} }
	b.visit()
	b.awaitPhase("pending")
	c := p.challenge(0)
	if n := s.count("/login/finish"); n != 0 {
		t.Errorf("%d finish calls before a scan", n)
	}
	p.set(c, "claimed")
	eventually(t, "the site is asked again", func() bool { return s.count("/login/finish") >= 3 })

	// Released: the calls end, and begin anew with the next scan.
	p.set(c, "pending")
	b.awaitPhase("pending")
	b.do(settle)
	asked := s.count("/login/finish")
	b.do(settle, settle)
	if n := s.count("/login/finish"); n != asked {
		t.Errorf("%d finish calls after the release", n-asked)
	}
	s.finishBy(s.longPoll)
	p.set(c, "claimed")
	p.set(c, "approved")
	b.await("location.pathname === '/account'")
	b.close(false)
}

func TestWidgetDoesNotAskASiteThatAnswersAtOnceInATightLoop(t *testing.T) {
	p, s, b := setup(t)
	s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) {
		writeJSON(w, map[string]any{"status": "pending"})
	})
	b.before("window.__wait = (ms) => ms > 500 && ms <= 1000 ? 1e8 : ms") // the pace between two calls never ends
	b.visit()
	b.awaitPhase("pending")
	p.set(p.challenge(0), "claimed")
	b.await("__waits.some((ms) => ms > 500 && ms <= 1000)")
	if n := s.count("/login/finish"); n != 1 {
		t.Errorf("%d finish calls", n)
	}
	b.close(false)
}

func TestWidgetFinishesAnApprovalWhoseScanItMissed(t *testing.T) {
	p, _, b := open(t)
	p.set(p.challenge(0), "approved")
	b.await("location.pathname === '/account'")
	b.close(false)
}

func TestWidgetFinishesARedemptionThatItSeesFirst(t *testing.T) {
	p, _, b := open(t)
	p.set(p.challenge(0), "redeemed")
	b.await("location.pathname === '/account'")
	b.close(false)
}

func TestWidgetFinishesAChallengeThatIsGoneBecauseItWasRedeemed(t *testing.T) {
	p, s, b := open(t)
	s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) {
		writeJSON(w, map[string]any{"location": "/account"})
	})
	p.end(p.challenge(0), "redeemed")
	b.await("location.pathname === '/account'")
	b.close(true)
}

func TestWidgetShowsThatTheSiteIsLoggingIn(t *testing.T) {
	p, s, b := open(t)
	s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done() })
	p.set(p.challenge(0), "approved")
	b.awaitStatus("Approved. Logging you in…")
	if js[int](b, "[...root.querySelectorAll('button')].filter((e) => e.getClientRects().length).length") > 0 {
		t.Error("there is still a button to cancel with")
	}
	b.close(false)
}

func TestWidgetSaysDeclinedAndTriesAgainOnlyWhenAsked(t *testing.T) {
	for name, decline := range map[string]func(*provider, *site, *challenge){
		"by the provider's word": func(p *provider, s *site, c *challenge) {
			s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done() })
			p.set(c, "claimed")
			p.end(c, "denied")
		},
		"by the site's word": func(p *provider, s *site, c *challenge) {
			s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) {
				writeJSON(w, map[string]any{"status": "denied"})
			})
			p.set(c, "claimed")
		},
		"by the site's 410": func(p *provider, s *site, c *challenge) {
			s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) { gone(w, "denied") })
			p.set(c, "claimed")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, b := open(t)
			decline(p, s, p.challenge(0))
			b.awaitStatus("Declined on the phone")
			b.awaitEvent("qr-declined")
			if n := s.count("/login/challenge"); n != 1 {
				t.Errorf("%d challenges without a press of the button", n)
			}
			b.press("Try again")
			b.awaitChallenge(1)
			b.close(true)
		})
	}
}

func TestWidgetCancelsAndStartsAnewForAnotherPerson(t *testing.T) {
	p, s, b := open(t)
	ended := make(chan struct{})
	s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done(); close(ended) })
	c := p.challenge(0)
	p.set(c, "claimed")
	b.awaitPhase("claimed")
	eventually(t, "the finish call is under way", func() bool { return s.underWay() == 1 })
	b.press("Not you? New code")
	<-ended
	b.awaitCode(p.code(p.challenge(1), 0))
	if p.count("DELETE") != 1 || c.outcome != "cancelled" {
		t.Errorf("requests: %v; the first challenge is %q", p.log(), c.outcome)
	}
	if got := b.names(); got != "qr-scanned" {
		t.Errorf("events: %s", got)
	}
	b.close(false)
}

func TestWidgetGoesNowhereButToItsOwnSite(t *testing.T) {
	p, s, b := setup(t)
	for _, address := range []string{
		"https://evil.example/", "//evil.example/account", `/\evil.example`, "javascript:alert(1)", "data:text/html,x", "http://",
		"blob:" + s.URL + "/x", p.URL + "/account",
	} {
		s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) {
			writeJSON(w, map[string]any{"location": address})
		})
		p.set(b.again(), "claimed")
		b.awaitStatus("Something went wrong")
		if e := b.awaitEvent("qr-error"); e.Detail["code"] != "location-refused" {
			t.Errorf("%s: qr-error says %v", address, e.Detail)
		}
		if got := b.names(); got != "qr-scanned qr-error" {
			t.Errorf("%s: events: %s", address, got)
		}
		if at := js[string](b, "location.href"); at != s.URL+"/" {
			t.Errorf("%s: the page is at %s", address, at)
		}
	}
	b.close(false)
}

func TestWidgetLeavesTheNavigationToAPageThatPreventsIt(t *testing.T) {
	p, s, b := setup(t)
	b.before("window.__stay = true")
	b.visit()
	p.set(p.challenge(0), "approved")
	b.awaitEvent("qr-approved")
	b.awaitStatus("Approved. Logging you in…")
	if n := s.count("/account"); n != 0 {
		t.Errorf("%d navigations", n)
	}
	b.close(false)
}

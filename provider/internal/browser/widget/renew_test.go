package widget_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestWidgetRenewsThreeTimesThenWaitsForAPerson(t *testing.T) {
	p, s, b := open(t)
	for n := range 4 {
		c := p.challenge(n)
		b.awaitChallenge(n)
		p.end(c, []string{"expired", "cancelled"}[n%2])
	}
	b.awaitStatus("This code has expired")
	var renewing []any
	for _, e := range b.heard() {
		renewing = append(renewing, e.Name, e.Detail["renewing"])
	}
	if got := fmt.Sprint(renewing); got != "[qr-expired true qr-expired true qr-expired true qr-expired false]" {
		t.Errorf("events: %s", got)
	}
	if n := s.count("/login/challenge"); n != 4 {
		t.Errorf("%d challenges without a press of the button", n)
	}
	b.press("Show a new code")
	b.awaitChallenge(4)

	// The person is there: the count begins again.
	p.end(p.challenge(4), "expired")
	b.awaitChallenge(5)
	b.close(true)
}

func TestWidgetRenewsWhatTheSiteSaysIsOver(t *testing.T) {
	p, s, b := setup(t)
	for _, answer := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { writeJSON(w, map[string]any{"status": "expired"}) },
		func(w http.ResponseWriter) { gone(w, "expired") },
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusGone) },
	} {
		s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) { answer(w) })
		c := b.again()
		p.mu.Lock()
		n := len(p.challenges)
		p.mu.Unlock()
		p.set(c, "claimed")
		b.awaitChallenge(n)
		b.awaitEvent("qr-expired")
	}
	b.close(true)
}

const status = "root.querySelector('.status').textContent"

func TestWidgetReplacesACodeThatTheProviderForgotAndSaysSo(t *testing.T) {
	for lang, says := range map[string]struct{ lost, usual string }{
		"en": {"The earlier code was lost. Scan this new one.", "Scan with your phone to log in"},
		"zh": {"旧的二维码已丢失，请扫描新的二维码。", "请用手机扫码登录"},
	} {
		for name, forget := range map[string]func(*provider, *site, *tab, *challenge){
			"waiting": func(p *provider, _ *site, _ *tab, c *challenge) { p.end(c, forgotten) },
			"scanned": func(p *provider, s *site, b *tab, c *challenge) {
				s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done() })
				p.set(c, "claimed")
				b.awaitPhase("claimed")
				p.end(c, forgotten)
			},
			"scanned, and the site hears of it first": func(p *provider, s *site, b *tab, c *challenge) {
				s.finishBy(func(w http.ResponseWriter, _ *http.Request, c *challenge) {
					p.mu.Lock()
					c.outcome = forgotten // the watch is held still
					p.mu.Unlock()
					gone(w, "expired")
				})
				p.set(c, "claimed")
			},
		} {
			t.Run(lang+", "+name, func(t *testing.T) {
				p, s, b := setup(t)
				b.do(chromedp.EmulateViewport(320, 600))
				s.show(lang, s.element)
				b.visit()
				b.awaitStatus(says.usual)
				height := js[float64](b, "widget.getBoundingClientRect().height")
				forget(p, s, b, p.challenge(0))
				b.awaitChallenge(1)
				b.awaitStatus(says.lost)
				b.awaitEvent("qr-expired")
				if got := js[string](b, "root.querySelector('.status').ariaLive"); got != "polite" {
					t.Errorf("a screen reader hears of it: %q", got)
				}
				if got := js[float64](b, "widget.getBoundingClientRect().height"); got != height {
					t.Errorf("%v px high, and %v before", got, height)
				}
				if found := js[[]string](b, outside); len(found) > 0 {
					t.Errorf("it does not fit: %q", found)
				}

				// It stays while the code turns, and goes with the scan.
				c := p.challenge(1)
				p.change(c, func() { c.frames = []frame{{p.code(c, 1), 0, 60_000}} })
				b.awaitCode(p.code(c, 1))
				if got := js[string](b, status); got != says.lost {
					t.Errorf("with the next frame it says %q", got)
				}
				s.finishBy(s.longPoll)
				p.set(c, "claimed")
				b.awaitPhase("claimed")
				p.set(c, "pending")
				b.awaitStatus(says.usual)
				b.close(true)
			})
		}
	}
}

func TestWidgetCallsNoCodeLostWhoseTimeWasUpOrThatAPersonReplaced(t *testing.T) {
	for name, replace := range map[string]func(*provider, *site, *tab, *challenge){
		"expired":   func(p *provider, _ *site, _ *tab, c *challenge) { p.end(c, "expired") },
		"cancelled": func(p *provider, _ *site, _ *tab, c *challenge) { p.end(c, "cancelled") }, // by another tab
		"over for the site alone": func(p *provider, s *site, _ *tab, c *challenge) {
			s.finishBy(func(w http.ResponseWriter, _ *http.Request, _ *challenge) { gone(w, "expired") })
			p.set(c, "claimed")
		},
		"another person's": func(p *provider, _ *site, b *tab, c *challenge) {
			p.set(c, "claimed")
			b.awaitPhase("claimed")
			b.press("Not you? New code")
		},
		// The provider remembers for a minute how a challenge has ended.
		"expired while the machine slept": func(p *provider, _ *site, b *tab, c *challenge) {
			js[bool](b, "((late) => (Date.now = () => late, true))(Date.now() + 600_000)")
			p.end(c, forgotten)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, b := open(t)
			replace(p, s, b, p.challenge(0))
			b.awaitChallenge(1)
			if got := js[string](b, status); got != "Scan with your phone to log in" {
				t.Errorf("the page says %q", got)
			}
			b.close(true)
		})
	}
}

// The provider's own page, whose visit lies where its challenge does.
func TestWidgetBeginsItsPageAnewWhereTheVisitIsLostWithTheCode(t *testing.T) {
	p, s, b := setup(t)
	s.show("en", `<qr-login challenge="/login/challenge" finish="/login/finish" again="/?begun=again"></qr-login>`)
	b.visit()
	b.awaitChallenge(0)
	b.awaitPhase("pending")
	s.challengeBy(func(w http.ResponseWriter, _ *http.Request) {
		s.challengeBy(nil) // of the new visit
		w.WriteHeader(http.StatusUnauthorized)
	})
	p.end(p.challenge(0), forgotten)
	b.await("location.search === '?begun=again'")
	b.awaitStatus("The earlier code was lost. Scan this new one.")
	b.await("location.hash === ''")
	b.close(true)
}

func TestWidgetBeginsNothingAnewWhoseVisitWasNeverKnown(t *testing.T) {
	for _, page := range []string{"/", "/#forgotten"} { // the second has begun anew already
		t.Run(page, func(t *testing.T) {
			_, s, b := setup(t)
			s.show("en", `<qr-login challenge="/login/challenge" finish="/login/finish" again="/?begun=again"></qr-login>`)
			s.challengeBy(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
			b.do(chromedp.Navigate(s.URL + page))
			b.awaitPhase("error")
			if n := s.count("/?begun=again"); n != 0 {
				t.Errorf("begun again %d times", n)
			}
			b.close(true)
		})
	}
}

func TestWidgetSaysThatACodeWasLostBesideTheNextOneAlone(t *testing.T) {
	p, _, b := open(t)
	p.end(p.challenge(0), forgotten)
	b.awaitChallenge(1)
	b.awaitStatus("The earlier code was lost. Scan this new one.")
	p.end(p.challenge(1), "expired")
	b.awaitChallenge(2)
	if got := js[string](b, status); got != "Scan with your phone to log in" {
		t.Errorf("the page says %q", got)
	}
	b.close(true)
}

func TestWidgetDoesNotRenewWhatWasNeverRight(t *testing.T) {
	p, s, b := setup(t)
	p.answerBy(refuse(http.StatusUnauthorized))
	b.visit()
	b.awaitPhase("error")
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	b.close(true)
}

func TestWidgetCountsRenewalsAnewAfterAScan(t *testing.T) {
	p, s, b := open(t)
	for n := range 3 {
		p.end(p.challenge(n), "expired")
	}
	p.set(p.challenge(3), "claimed")
	b.awaitPhase("claimed")
	eventually(t, "the finish call is under way", func() bool { return s.underWay() == 1 })
	p.end(p.challenge(3), "expired")
	b.awaitChallenge(4)
	b.close(true)
}

const (
	// holdGrace makes the time for a late scan after the last frame end only when the test says so.
	holdGrace = "window.__wait = (ms) => ms === 2000 ? Infinity : ms"
	// spent is true when a code was drawn and its frames have run out.
	spent = "root?.querySelector('.code path').hasAttribute('d') && root.querySelector('.card').dataset.phase === 'loading'"
)

func TestWidgetRenewsWhenTheFramesRunOut(t *testing.T) {
	p, _, b := setup(t)
	p.fresh = func(c *challenge) {
		c.frames = []frame{{p.code(c, 0), 0, 300}}
		p.fresh = func(c *challenge) { c.frames = []frame{{p.code(c, 0), 0, 60_000}} }
	}
	b.before(holdGrace)
	b.visit()
	b.await(spent)
	b.awaitCode("")
	js[bool](b, "(__release(), true)")
	b.awaitCode(p.code(p.challenge(1), 0))
	if got := fmt.Sprint(p.log()); got != "[GET after=0 GET after=1 DELETE GET after=0 GET after=1]" {
		t.Errorf("requests: %s", got)
	}
	b.awaitEvent("qr-expired")
	b.close(false)
}

func TestWidgetRenewsWhenNoFramesCome(t *testing.T) {
	p, _, b := open(t)
	p.change(p.challenge(0), func() { p.challenges[0].frames = nil })
	b.awaitChallenge(1)
	b.close(false)
}

func TestWidgetHonoursAScanOfTheLastFrame(t *testing.T) {
	p, s, b := setup(t)
	p.fresh = func(c *challenge) { c.frames = []frame{{p.code(c, 0), 0, 300}} }
	b.before(holdGrace)
	b.visit()
	b.await(spent)
	p.set(p.challenge(0), "claimed")
	b.awaitPhase("claimed")
	p.set(p.challenge(0), "approved")
	b.await("location.pathname === '/account'")
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	b.close(false)
}

func TestWidgetDoesNotRenewWhileNobodySeesThePage(t *testing.T) {
	p, s, b := open(t)
	js[bool](b, `Object.defineProperty(document, 'hidden', { get: () => !window.__back, configurable: true }) && true`)
	p.end(p.challenge(0), "expired")
	b.awaitEvent("qr-expired")
	b.awaitPhase("loading")
	b.do(settle)
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges while the page was hidden", n)
	}
	js[bool](b, `(window.__back = true, document.dispatchEvent(new Event('visibilitychange')))`)
	b.awaitChallenge(1)
	b.close(true)
}

func TestWidgetStartsNothingInATabThatWasNeverSeen(t *testing.T) {
	_, s, b := setup(t)
	b.before(`Object.defineProperty(document, 'hidden', { get: () => !window.__back })`)
	b.visit()
	b.awaitPhase("loading")
	b.do(settle)
	if n := s.count("/login/challenge"); n != 0 {
		t.Errorf("%d challenges", n)
	}
	js[bool](b, `(window.__back = true, document.dispatchEvent(new Event('visibilitychange')))`)
	b.awaitChallenge(0)
	b.close(false)
}

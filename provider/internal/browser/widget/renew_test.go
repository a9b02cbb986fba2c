package widget_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
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

// What the provider's store has forgotten looks like a capability that was never right.
func TestWidgetShowsAnotherCodeWhenTheProviderKnowsTheOldOneNoMore(t *testing.T) {
	p, _, b := open(t)
	first := p.challenge(0)
	p.answerBy(func(w http.ResponseWriter, r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, first.ID) && refuse(http.StatusUnauthorized)(w, r)
	})
	p.set(first, "pending") // the held request ends, and the next is refused
	b.awaitChallenge(1)
	b.awaitEvent("qr-expired")
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

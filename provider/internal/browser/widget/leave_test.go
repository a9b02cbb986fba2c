package widget_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// settle lets everything that the page has set out to do at once be done: its tasks, and requests of the same moment.
var settle chromedp.Action[chromedp.Void] = func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := chromedp.Evaluate[bool](`fetch('/', { cache: 'no-store' }).then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))`,
		chromedp.EvalAwaitPromise)(ctx, t)
	return chromedp.Void{}, err
}

func TestWidgetThatIsRemovedStopsAndCancels(t *testing.T) {
	p, s, b := open(t)
	ended := make(chan struct{})
	s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done(); close(ended) })
	c := p.challenge(0)
	p.set(c, "claimed")
	eventually(t, "the finish call is under way", func() bool { return s.underWay() == 1 })
	js[bool](b, "(window.__kept = widget, widget.remove(), true)")
	<-ended
	eventually(t, "the challenge is cancelled", func() bool { return p.count("DELETE") == 1 })
	eventually(t, "the watch ends", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, r := range p.seen {
			if r.Context().Err() == nil {
				return false
			}
		}
		return true
	})

	// Put back, it starts anew.
	js[bool](b, "(document.body.append(__kept), true)")
	b.awaitChallenge(1)
	b.close(false)
}

func TestWidgetThatIsMovedKeepsItsChallenge(t *testing.T) {
	p, s, b := open(t)
	js[bool](b, "(document.body.append(document.createElement('main')), document.querySelector('main').append(widget), true)")
	b.do(settle)
	b.awaitChallenge(0)
	if s.count("/login/challenge") != 1 || p.count("DELETE") != 0 {
		t.Errorf("requests: %v", p.log())
	}
	b.close(false)
}

func TestWidgetFollowsItsAttributes(t *testing.T) {
	p, s, b := open(t)
	js[bool](b, "(widget.setAttribute('finish', '/login/finish?from=here'), widget.setAttribute('challenge', '/login/challenge?from=here'), true)")
	b.awaitChallenge(1)
	if s.count("/login/challenge?from=here") != 1 || p.count("DELETE") != 1 {
		t.Errorf("visits: %v, requests: %v", s.visits, p.log())
	}
	js[bool](b, "(widget.setAttribute('finish', '/login/finish?from=here'), true)")
	b.do(settle)
	p.set(p.challenge(1), "approved")
	b.await("location.pathname === '/account'")
	if s.count("/login/finish?from=here") != 1 || s.count("/login/challenge") != 1 {
		t.Errorf("visits: %v", s.visits)
	}
	b.close(false)
}

func TestWidgetCancelsWhenThePageIsLeft(t *testing.T) {
	p, _, b := open(t)
	b.do(chromedp.Navigate(b.site.URL + "/account"))
	eventually(t, "the challenge is cancelled", func() bool { return p.count("DELETE") == 1 })
	b.close(false)
}

func TestWidgetDoesNotCancelWhatThePhoneHasApproved(t *testing.T) {
	p, s, b := open(t)
	s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done() })
	p.set(p.challenge(0), "approved")
	b.awaitPhase("approved")
	b.do(chromedp.Navigate(b.site.URL+"/account"), settle)
	if n := p.count("DELETE"); n != 0 {
		t.Errorf("requests: %v", p.log())
	}
	b.close(false)
}

func TestWidgetStartsAnewWhenItsPageComesBackFromTheCache(t *testing.T) {
	p, s, b := open(t)
	js[bool](b, "window.__same = true")
	b.do(chromedp.Navigate(b.site.URL + "/account"))
	js[bool](b, "(history.back(), true)")
	b.awaitCode(p.code(p.challenge(1), 0))
	if !js[bool](b, "!!window.__same") {
		t.Error("the page was loaded anew: this shows nothing")
	}
	if n := s.count("/account"); n != 1 {
		t.Errorf("visits: %v", s.visits)
	}
	b.close(false)
}

func TestWidgetTakesItsProviderFromTheIssuerAttribute(t *testing.T) {
	p, s, b := setup(t)
	s.script = p.URL + "/elsewhere/widget.js" // would make the provider <origin>/elsewhere
	s.element = fmt.Sprintf(`<qr-login challenge="/login/challenge" finish="/login/finish" issuer="%s/"></qr-login>`, p.URL)
	b.visit()
	b.awaitChallenge(0)
	b.close(false)
}

func TestWidgetKeepsThePathOfItsProvider(t *testing.T) {
	p, s, b := setup(t)
	s.script = p.URL + "/elsewhere/widget.js"
	b.visit()
	p.challenge(0)
	eventually(t, "the provider is asked under its path", func() bool { return strings.HasPrefix(p.stray(), "/elsewhere/challenges/") })
	b.close(true)
}

func TestWidgetMayBeLoadedTwice(t *testing.T) {
	p, s, b := setup(t)
	s.element += fmt.Sprintf(`<script type="module" src="%s/widget.js?again"></script>`, p.URL)
	b.visit()
	b.awaitChallenge(0)
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	b.close(false)
}

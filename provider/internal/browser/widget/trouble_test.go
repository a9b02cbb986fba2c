package widget_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// broken answers every request but preflights by a connection that breaks.
func broken(_ http.ResponseWriter, _ *http.Request) bool {
	panic(http.ErrAbortHandler)
}

func refuse(status int, header ...string) func(http.ResponseWriter, *http.Request) bool {
	return refuseAs("x", status, header...)
}

func refuseAs(code string, status int, header ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		problem(w, status, code, "")
		return true
	}
}

func TestWidgetBacksOffFromOneToThirtySecondsWithJitter(t *testing.T) {
	p, _, b := setup(t)
	p.answerBy(broken)
	b.before("window.__wait = (ms) => ms / 100")
	b.visit()
	b.awaitStatus("No connection. Trying again…")
	var waits []float64
	eventually(t, "eleven waits", func() bool { waits = b.waits(); return len(waits) >= 11 })
	whole := 0
	for n, ms := range waits {
		least := 1000 * float64(min(1<<min(n, 5), 20))
		if ms < least || ms > least*1.5 || ms > 30_000 {
			t.Errorf("wait %d is %v ms", n, ms)
		}
		if ms == least {
			whole++
		}
	}
	if whole == len(waits) {
		t.Errorf("waits: %v", waits)
	}

	p.answerBy(nil)
	b.awaitStatus("Scan with your phone to log in")
	b.close(true)
}

func TestWidgetKeepsAFrameInItsTimeWhileTheConnectionFails(t *testing.T) {
	p, s, b := open(t)
	c := p.challenge(0)
	p.answerBy(broken)
	p.CloseClientConnections()
	b.awaitStatus("No connection. Trying again…")
	b.awaitCode(p.code(c, 0))

	p.answerBy(nil)
	b.awaitStatus("Scan with your phone to log in")
	eventually(t, "a fresh look after the outage", func() bool {
		log := p.log()
		return strings.Join(log[len(log)-2:], " ") == "GET after=0 GET after=1"
	})
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	b.close(true)
}

func TestWidgetDoesNotRenewBecauseTheConnectionFails(t *testing.T) {
	p, s, b := setup(t)
	p.fresh = func(c *challenge) { c.frames = []frame{{p.code(c, 0), 0, 300}} }
	b.before("window.__wait = (ms) => ms === 2000 ? 1 : ms") // the grace after the last frame is short
	var watches atomic.Int32
	p.answerBy(func(w http.ResponseWriter, r *http.Request) bool { return watches.Add(1) > 1 && broken(w, r) })
	b.visit()
	b.awaitStatus("No connection. Trying again…")
	b.awaitPhase("loading")
	b.do(settle)
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	p.answerBy(nil)
	b.awaitCode("")
	p.challenge(1)
	b.close(true)
}

func TestWidgetTriesAtOnceWhenTheNetworkIsBack(t *testing.T) {
	p, _, b := setup(t)
	p.answerBy(broken)
	b.before("window.__wait = (ms) => ms >= 1000 ? 1e8 : ms") // no wait ends by itself
	b.visit()
	b.awaitStatus("No connection. Trying again…")
	p.answerBy(nil)
	js[bool](b, "dispatchEvent(new Event('online'))")
	b.awaitChallenge(0)
	b.close(true)
}

func TestWidgetWaitsAsLongAsAServerSays(t *testing.T) {
	p, s, b := setup(t)
	b.before("window.__wait = (ms) => ms >= 1000 ? Infinity : ms")
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		for _, who := range []string{"provider", "site"} {
			p.answerBy(nil)
			s.challengeBy(nil)
			if who == "provider" {
				p.answerBy(refuse(status, "Retry-After", "7"))
			} else {
				s.challengeBy(func(w http.ResponseWriter, r *http.Request) { refuse(status, "Retry-After", "7")(w, r) })
			}
			b.visit()
			b.awaitStatus("No connection. Trying again…")
			if waits := b.waits(); len(waits) != 1 || waits[0] < 7000 || waits[0] > 8000 {
				t.Errorf("%s, %d: waits: %v", who, status, waits)
			}
			// That the network is back is no news of the server.
			asked := p.count("GET") + s.count("/login/challenge")
			js[bool](b, "dispatchEvent(new Event('online'))")
			b.do(settle)
			if n := p.count("GET") + s.count("/login/challenge"); n != asked {
				t.Errorf("%s, %d: asked again: %v %v", who, status, p.log(), s.visits)
			}
		}
	}
	b.close(true)
}

func TestWidgetGivesUpAfterManyTriesUntilAPersonAsks(t *testing.T) {
	_, s, b := setup(t)
	s.challengeBy(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	b.before("window.__wait = (ms) => ms / 10000")
	b.visit()
	b.awaitStatus("Something went wrong")
	if n := s.count("/login/challenge"); n != 29 {
		t.Errorf("%d tries", n)
	}
	s.challengeBy(nil)
	b.press("Try again")
	b.awaitChallenge(0)
	b.close(true)
}

func TestWidgetSaysClearlyThatItsWatchWasRefused(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			p, s, b := setup(t)
			p.answerBy(refuse(status))
			b.visit()
			b.awaitStatus("Something went wrong")
			if e := b.awaitEvent("qr-error"); e.Detail["status"] != float64(status) || e.Detail["code"] != "refused" {
				t.Errorf("qr-error says %v", e.Detail)
			}
			if p.count("GET") != 1 || s.count("/login/challenge") != 1 {
				t.Errorf("asked again: %v", p.log())
			}
			p.answerBy(nil)
			b.press("Try again")
			b.awaitChallenge(1)
			b.close(true)
		})
	}
}

func TestWidgetTakesAChallengeThatTheProviderForgotForExpired(t *testing.T) {
	p, _, b := setup(t)
	var once atomic.Bool
	p.answerBy(func(w http.ResponseWriter, r *http.Request) bool { return !once.Swap(true) && refuse(404)(w, r) })
	b.visit()
	b.awaitChallenge(1)
	b.close(true)
}

func TestWidgetDoesNotAskAProviderThatAnswersAtOnceInATightLoop(t *testing.T) {
	p, _, b := setup(t)
	p.answerBy(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			writeJSON(w, map[string]any{"state": "claimed", "version": 3, "expires_in_ms": 200_000})
		}
		return r.Method == http.MethodGet
	})
	b.before("window.__wait = (ms) => ms > 500 && ms <= 1000 ? 1e8 : ms")
	b.visit()
	b.await("__waits.some((ms) => ms > 500 && ms <= 1000)")
	if n := p.count("GET"); n != 2 {
		t.Errorf("requests: %v", p.log())
	}
	b.close(false)
}

func TestWidgetRetriesTheFinishCall(t *testing.T) {
	p, s, b := setup(t)
	var fail atomic.Bool
	fail.Store(true)
	s.finishBy(func(w http.ResponseWriter, r *http.Request, c *challenge) {
		if fail.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		s.longPoll(w, r, c)
	})
	b.before("window.__wait = (ms) => ms / 10")
	b.visit()
	p.set(p.challenge(0), "claimed")
	eventually(t, "the site is asked again", func() bool { return s.count("/login/finish") >= 2 })
	// The person waits for the phone; that the site fails is no matter yet.
	b.awaitStatus("Scanned. Confirm on your phone.")
	p.set(p.challenge(0), "approved")
	b.awaitStatus("No connection. Trying again…")
	fail.Store(false)
	b.await("location.pathname === '/account'")
	b.close(true)
}

func TestWidgetShowsWhatTheSiteDoesWrong(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	p, s, b := setup(t)
	for name, c := range map[string]struct {
		challenge, finish http.HandlerFunc
		code              string
	}{
		"challenge refused":        {challenge: answer(403, "{}"), code: "refused"},
		"challenge is a page":      {challenge: answer(200, "<!doctype html>"), code: "bad-answer"},
		"challenge is null":        {challenge: answer(200, "null"), code: "bad-answer"},
		"challenge without watch":  {challenge: answer(200, `{"challenge_id":"A","expires_in":300}`), code: "bad-answer"},
		"challenge without an end": {challenge: answer(200, `{"challenge_id":"A","watch":"B"}`), code: "bad-answer"},
		"finish refused":           {finish: answer(403, "{}"), code: "refused"},
		"finish is a page":         {finish: answer(200, "<!doctype html>"), code: "bad-answer"},
		"finish unknown":           {finish: answer(404, ""), code: "refused"},
		"finish says nothing":      {finish: answer(200, "{}"), code: "bad-answer"},
	} {
		s.challengeBy(c.challenge)
		s.finishBy(func(w http.ResponseWriter, r *http.Request, _ *challenge) { c.finish(w, r) })
		if c.finish != nil {
			p.set(b.again(), "claimed")
		} else {
			b.forget()
			b.visit()
		}
		b.awaitStatus("Something went wrong")
		if e := b.awaitEvent("qr-error"); e.Detail["code"] != c.code {
			t.Errorf("%s: qr-error says %v", name, e.Detail)
		}
		s.challengeBy(nil)
		b.press("Try again")
		b.awaitPhase("pending")
	}
	b.close(true)
}

func TestWidgetAsksNobodyWhenItsAttributesAreWrong(t *testing.T) {
	p, s, b := setup(t)
	for _, attributes := range []string{
		"",
		`challenge="/login/challenge"`,
		`challenge="https://evil.example/challenge" finish="/login/finish"`,
		`challenge="/login/challenge" finish="` + p.URL + `/finish"`,
		`challenge="/login/challenge" finish="http://"`,
		`challenge="/login/challenge" finish="/login/finish" issuer="login"`,
		`challenge="javascript:0" finish="/login/finish"`,
	} {
		s.show("en", "<qr-login "+attributes+"></qr-login>")
		b.forget()
		b.visit()
		b.awaitStatus("Something went wrong")
		if e := b.awaitEvent("qr-error"); e.Detail["code"] != "configuration" {
			t.Errorf("%s: qr-error says %v", attributes, e.Detail)
		}
		if n := s.count("/login/challenge") + len(p.log()); n != 0 {
			t.Errorf("%s: %d requests", attributes, n)
		}
	}
	b.close(false)
}

// Where too many wait, a page is as good as before, but for some seconds: nothing has failed, and nothing is said to have.
func TestWidgetLooksEveryFewSecondsWhereItMayNotWait(t *testing.T) {
	p, s, b := setup(t)
	b.before("window.__wait = (ms) => ms >= 7000 && ms < 8000 ? 4000 : ms")
	full := refuseAs("waiting-full", http.StatusServiceUnavailable, "Retry-After", "7")
	p.answerBy(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodGet && r.URL.Query().Get("after") != "0" && full(w, r)
	})
	b.visit()
	b.awaitChallenge(0)
	eventually(t, "a wait", func() bool { return p.count("GET after=1") >= 1 })
	b.do(settle)
	b.awaitStatus("Scan with your phone to log in")
	if n := p.count("GET"); n != 2 {
		t.Errorf("%d looks: it waited for longer to say so", n)
	}
	eventually(t, "several looks", func() bool { return p.count("GET after=0") >= 2 })
	b.awaitStatus("Scan with your phone to log in")
	for i, request := range p.log() {
		if want := fmt.Sprintf("GET after=%d", i%2); request != want {
			t.Errorf("request %d is %s, want %s", i, request, want)
		}
	}
	pauses := 0
	for _, ms := range b.waits() {
		if ms >= 7000 && ms <= 8000 {
			pauses++
		}
	}
	if pauses < 1 {
		t.Errorf("waits: %v", b.waits())
	}
	p.set(p.challenge(0), "claimed")
	b.awaitPhase("claimed")
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	p.answerBy(nil)
	b.close(true)
}

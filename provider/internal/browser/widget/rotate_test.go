package widget_test

import (
	"fmt"
	"testing"
	"time"
)

// clock takes the page's time into the test's hand.
const clock = `
let time = 0, id = 0;
const timers = new Map();
performance.now = () => time;
window.setTimeout = (f, ms) => ms > 0 ? (timers.set(++id, [time + ms, f]), id) : (queueMicrotask(f), 0);
window.clearTimeout = (id) => timers.delete(id);
window.__advance = (ms) => {
  time += ms;
  for (const [id, [at, f]] of [...timers]) if (at <= time && timers.delete(id)) f();
  return true;
};
`

// For the three minutes in which a code can be scanned, a new frame comes every five seconds, and no request for it: those that there
// are are the long poll's, which lasts 25 s.
func TestWidgetTurnsTheCodeForThreeMinutesAndAsksThreeTimesAMinute(t *testing.T) {
	const (
		frames  = 36 // of 5 s
		perPoll = 5  // 25 s
		ahead   = 8  // in an answer
	)
	p, s, b := setup(t)
	step, over := 0, make(chan time.Time)
	p.hold = func() <-chan time.Time { // called by requests
		p.mu.Lock()
		defer p.mu.Unlock()
		return over
	}
	p.fresh = func(c *challenge) {
		c.living = func() []frame {
			var list []frame
			for n := range ahead {
				list = append(list, frame{p.code(c, step+n), n * 5000, (n + 1) * 5000})
			}
			return list
		}
	}
	b.before(clock)
	b.visit()
	b.awaitPhase("pending")
	polls := 2 // the first is answered at once
	asked := func() {
		t.Helper()
		eventually(t, fmt.Sprintf("%d requests", polls), func() bool { return p.count("") >= polls })
	}
	asked()
	seen, start := map[string]bool{js[string](b, drawing): true}, 0
	for n := 1; n < frames; n++ {
		p.mu.Lock()
		step = n
		p.mu.Unlock()
		js[bool](b, "__advance(5000)")
		shown := js[string](b, drawing)
		if seen[shown] {
			t.Fatalf("the frame of second %d is an old one", n*5)
		}
		seen[shown] = true
		if n%perPoll == 0 {
			p.mu.Lock()
			close(over) // the poll is over: nothing new
			over = make(chan time.Time)
			p.mu.Unlock()
			polls++
			asked()
		}
		if (n+1)%12 == 0 { // a minute
			b.do(settle)
			t.Logf("minute %d: %d requests, %d frames", (n+1)/12, p.count("")-start, 12)
			start = p.count("")
		}
	}
	b.awaitCode(p.code(p.challenge(0), frames-1))
	if got := p.count("GET"); got > 9 || got != p.count("") || s.count("/login/challenge") != 1 {
		t.Errorf("%d requests in three minutes: %v", got, p.log())
	}
	b.close(false)
}

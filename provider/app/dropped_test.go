package app_test

import (
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// A connection that drops loses no login, and leaves nothing behind.

// sendAndHangUp sends a request whole, does meanwhile, and closes the connection without reading an answer.
func (w *world) sendAndHangUp(r *http.Request, meanwhile func()) {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.issuer, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	if err := r.Write(c); err != nil {
		w.t.Fatal(err)
	}
	if meanwhile != nil {
		meanwhile()
	}
}

func TestATokenPollThatDropsBeforeTheApprovalLosesNoLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	w.sendAndHangUp(w.pollRequest("shop", shopSecret, started, "wait=25"), nil)
	p.approve(started)
	if a := w.poll(started, "wait=25"); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestATokenPollWhoseAnswerIsLostLosesNoLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	w.sendAndHangUp(w.pollRequest("shop", shopSecret, started, "wait=25"), func() {
		p.approve(started)
		for state := api.ChallengeStateApproved; state != api.ChallengeStateRedeemed; { // until the answer is under way
			view, _ := w.watch(started, 0)
			state = view.State
		}
	})
	if a := w.poll(started, "wait=25"); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// The connection closes at every moment of a redemption.
func TestARedemptionThatIsCutShortLosesNoLogin(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		folder, kept := inFolder(t)
		w := newWorld(t, withStore(store), kept)
		p := w.rawPhone().enrolled("+8613800138000")
		const n = 30
		for i := range n {
			started := w.start()
			p.approve(started)
			w.sendAndHangUp(w.pollRequest("shop", shopSecret, started, ""), func() { time.Sleep(time.Duration(i) * 100 * time.Microsecond) })
			if a := w.poll(started, ""); a.Status != http.StatusOK {
				t.Fatalf("login %d: %d %s", i, a.Status, a.Body)
			}
		}
		if got := loginRows(t, folder); got != n {
			t.Errorf("%d login rows", got)
		}
	})
}

func TestAScanWhoseAnswerIsLostIsThatPhonesClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, other := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	for i := range 20 {
		started := w.start()
		frame := w.frame(started)
		w.sendAndHangUp(p.request(http.MethodPost, "/phone/scans", api.ScanRequest{Code: frame}), func() { time.Sleep(time.Duration(i) * 100 * time.Microsecond) })
		claim := p.claimBy(frame)
		other.scan(frame).wants(t, "another phone", http.StatusConflict, "claimed-by-another")
		p.decide(claim, proof.Approve)
	}
}

func TestADecisionWhoseAnswerIsLostCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	for i := range 20 {
		started := w.start()
		claim := p.claim(started)
		pause := func() { time.Sleep(time.Duration(i) * 100 * time.Microsecond) }
		w.sendAndHangUp(w.decisionRequest(p.signed(claim, proof.Approve)), pause)
		p.decide(claim, proof.Approve)
		w.wantState(started, api.ChallengeStateApproved)

		started = w.start()
		claim = p.claim(started)
		w.sendAndHangUp(w.decisionRequest(p.signed(claim, proof.Deny)), pause)
		if a := w.sendDecision(p.signed(claim, proof.Deny)); a.Status != http.StatusOK && a.Status != http.StatusGone {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		w.wantOutcome(started, api.OutcomeDenied)
	}
}

func TestASecondHoldReplacesTheFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		hold := func() chan answer {
			answered := make(chan answer, 1)
			request := w.pollRequest("shop", shopSecret, started, "wait=25")
			go func() {
				a, _ := w.try(request)
				answered <- a
			}()
			synctest.Wait()
			return answered
		}
		began := time.Now()
		first := hold()
		second := hold()
		(<-first).wants(t, "the first", http.StatusBadRequest, "slow_down")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the first was answered after %s", waited)
		}
		p.approve(started)
		if a := <-second; a.Status != http.StatusOK {
			t.Errorf("the second: %d %s", a.Status, a.Body)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the second was answered after %s", waited)
		}
	})
}

// Another client's request, or one with a wrong secret, must not end a hold.
func TestAHoldIsReplacedByItsOwnClientAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		answered := make(chan answer, 1)
		request := w.pollRequest("shop", shopSecret, started, "wait=25")
		go func() {
			a, _ := w.try(request)
			answered <- a
		}()
		synctest.Wait()
		w.pollAs("other", otherSecret, started, "wait=25").wants(t, "another client", http.StatusBadRequest, "invalid_grant")
		guess := api.DeviceAuthorization{DeviceCode: started.ChallengeId + "." + strings.Repeat("A", 43)}
		w.poll(guess, "wait=25").wants(t, "a wrong secret", http.StatusBadRequest, "invalid_grant")
		began := time.Now()
		(<-answered).wants(t, "the hold", http.StatusBadRequest, "authorization_pending")
		if waited := time.Since(began); waited != 25*time.Second {
			t.Errorf("it was held for %s", waited)
		}
	})
}

// Not parallel: it counts the goroutines of the whole process.
func TestClientsThatDisconnectLeaveNoGoroutineBehind(t *testing.T) {
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	p.approve(w.start())
	var open []net.Conn
	requests := make([]*http.Request, 0, 100)
	for range 50 {
		started := w.start()
		view, _ := w.watch(started, 0)
		watch := w.byWatch(http.MethodGet, started, "")
		watch.URL.RawQuery = "after=" + string(rune('0'+view.Version))
		watch.Header.Set("User-Agent", "Browser/1.0")
		requests = append(requests, watch, w.pollRequest("shop", shopSecret, started, "wait=25"))
	}
	w.http.CloseIdleConnections()
	before := settled(func(int) bool { return true })
	for _, r := range requests {
		c, err := net.Dial("tcp", strings.TrimPrefix(w.issuer, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		if err := r.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if waiting := settled(func(n int) bool { return n >= before+100 }); waiting < before+100 {
		t.Fatalf("%d goroutines before, %d while 100 clients wait: they do not wait", before, waiting)
	}
	for _, c := range open {
		c.Close()
	}
	if after := settled(func(n int) bool { return n <= before }); after > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}

// settled is the number of goroutines once it is good and has not changed for a while, or after 20 s.
func settled(good func(n int) bool) int {
	n, since := runtime.NumGoroutine(), time.Now()
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		if now := runtime.NumGoroutine(); now != n {
			n, since = now, time.Now()
		} else if good(n) && time.Since(since) > 200*time.Millisecond {
			break
		}
	}
	return n
}

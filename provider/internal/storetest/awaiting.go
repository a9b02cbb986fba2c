package storetest

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

// waiter counts how often it was notified.
type waiter struct {
	calls  atomic.Int64
	called chan struct{} // gets the first call
}

func newWaiter() *waiter { return &waiter{called: make(chan struct{}, 1)} }

func (w *waiter) notify() {
	w.calls.Add(1)
	select {
	case w.called <- struct{}{}:
	default:
	}
}

func (w *waiter) isCalled(t *testing.T) {
	t.Helper()
	select {
	case <-w.called:
	case <-time.After(patience):
		t.Fatal("the waiter was not notified")
	}
}

// await registers a new waiter for whatever comes.
func await(t *testing.T, b Backend, id challenge.ID) (w *waiter, stop func()) {
	t.Helper()
	w = newWaiter()
	_, stop, err := b.Store.Await(t.Context(), id, challenge.Latest, w.notify)
	want(t, "await", err, nil)
	return w, stop
}

// settle returns when everything that was on its way to a waiter has arrived: notifications of one node do not overtake
// each other.
func settle(t *testing.T, b Backend) {
	t.Helper()
	c := start(t, b)
	w, _ := await(t, b, c.ID)
	apply(t, b, c.ID, challenge.Cancel{})
	w.isCalled(t)
}

var awaiting = []test{
	{"AwaitAnswersWhatIsNewerAtOnce", func(t *testing.T, b Backend) {
		c := start(t, b)
		current := apply(t, b, c.ID, visitFrom("192.0.2.1"), visitFrom("192.0.2.2"))
		w := newWaiter()
		for after := range current.Version {
			r, stop, err := b.Store.Await(t.Context(), c.ID, after, w.notify)
			want(t, "await", err, nil)
			if !reflect.DeepEqual(r.Challenge, current.Challenge) {
				t.Fatalf("await after version %d answers\n%+v\nwant\n%+v", after, r.Challenge, current.Challenge)
			}
			defer stop()
		}
		apply(t, b, c.ID, challenge.Cancel{})
		settle(t, b)
		if n := w.calls.Load(); n != 0 {
			t.Fatalf("who had its answer was notified %d times", n)
		}
	}},
	{"AwaitAnswersAnEndAtOnce", func(t *testing.T, b Backend) {
		for _, end := range []func(c started){
			func(c started) { apply(t, b, c.ID, challenge.Cancel{}) },
			func(started) { b.Advance(challenge.Lifetime) },
		} {
			c := start(t, b)
			end(c)
			r, stop, err := b.Store.Await(t.Context(), c.ID, challenge.Latest, func() {})
			want(t, "await", err, nil)
			if !r.State.Final() || r.ID != (challenge.ID{}) {
				t.Fatalf("await answers %+v, want a tombstone", r)
			}
			stop()
		}
	}},
	{"AwaitOfAnUnknownChallengeIsNotFound", func(t *testing.T, b Backend) {
		_, stop, err := b.Store.Await(t.Context(), challenge.NewID(), 0, func() {})
		want(t, "await", err, challenge.ErrNotFound)
		stop()
	}},
	{"AWaiterIsNotifiedOfAChange", func(t *testing.T, b Backend) {
		for _, event := range []challenge.Event{challenge.Visit{Browser: browser}, challenge.Cancel{}} {
			c := start(t, b)
			w := newWaiter()
			r, stop, err := b.Store.Await(t.Context(), c.ID, c.Version, w.notify)
			want(t, "await", err, nil)
			defer stop()
			if !reflect.DeepEqual(r.Challenge, c.Challenge) {
				t.Fatalf("await answers\n%+v\nwant\n%+v", r.Challenge, c.Challenge)
			}
			apply(t, b, c.ID, event)
			w.isCalled(t)
			stop() // as often as one likes
		}
	}},
	{"AWaiterIsNotifiedOnce", func(t *testing.T, b Backend) {
		c := start(t, b)
		w, stop := await(t, b, c.ID)
		defer stop()
		apply(t, b, c.ID, visitFrom("192.0.2.1"), visitFrom("192.0.2.2"), challenge.Cancel{})
		w.isCalled(t)
		settle(t, b)
		if n := w.calls.Load(); n != 1 {
			t.Fatalf("the waiter was notified %d times", n)
		}
	}},
	{"WhoStoppedIsNotNotified", func(t *testing.T, b Backend) {
		c := start(t, b)
		w, stop := await(t, b, c.ID)
		stays, stopOther := await(t, b, c.ID)
		defer stopOther()
		stop()
		apply(t, b, c.ID, challenge.Cancel{})
		stays.isCalled(t)
		settle(t, b)
		if n := w.calls.Load(); n != 0 {
			t.Fatalf("who had stopped was notified %d times", n)
		}
	}},
	{"EveryWaiterOfTheChallengeIsNotifiedAndNoOther", func(t *testing.T, b Backend) {
		c, other := start(t, b), start(t, b)
		var waiters []*waiter
		for range 100 {
			w, stop := await(t, b, c.ID)
			defer stop()
			waiters = append(waiters, w)
		}
		stranger, stop := await(t, b, other.ID)
		defer stop()
		apply(t, b, c.ID, challenge.Visit{Browser: browser})
		for _, w := range waiters {
			w.isCalled(t)
		}
		settle(t, b)
		if stranger.calls.Load() != 0 {
			t.Fatal("a waiter of another challenge was notified")
		}
	}},
	{"NotifyMayStop", func(t *testing.T, b Backend) {
		c := start(t, b)
		w := newWaiter()
		var stop func()
		registered := make(chan struct{})
		_, stop, err := b.Store.Await(t.Context(), c.ID, c.Version, func() {
			<-registered
			stop()
			w.notify()
		})
		want(t, "await", err, nil)
		close(registered)
		apply(t, b, c.ID, challenge.Cancel{})
		w.isCalled(t)
	}},
	{"AwaitLeavesTheChallengeAsItIs", func(t *testing.T, b Backend) {
		c := start(t, b)
		for range 3 {
			_, stop := await(t, b, c.ID)
			defer stop()
		}
		if r := get(t, b, c.ID); !reflect.DeepEqual(r.Challenge, c.Challenge) {
			t.Fatalf("waiting changed the challenge to\n%+v\nfrom\n%+v", r.Challenge, c.Challenge)
		}
		b.Advance(challenge.Lifetime)
		if r := get(t, b, c.ID); r.State != challenge.Expired {
			t.Fatalf("waiting kept the challenge alive: it is %v", r.State)
		}
	}},
	{"NoWakeUpIsLost", func(t *testing.T, b Backend) {
		// A change comes before, during or after the look of who waits: always it is answered or notified.
		c := start(t, b)
		version := c.Version
		for i := range 300 {
			changed := make(chan error, 1)
			go func() {
				_, err := do(t.Context(), b, c.ID, visitFrom(fmt.Sprintf("address %d", i)))
				changed <- err
			}()
			w := newWaiter()
			r, stop, err := b.Store.Await(t.Context(), c.ID, version, w.notify)
			want(t, "await", err, nil)
			if r.Version <= version {
				w.isCalled(t)
			}
			stop()
			want(t, "visit", <-changed, nil)
			version++
		}
	}},
}

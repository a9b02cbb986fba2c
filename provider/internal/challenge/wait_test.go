package challenge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/memstore"
)

// looks counts how often a store is asked.
type looks struct {
	challenge.Store
	n int
}

func (l *looks) Await(ctx context.Context, id challenge.ID, after uint64, notify func()) (challenge.Record, func(), error) {
	l.n++
	return l.Store.Await(ctx, id, after, notify)
}

// sleeping runs a test with a waiter for any change of a challenge that has looked once.
func sleeping(t *testing.T, test func(t *testing.T, s *looks, w *challenge.Waiter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		defer store.Close()
		s := &looks{Store: store}
		draft, _, _ := challenge.NewDraft("client", challenge.Policy{}, challenge.Request{})
		r, err := s.Create(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		w := challenge.NewWaiter(s, r.ID, r.Version, 25*time.Second, func(now challenge.Record) (bool, error) { return now.Version > r.Version, nil })
		defer w.Close()
		if over, err := w.Look(t.Context()); over || err != nil || s.n != 1 {
			t.Fatalf("the first look: %t, %v", over, err)
		}
		test(t, s, w)
	})
}

func TestAWaiterIsWokenByNewsAndLooksAgain(t *testing.T) {
	sleeping(t, func(t *testing.T, s *looks, w *challenge.Waiter) {
		woken := 0
		w.Then(func() { t.Error("one that was replaced is called") })
		w.Then(func() { woken++ })
		time.Sleep(10 * time.Second)
		if woken != 0 || s.n != 1 {
			t.Errorf("without news: woken %d times, %d looks", woken, s.n)
		}
		if _, err := challenge.Do(t.Context(), s, w.Record().ID, func(challenge.Record) (challenge.Event, error) { return challenge.Cancel{}, nil }); err != nil {
			t.Fatal(err)
		}
		if over, err := w.Look(t.Context()); woken != 1 || !over || err != nil || w.Record().State != challenge.Cancelled {
			t.Errorf("woken %d times; %t, %v, %v", woken, over, err, w.Record().State)
		}
	})
}

// Whoever is not there when the news comes is told of it on coming.
func TestAWaiterThatIsWokenBeforeItSleepsIsCalledAtOnce(t *testing.T) {
	sleeping(t, func(t *testing.T, _ *looks, w *challenge.Waiter) {
		w.Wake()
		woken := 0
		w.Then(func() { woken++ })
		w.Wake()
		if woken != 1 {
			t.Errorf("woken %d times", woken)
		}
		if over, err := w.Look(t.Context()); over || err != nil {
			t.Errorf("woken without need: %t, %v", over, err)
		}
		w.Then(func() { woken++ })
		if woken != 1 {
			t.Error("what was before the look counts after it")
		}
	})
}

func TestTheLastLookAsksNothingOfTheStore(t *testing.T) {
	for name, end := range map[string]func(*challenge.Waiter){
		"its time is over": func(*challenge.Waiter) { time.Sleep(25 * time.Second) },
		"it is ended":      (*challenge.Waiter).End,
	} {
		t.Run(name, func(t *testing.T) {
			sleeping(t, func(t *testing.T, s *looks, w *challenge.Waiter) {
				woken := false
				w.Then(func() { woken = true })
				end(w)
				synctest.Wait()
				if over, err := w.Look(t.Context()); !woken || !over || err != nil || s.n != 1 || w.Record().State != challenge.Pending {
					t.Errorf("woken %t; %t, %v, %d looks", woken, over, err, s.n)
				}
			})
		})
	}
}

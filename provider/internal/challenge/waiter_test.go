package challenge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/challenge"
)

// sleeping runs a test with a waiter for any change of a challenge that has looked once.
func sleeping(t *testing.T, test func(t *testing.T, s *store, w *challenge.Waiter)) {
	t.Helper()
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		w := challenge.NewWaiter(s, c.ID, c.Version, 25*time.Second, func(now challenge.Record) (bool, error) { return now.Version > c.Version, nil })
		defer w.Close()
		if over, err := w.Look(t.Context()); over || err != nil || s.awaits != 1 {
			t.Fatalf("the first look: %t, %v", over, err)
		}
		test(t, s, w)
	})
}

func TestAWaiterIsWokenByNewsAndLooksAgain(t *testing.T) {
	sleeping(t, func(t *testing.T, s *store, w *challenge.Waiter) {
		woken := 0
		w.Then(func() { t.Error("one that was replaced is called") })
		w.Then(func() { woken++ })
		time.Sleep(10 * time.Second)
		if woken != 0 || s.awaits != 1 {
			t.Errorf("without news: woken %d times, %d looks", woken, s.awaits)
		}
		change(t, s, w.Record().ID, challenge.Cancel{})
		if over, err := w.Look(t.Context()); woken != 1 || !over || err != nil || w.Record().State != challenge.Cancelled {
			t.Errorf("woken %d times; %t, %v, %v", woken, over, err, w.Record().State)
		}
	})
}

// Whoever is not there when the news comes is told of it on coming.
func TestAWaiterThatIsWokenBeforeItSleepsIsCalledAtOnce(t *testing.T) {
	sleeping(t, func(t *testing.T, _ *store, w *challenge.Waiter) {
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
			sleeping(t, func(t *testing.T, s *store, w *challenge.Waiter) {
				woken := false
				w.Then(func() { woken = true })
				end(w)
				synctest.Wait()
				if over, err := w.Look(t.Context()); !woken || !over || err != nil || s.awaits != 1 || w.Record().State != challenge.Pending {
					t.Errorf("woken %t; %t, %v, %d looks", woken, over, err, s.awaits)
				}
			})
		})
	}
}

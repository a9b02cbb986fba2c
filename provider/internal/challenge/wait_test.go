package challenge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/challenge"
)

func until(s challenge.State) func(challenge.Record) (bool, error) {
	return func(r challenge.Record) (bool, error) { return r.State == s, nil }
}

func never(challenge.Record) (bool, error) { return false, nil }

// took fails unless that much of the bubble's time has passed.
func took(t *testing.T, start time.Time, wanted time.Duration) {
	t.Helper()
	if d := time.Since(start); d != wanted {
		t.Errorf("it took %v, want %v", d, wanted)
	}
}

func TestWaitAnswersTheMomentThatItIsDone(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		start := time.Now()
		go func() {
			for i := range 9 {
				time.Sleep(time.Second)
				change(t, s, c.ID, visitFrom(fmt.Sprint(i)))
			}
			time.Sleep(time.Second)
			change(t, s, c.ID, challenge.Scan{Code: challenge.Code{ID: c.ID}, Device: "device"})
		}()
		r, err := challenge.Wait(t.Context(), s, c.ID, challenge.Latest, time.Minute, until(challenge.Claimed))
		if err != nil || r.State != challenge.Claimed || r.Version != 11 {
			t.Fatalf("%+v, %v", r, err)
		}
		took(t, start, 10*time.Second)
	})
}

// A server that stops answers those who ask it then.
func TestWaitAnswersHowItStandsWhenItsContextHasEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if r, err := challenge.Wait(ctx, s, c.ID, challenge.Latest, time.Minute, never); err != nil || r.Version != c.Version {
			t.Fatalf("%+v, %v", r, err)
		}
		took(t, start, 0)
	})
}

func TestWaitAnswersAtOnceWhatIsNewer(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		start := time.Now()
		newer := func(r challenge.Record) (bool, error) { return r.Version > 0, nil }
		if r, err := challenge.Wait(t.Context(), s, c.ID, 0, time.Minute, newer); err != nil || r.Version != c.Version || s.awaits != 1 {
			t.Fatalf("%+v, %v, %d looks", r, err, s.awaits)
		}
		took(t, start, 0)
	})
}

func TestWaitWaitsOnWhenWhatIsNewerIsNotTheOne(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		start := time.Now()
		r, err := challenge.Wait(t.Context(), s, c.ID, 0, time.Minute, never)
		if err != nil || r.Version != c.Version {
			t.Fatalf("%+v, %v", r, err)
		}
		took(t, start, time.Minute)
	})
}

func TestWaitAnswersHowItStandsAfterItsTimeHoweverOftenItWasWoken(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		start := time.Now()
		go func() {
			for i := range 3 {
				time.Sleep(10 * time.Second)
				change(t, s, c.ID, visitFrom(fmt.Sprint(i)))
			}
		}()
		r, err := challenge.Wait(t.Context(), s, c.ID, c.Version, 25*time.Second, never)
		if err != nil || r.Version != 3 {
			t.Fatalf("%+v, %v", r, err)
		}
		took(t, start, 25*time.Second)
		time.Sleep(time.Minute) // the other changes come to their end
	})
}

func TestWaitAsksNothingOfTheStoreWhileItWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		if _, err := challenge.Wait(t.Context(), s, c.ID, c.Version, 4*time.Minute, never); err != nil {
			t.Fatal(err)
		}
		if s.awaits != 1 || s.gets != 0 {
			t.Fatalf("four minutes took %d looks", s.awaits+s.gets)
		}
	})
}

func TestWaitAnswersAnExpiryWhenItComes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		time.Sleep(1234567 * time.Nanosecond) // off the millisecond
		r, err := challenge.Wait(t.Context(), s, c.ID, c.Version, time.Hour, never)
		if err != nil || r.State != challenge.Expired {
			t.Fatalf("%+v, %v", r, err)
		}
		if late := r.Now.Sub(r.ExpiresAt); late < 0 || late > time.Second || s.awaits != 2 {
			t.Fatalf("it came %v after the expiry, with %d looks", late, s.awaits)
		}
	})
}

func TestWaitAnswersTheEndOfARedeliveryWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		for _, e := range []challenge.Event{
			challenge.Scan{Code: challenge.Code{ID: c.ID}, Device: "device"}, challenge.Approve{Device: "device"},
			challenge.Redeem{Sealed: []byte("sealed"), Window: 10 * time.Second},
		} {
			change(t, s, c.ID, e)
		}
		start := time.Now()
		r, err := challenge.Wait(t.Context(), s, c.ID, challenge.Latest, time.Hour, never)
		if err != nil || r.State != challenge.Purged {
			t.Fatalf("%+v, %v", r, err)
		}
		took(t, start, 10*time.Second)
	})
}

func TestWaitAnswersAnEndEvenIfItIsNotTheOneWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		go func() {
			time.Sleep(time.Second)
			change(t, s, c.ID, challenge.Cancel{})
		}()
		start := time.Now()
		for range 2 { // while it happens, and afterwards
			r, err := challenge.Wait(t.Context(), s, c.ID, challenge.Latest, time.Minute, until(challenge.Approved))
			if err != nil || r.State != challenge.Cancelled {
				t.Fatalf("%+v, %v", r, err)
			}
			took(t, start, time.Second)
		}
	})
}

func TestWaitEndsWithItsCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		r, err := challenge.Wait(ctx, s, c.ID, c.Version, time.Minute, never)
		if err != nil || r.Version != c.Version {
			t.Fatalf("%+v, %v", r, err)
		}
		took(t, start, 3*time.Second)
	})
}

func TestWaitEndsWithARefusalAndItsRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		refusal := errors.New("not for you")
		r, err := challenge.Wait(t.Context(), s, c.ID, c.Version, time.Minute, func(challenge.Record) (bool, error) { return true, refusal })
		if !errors.Is(err, refusal) || r.ID != c.ID {
			t.Fatalf("%+v, %v", r, err)
		}
		if _, err := challenge.Wait(t.Context(), s, challenge.NewID(), 0, time.Minute, never); err != challenge.ErrNotFound {
			t.Fatalf("of an unknown challenge: %v", err)
		}
		s.err = errors.New("the store is away")
		if _, err := challenge.Wait(t.Context(), s, c.ID, 0, time.Minute, never); !errors.Is(err, s.err) {
			t.Fatalf("without a store: %v", err)
		}
	})
}

func TestWaitLooksAgainWhenItIsWokenWithoutNeed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		eager := &eagerStore{Store: s}
		start := time.Now()
		r, err := challenge.Wait(t.Context(), eager, c.ID, c.Version, time.Minute-time.Millisecond, never)
		if err != nil || r.Version != c.Version || s.awaits != 60 {
			t.Fatalf("%+v, %v, %d looks", r, err, s.awaits)
		}
		took(t, start, time.Minute-time.Millisecond)
		synctest.Wait()
		if eager.registered != 0 {
			t.Fatalf("%d waiters are left", eager.registered)
		}
	})
}

// eagerStore wakes everybody after a second, as a store does that has lost its subscription, and counts who waits.
type eagerStore struct {
	challenge.Store
	registered int
}

func (s *eagerStore) Await(ctx context.Context, id challenge.ID, after uint64, notify func()) (challenge.Record, func(), error) {
	r, stop, err := s.Store.Await(ctx, id, after, notify)
	s.registered++
	timer := time.AfterFunc(time.Second, notify)
	return r, func() { s.registered--; timer.Stop(); stop() }, err
}

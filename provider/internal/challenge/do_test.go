package challenge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/memstore"
)

// store is a memory store that counts what it is asked, and does something first if told so.
type store struct {
	challenge.Store
	gets, swaps, awaits int
	beforeSwap          func()
	err                 error
}

func (s *store) Get(ctx context.Context, id challenge.ID) (challenge.Record, error) {
	s.gets++
	if s.err != nil {
		return challenge.Record{}, s.err
	}
	return s.Store.Get(ctx, id)
}

func (s *store) Swap(ctx context.Context, old uint64, next challenge.Challenge) (challenge.Record, error) {
	s.swaps++
	if s.beforeSwap != nil {
		s.beforeSwap()
	}
	return s.Store.Swap(context.WithoutCancel(ctx), old, next) // a store may finish what it has begun
}

func (s *store) Await(ctx context.Context, id challenge.ID, after uint64, notify func()) (challenge.Record, func(), error) {
	s.awaits++
	if s.err != nil {
		return challenge.Record{}, func() {}, s.err
	}
	return s.Store.Await(ctx, id, after, notify)
}

// inBubble runs a test with a store and one pending challenge, on a fake clock.
func inBubble(t *testing.T, test func(t *testing.T, s *store, c challenge.Record)) {
	synctest.Test(t, func(t *testing.T) {
		memory := memstore.New()
		defer memory.Close()
		draft, _, _ := challenge.NewDraft("client", challenge.Policy{StaticCode: true}, challenge.Request{})
		c, err := memory.Create(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		test(t, &store{Store: memory}, c)
	})
}

func always(e challenge.Event) func(challenge.Record) (challenge.Event, error) {
	return func(challenge.Record) (challenge.Event, error) { return e, nil }
}

func visitFrom(address string) challenge.Visit {
	return challenge.Visit{Browser: challenge.Browser{Address: address}}
}

// change is somebody else's event, which goes around the counting store.
func change(t *testing.T, s *store, id challenge.ID, e challenge.Event) {
	t.Helper()
	if _, err := challenge.Do(t.Context(), s.Store, id, always(e)); err != nil {
		t.Fatal(err)
	}
}

func TestDoChangesAChallengeWithOneReadAndOneSwap(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		r, err := challenge.Do(t.Context(), s, c.ID, always(visitFrom("192.0.2.1")))
		if err != nil || r.Version != 2 || r.Browser.Address != "192.0.2.1" {
			t.Fatalf("%+v, %v", r, err)
		}
		if s.gets != 1 || s.swaps != 1 {
			t.Fatalf("%d reads and %d swaps", s.gets, s.swaps)
		}
		// DoFrom spares the read.
		if r, err = challenge.DoFrom(t.Context(), s, r, always(visitFrom("192.0.2.2"))); err != nil || r.Version != 3 {
			t.Fatalf("%+v, %v", r, err)
		}
		if s.gets != 1 || s.swaps != 2 {
			t.Fatalf("%d reads and %d swaps", s.gets, s.swaps)
		}
	})
}

func TestDoDecidesAnewWhenAnotherWasFaster(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		others := 3
		s.beforeSwap = func() {
			if others > 0 {
				others--
				change(t, s, c.ID, visitFrom(fmt.Sprint("other ", others)))
			}
		}
		var seen []uint64
		r, err := challenge.Do(t.Context(), s, c.ID, func(r challenge.Record) (challenge.Event, error) {
			seen = append(seen, r.Version)
			return visitFrom(fmt.Sprint("decided on version ", r.Version)), nil
		})
		if err != nil || r.Version != 5 || r.Browser.Address != "decided on version 4" {
			t.Fatalf("%+v, %v", r, err)
		}
		if fmt.Sprint(seen) != "[1 2 3 4]" || s.gets != 1 {
			t.Fatalf("it decided on the versions %v, with %d reads", seen, s.gets)
		}
	})
}

func TestDoIsRefusedByWhatAnotherDidMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		s.beforeSwap = func() { change(t, s, c.ID, challenge.Cancel{}); s.beforeSwap = nil }
		r, err := challenge.Do(t.Context(), s, c.ID, always(visitFrom("192.0.2.1")))
		if err != (challenge.Error{Kind: challenge.Gone, Outcome: challenge.Cancelled}) || r.State != challenge.Cancelled {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

func TestDoStoresNothingThatChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		r, err := challenge.Do(t.Context(), s, c.ID, always(challenge.Visit{}))
		if err != nil || r.Version != c.Version || s.swaps != 0 {
			t.Fatalf("%+v, %v, %d swaps", r, err, s.swaps)
		}
	})
}

func TestDoEndsWithTheRefusalAndTheRecordThatWasRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		refusal := errors.New("not for you")
		for wanted, decide := range map[error]func(challenge.Record) (challenge.Event, error){
			refusal:                 func(challenge.Record) (challenge.Event, error) { return challenge.Cancel{}, refusal },
			challenge.ErrWrongState: always(challenge.Receipt{}),
		} {
			r, err := challenge.Do(t.Context(), s, c.ID, decide)
			if !errors.Is(err, wanted) || r.ID != c.ID || s.swaps != 0 {
				t.Fatalf("%+v, %v, %d swaps", r, err, s.swaps)
			}
		}
		if _, err := challenge.Do(t.Context(), s, challenge.NewID(), always(challenge.Cancel{})); err != challenge.ErrNotFound {
			t.Fatalf("of an unknown challenge: %v", err)
		}
		s.err = errors.New("the store is away")
		if _, err := challenge.Do(t.Context(), s, c.ID, always(challenge.Cancel{})); !errors.Is(err, s.err) {
			t.Fatalf("without a store: %v", err)
		}
	})
}

func TestDoEndsWhenItsCallerGoesAndOthersAreAlwaysFaster(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		ctx, cancel := context.WithCancel(t.Context())
		others := 0
		s.beforeSwap = func() {
			others++
			change(t, s, c.ID, visitFrom(fmt.Sprint("other ", others)))
			if others == 10 {
				cancel()
			}
		}
		_, err := challenge.Do(ctx, s, c.ID, always(visitFrom("192.0.2.1")))
		if !errors.Is(err, context.Canceled) || others != 10 {
			t.Fatalf("%v after %d tries", err, others)
		}
	})
}

func TestTheStoresClockDecidesAndNotTheCallers(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store, c challenge.Record) {
		time.Sleep(challenge.Lifetime - time.Millisecond)
		r, err := s.Get(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		// The record was read in time, and swapped too late.
		if r, err = challenge.DoFrom(t.Context(), s, r, always(visitFrom("192.0.2.1"))); challenge.KindOf(err) != challenge.Gone || r.State != challenge.Expired {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

package challenge

import (
	"context"
	"errors"
	"time"
)

// Record is a challenge as a store answers it, with the store's own time: nodes whose clocks differ agree by it.
type Record struct {
	Challenge
	Now time.Time
}

// NewRecord is how a store answers what it holds: a challenge whose time has run out is answered as its tombstone, whether
// or not the store has collected it yet.
func NewRecord(c *Challenge, now time.Time) Record {
	if c.State.Final() || !now.Before(c.End()) {
		return Record{Challenge: c.Tombstone(), Now: now}
	}
	return Record{Challenge: *c, Now: now}
}

// Store keeps challenges, swaps them on their version and wakes those who wait. It knows no rules.
//
// Every method may also answer an error of the store itself (it cannot be reached, say), which is no [Error].
type Store interface {
	// Create begins a draft on the store's clock and keeps it. [ErrUserCodeTaken] if another challenge has its user code.
	Create(ctx context.Context, d Draft) (Record, error)

	// Get answers the challenge, or its tombstone; [ErrNotFound] when there is neither.
	Get(ctx context.Context, id ID) (Record, error)

	// Find answers the id of the live challenge with this normalised user code; [ErrNotFound].
	Find(ctx context.Context, userCode string) (ID, error)

	// Swap replaces the challenge if its version is still old, and wakes its waiters. Of a final state only the tombstone is
	// kept, and the user code is forgotten. [ErrConflict] with the current record if it has changed; [ErrNotFound].
	Swap(ctx context.Context, old uint64, next Challenge) (Record, error)

	// Await answers the challenge like Get. If its version is not above after and it is not gone, then in the same atomic
	// step notify is registered: it is called once, from any goroutine, when the challenge changes, and must not block.
	// It may be called without need; it is not called when a challenge runs out of time. stop, which is never nil,
	// unregisters it.
	Await(ctx context.Context, id ID, after uint64, notify func()) (r Record, stop func(), err error)
}

// Do changes a challenge: get, decide, apply, swap, and once more when another was faster. Nothing else calls Swap.
// decide may be called several times, each time with the record as it then is; an error from it ends Do with the record
// that it refused.
func Do(ctx context.Context, s Store, id ID, decide func(Record) (Event, error)) (Record, error) {
	r, err := s.Get(ctx, id)
	if err != nil {
		return r, err
	}
	return DoFrom(ctx, s, r, decide)
}

// DoFrom is [Do] for a caller who has just read the record.
func DoFrom(ctx context.Context, s Store, r Record, decide func(Record) (Event, error)) (Record, error) {
	var err error
	for err == nil {
		var event Event
		if event, err = decide(r); err != nil {
			return r, err
		}
		var next Challenge
		if next, err = r.Apply(event, r.Now); err != nil {
			return r, err
		}
		if next.Version == r.Version {
			return r, nil
		}
		old := r.Version
		if r, err = s.Swap(ctx, old, next); !errors.Is(err, ErrConflict) {
			return r, err
		}
		// Somebody else made progress, so this ends: a challenge has only so many transitions.
		err = ctx.Err()
	}
	return r, err
}

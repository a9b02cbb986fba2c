package challenge

import (
	"context"
	"time"
)

// Keys keeps what lives for minutes beside the challenges: replay guards, counters, short records. Keys are hashed by the
// store, so that no dump of it shows a number, an address or a code. All of it is shared by all nodes.
type Keys interface {
	// First tells whether this key is used for the first time within ttl. Of many callers at once one is first.
	First(ctx context.Context, key string, ttl time.Duration) (bool, error)

	// Count counts one event against a limit.
	Count(ctx context.Context, key string, l Limit) (Count, error)

	// CountAll counts several events, each as Count does, in the time of one. They are counted in order, not in one atomic step.
	CountAll(ctx context.Context, tallies []Tally) ([]Count, error)

	// Refund takes one event of each key back, if its window is still open: for what was counted before it was known.
	Refund(ctx context.Context, keys ...string) error

	// Put keeps a value for ttl.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Peek answers the value; [ErrNotFound].
	Peek(ctx context.Context, key string) ([]byte, error)

	// Take answers the value and removes it: of many callers at once one gets it, the others [ErrNotFound].
	Take(ctx context.Context, key string) ([]byte, error)
}

// Limit allows Max events within Window, counted from the first. Each event past it prolongs the window by Penalty.
type Limit struct {
	Max     int
	Window  time.Duration
	Penalty time.Duration
}

// Tally is one event to count: its key, and the limit that it is held against.
type Tally struct {
	Key   string
	Limit Limit
}

// Count is where a counter stands.
type Count struct {
	N     int           // events in this window, this one included
	Left  time.Duration // until the window ends
	Above bool          // N is past the limit
}

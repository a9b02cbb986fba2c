package metrics

import (
	"context"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"

	"qrlogin/provider/internal/challenge"
)

// The operations of a store that are timed: those of every login.
const (
	create = "create"
	get    = "get"
	await  = "await"
	swap   = "swap"
	count  = "count"
)

// ShortLived is the ports of what lives for minutes.
type ShortLived interface {
	challenge.Store
	challenge.Keys
	challenge.Contents
}

// Store counts and times what a store is asked.
func (m *Metrics) Store(s ShortLived) ShortLived { return &store{ShortLived: s, m: m} }

type store struct {
	ShortLived
	m       *Metrics
	changes [1024]atomic.Pointer[change] // by id; a later one takes an earlier one's place, and its waking is not timed
}

// change is when this node began to write a challenge.
type change struct {
	id challenge.ID
	at time.Time
}

func (s *store) change(id challenge.ID) *atomic.Pointer[change] {
	return &s.changes[binary.BigEndian.Uint64(id[:])%uint64(len(s.changes))]
}

func (s *store) took(operation string, began time.Time) {
	s.m.operations[operation].Observe(time.Since(began).Seconds())
}

func (s *store) Create(ctx context.Context, d challenge.Draft) (challenge.Record, error) {
	defer s.took(create, time.Now())
	r, err := s.ShortLived.Create(ctx, d)
	if err == nil {
		s.m.transitions[r.State].Inc()
	}
	return r, err
}

func (s *store) Get(ctx context.Context, id challenge.ID) (challenge.Record, error) {
	defer s.took(get, time.Now())
	return s.ShortLived.Get(ctx, id)
}

func (s *store) Swap(ctx context.Context, old uint64, next challenge.Challenge) (challenge.Record, error) {
	began := time.Now()
	defer s.took(swap, began)
	s.change(next.ID).Store(&change{next.ID, began})
	r, err := s.ShortLived.Swap(ctx, old, next)
	// What changes a challenge and not its state: a browser that presents itself, wrong digits.
	again := next.State == challenge.Pending || next.State == challenge.Confirming && next.Misses > 0
	if err == nil && !again {
		s.m.transitions[next.State].Inc()
	}
	return r, err
}

func (s *store) Await(ctx context.Context, id challenge.ID, after uint64, notify func()) (challenge.Record, func(), error) {
	defer s.took(await, time.Now())
	return s.ShortLived.Await(ctx, id, after, func() {
		if c := s.change(id).Load(); c != nil && c.id == id {
			s.m.wakeUp.Observe(time.Since(c.at).Seconds())
		}
		notify()
	})
}

func (s *store) CountAll(ctx context.Context, tallies []challenge.Tally) ([]challenge.Count, error) {
	defer s.took(count, time.Now())
	counts, err := s.ShortLived.CountAll(ctx, tallies)
	for i, c := range counts {
		if !c.Above {
			continue
		}
		name, _, _ := strings.Cut(tallies[i].Key, " ")
		if hit := s.m.limits[name]; hit != nil {
			hit.Inc()
		}
	}
	return counts, err
}

package memstore

import (
	"context"
	"slices"
	"time"

	"qrlogin/provider/internal/challenge"
)

// value is one key: that it was used, a count, or a record. Its shard's lock guards it.
type value struct {
	until time.Time
	n     int
	bytes []byte
	timer *time.Timer
}

// kind keeps the uses of a key apart: a counter and a record of the same name are two things.
type kind string

const (
	once    kind = "once "
	counter kind = "count "
	record  kind = "record "
)

// open answers the key's hash, its shard, locked, and its value, nil when there is none or its time is over.
func (s *Store) open(k kind, name string, now time.Time) (challenge.Hash, *shard[*value], *value) {
	key := challenge.HashOf(string(k), name)
	sh := s.values.of(key)
	sh.Lock()
	v := sh.m[key]
	if v != nil && !now.Before(v.until) {
		v = nil
	}
	return key, sh, v
}

// keep keeps a value until its time is over, in place of what was there. The caller holds the shard's lock.
func keep(sh *shard[*value], key challenge.Hash, v *value, now time.Time) {
	if before := sh.m[key]; before != nil {
		before.timer.Stop()
	}
	v.timer = time.AfterFunc(v.until.Sub(now), func() {
		sh.Lock()
		defer sh.Unlock()
		switch left := time.Until(v.until); {
		case sh.m[key] != v: // replaced or taken while this waited for the lock
		case left > 0: // prolonged
			v.timer.Reset(left)
		default:
			delete(sh.m, key)
		}
	})
	sh.m[key] = v
}

// ttlOf makes a time to live at least the millisecond that every store can keep.
func ttlOf(d time.Duration) time.Duration { return max(d, time.Millisecond) }

// First implements [challenge.Keys].
func (s *Store) First(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	now := time.Now()
	key, sh, v := s.open(once, name, now)
	defer sh.Unlock()
	if v != nil {
		return false, nil
	}
	keep(sh, key, &value{until: now.Add(ttlOf(ttl))}, now)
	return true, nil
}

// Count implements [challenge.Keys].
func (s *Store) Count(ctx context.Context, name string, l challenge.Limit) (challenge.Count, error) {
	if err := ctx.Err(); err != nil {
		return challenge.Count{}, err
	}
	now := time.Now()
	key, sh, v := s.open(counter, name, now)
	defer sh.Unlock()
	if v == nil {
		v = &value{until: now.Add(ttlOf(l.Window))}
		keep(sh, key, v, now)
	}
	v.n++
	above := v.n > l.Max
	if above {
		v.until = v.until.Add(l.Penalty)
	}
	return challenge.Count{N: v.n, Left: v.until.Sub(now), Above: above}, nil
}

// CountAll implements [challenge.Keys].
func (s *Store) CountAll(ctx context.Context, tallies []challenge.Tally) ([]challenge.Count, error) {
	counts := make([]challenge.Count, len(tallies))
	for i, t := range tallies {
		var err error
		if counts[i], err = s.Count(ctx, t.Key, t.Limit); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// Refund implements [challenge.Keys]. With its last event the window goes too.
func (s *Store) Refund(ctx context.Context, names ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, name := range names {
		s.refund(name)
	}
	return nil
}

func (s *Store) refund(name string) {
	key, sh, v := s.open(counter, name, time.Now())
	defer sh.Unlock()
	if v == nil {
		return
	}
	if v.n--; v.n == 0 {
		v.timer.Stop()
		delete(sh.m, key)
	}
}

// Put implements [challenge.Keys].
func (s *Store) Put(ctx context.Context, name string, bytes []byte, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	key, sh, _ := s.open(record, name, now)
	defer sh.Unlock()
	keep(sh, key, &value{until: now.Add(ttlOf(ttl)), bytes: slices.Clone(bytes)}, now)
	return nil
}

// Peek implements [challenge.Keys].
func (s *Store) Peek(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	_, sh, v := s.open(record, name, time.Now())
	defer sh.Unlock()
	if v == nil {
		return nil, challenge.ErrNotFound
	}
	return slices.Clone(v.bytes), nil
}

// Take implements [challenge.Keys].
func (s *Store) Take(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key, sh, v := s.open(record, name, time.Now())
	defer sh.Unlock()
	if v == nil {
		return nil, challenge.ErrNotFound
	}
	v.timer.Stop()
	delete(sh.m, key)
	return v.bytes, nil
}

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/challenge"
)

// The uses of a key are kept apart: a counter and a record of the same name are two things.
func onceKey(name string) string  { return "qrlogin:once:" + challenge.HashOf(name).String() }
func countKey(name string) string { return "qrlogin:count:" + challenge.HashOf(name).String() }
func recordOf(name string) string { return "qrlogin:record:" + challenge.HashOf(name).String() }

// First implements [challenge.Keys].
func (s *Store) First(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err := send(ctx, s.db, 1, "set", onceKey(name), 1, "px", millis(ttl), "nx").Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, wrap("a once-only key", err)
}

// Count implements [challenge.Keys].
func (s *Store) Count(ctx context.Context, name string, l challenge.Limit) (challenge.Count, error) {
	counts, err := s.CountAll(ctx, []challenge.Tally{{Key: name, Limit: l}})
	if err != nil {
		return challenge.Count{}, err
	}
	return counts[0], nil
}

// CountAll implements [challenge.Keys], in one round trip.
func (s *Store) CountAll(ctx context.Context, tallies []challenge.Tally) ([]challenge.Count, error) {
	calls := make([]counterCall, len(tallies))
	for i, t := range tallies {
		calls[i] = counterCall{t.Key, []any{t.Limit.Max, millis(t.Limit.Window), t.Limit.Penalty.Milliseconds()}}
	}
	answers, err := s.counters(ctx, calls)
	if err != nil {
		return nil, err
	}
	counts := make([]challenge.Count, len(tallies))
	for i, t := range tallies {
		n, left := answers[i][0], answers[i][1]
		counts[i] = challenge.Count{N: int(n), Left: time.Duration(left) * time.Millisecond, Above: n > int64(t.Limit.Max)}
	}
	return counts, nil
}

// Refund implements [challenge.Keys], in one round trip. With its last event a window goes too.
func (s *Store) Refund(ctx context.Context, names ...string) error {
	calls := make([]counterCall, len(names))
	for i, name := range names {
		calls[i] = counterCall{name: name}
	}
	_, err := s.counters(ctx, calls)
	return err
}

// counterCall is one run of the counters' script.
type counterCall struct {
	name string
	args []any
}

// counters runs the script once for each call, in one round trip: a script for each key and not one for all, since in a cluster they
// lie apart. What finds that the script was flushed has counted nothing, and is sent once more with the script.
func (s *Store) counters(ctx context.Context, calls []counterCall) ([][]int64, error) {
	if err := ctx.Err(); err != nil || len(calls) == 0 {
		return nil, err
	}
	answers := make([]*redis.Cmd, len(calls))
	pipe := s.db.Pipeline()
	for i, c := range calls {
		answers[i] = counterScript.run(ctx, pipe, []string{countKey(c.name)}, c.args...)
	}
	_, _ = pipe.Exec(ctx) // each answer has its error
	for i, c := range calls {
		if unknown(answers[i]) {
			answers[i] = counterScript.load(ctx, pipe, []string{countKey(c.name)}, c.args...)
		}
	}
	if pipe.Len() > 0 {
		_, _ = pipe.Exec(ctx)
	}
	numbers := make([][]int64, len(calls))
	for i, answer := range answers {
		var err error
		if numbers[i], err = answer.Int64Slice(); err != nil {
			return nil, wrap("a counter", err)
		}
	}
	return numbers, nil
}

// Put implements [challenge.Keys].
func (s *Store) Put(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return wrap("a record", s.db.Do(ctx, "set", recordOf(name), value, "px", millis(ttl)).Err())
}

// Peek implements [challenge.Keys].
func (s *Store) Peek(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return value(s.db.Get(ctx, recordOf(name)).Result())
}

// Take implements [challenge.Keys].
func (s *Store) Take(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return value(send(ctx, s.db, 1, "getdel", recordOf(name)).Text())
}

func value(v string, err error) ([]byte, error) {
	if errors.Is(err, redis.Nil) {
		return nil, challenge.ErrNotFound
	}
	return []byte(v), wrap("a record", err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redisstore: %s: %w", what, err)
}

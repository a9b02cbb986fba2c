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
	err := s.db.Do(ctx, "set", onceKey(name), 1, "px", millis(ttl), "nx").Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, wrap("a once-only key", err)
}

// Count implements [challenge.Keys].
func (s *Store) Count(ctx context.Context, name string, l challenge.Limit) (challenge.Count, error) {
	if err := ctx.Err(); err != nil {
		return challenge.Count{}, err
	}
	answer, err := counterScript.Run(ctx, s.db, []string{countKey(name)}, l.Max, millis(l.Window), l.Penalty.Milliseconds()).Int64Slice()
	if err != nil {
		return challenge.Count{}, wrap("a counter", err)
	}
	n, left := answer[0], answer[1]
	return challenge.Count{N: int(n), Left: time.Duration(left) * time.Millisecond, Above: n > int64(l.Max)}, nil
}

// Refund implements [challenge.Keys]. With its last event the window goes too.
func (s *Store) Refund(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return wrap("a counter", counterScript.Run(ctx, s.db, []string{countKey(name)}).Err())
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
	return value(s.db.Get(ctx, recordOf(name)))
}

// Take implements [challenge.Keys].
func (s *Store) Take(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return value(s.db.GetDel(ctx, recordOf(name)))
}

func value(answer *redis.StringCmd) ([]byte, error) {
	v, err := answer.Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, challenge.ErrNotFound
	}
	return v, wrap("a record", err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redisstore: %s: %w", what, err)
}

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/challenge"
)

// roomKey says what contents take in all. It and they have one hash tag: their script keeps the two in step, and the cap is that of one
// Redis, in a cluster too.
const roomKey = "qrlogin:{contents}"

func contentKey(name string) string { return roomKey + ":" + challenge.HashOf(name).String() }

// Reserve implements [challenge.Contents].
func (s *Store) Reserve(ctx context.Context, name string, size int64, ttl time.Duration) error {
	n, err := s.content(ctx, name, "reserve", challenge.HashOf(name).String(), size, millis(ttl), s.Room)
	if err == nil && n == 0 {
		return challenge.ErrFull
	}
	if err == nil && n < 0 {
		return challenge.ErrConflict
	}
	return err
}

// Append implements [challenge.Contents].
func (s *Store) Append(ctx context.Context, name string, chunk []byte) error {
	n, err := s.content(ctx, name, "append", chunk)
	if err == nil && n == 0 {
		return challenge.ErrFull
	}
	return found(n, err)
}

// Chunk implements [challenge.Contents], in one round trip.
func (s *Store) Chunk(ctx context.Context, name string, n int) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	pipe := s.db.Pipeline()
	chunk := pipe.LIndex(ctx, contentKey(name), int64(n)+1) // the first says what may still come
	// In this order: a content that is there now was there then, so that one that goes is not taken for one that has no more.
	there := pipe.Exists(ctx, contentKey(name))
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, wrap("a content", err)
	}
	bytes, err := chunk.Bytes()
	if !errors.Is(err, redis.Nil) {
		return bytes, wrap("a content", err)
	}
	return nil, found(there.Val()-1, there.Err())
}

// Keep implements [challenge.Contents].
func (s *Store) Keep(ctx context.Context, name string, ttl time.Duration) error {
	return found(s.content(ctx, name, "keep", challenge.HashOf(name).String(), millis(ttl)))
}

// Remove implements [challenge.Contents].
func (s *Store) Remove(ctx context.Context, name string) error {
	_, err := s.content(ctx, name, "remove", challenge.HashOf(name).String())
	return err
}

// found makes the script's answer for a content that is not there a refusal.
func found(n int64, err error) error {
	if err == nil && n < 0 {
		return challenge.ErrNotFound
	}
	return err
}

// content runs the script, in one round trip.
func (s *Store) content(ctx context.Context, name string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	keys := []string{roomKey, contentKey(name)}
	answer := contentScript.run(ctx, s.db, keys, args...)
	if unknown(answer) {
		answer = contentScript.load(ctx, s.db, keys, args...)
	}
	n, err := answer.Int64()
	if err != nil {
		return 0, fmt.Errorf("redisstore: a content: %w", err)
	}
	return n, nil
}

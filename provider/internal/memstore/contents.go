package memstore

import (
	"bytes"
	"context"
	"sync"
	"time"

	"qrlogin/provider/internal/challenge"
)

// contents is every content, with one lock: they are few and large.
type contents struct {
	sync.Mutex
	m map[challenge.Hash]*content
}

// content is what has come of it so far. The lock of [contents] guards it.
type content struct {
	size, came int64
	chunks     [][]byte
	until      time.Time
	timer      *time.Timer
}

// at answers the content that is there now, nil for none.
func (c *contents) at(key challenge.Hash, now time.Time) *content {
	if found := c.m[key]; found != nil && now.Before(found.until) {
		return found
	}
	return nil
}

// drop forgets a content. The caller holds the lock.
func (c *contents) drop(key challenge.Hash) {
	if found := c.m[key]; found != nil {
		found.timer.Stop()
		delete(c.m, key)
	}
}

// sweep forgets what is over, whether or not its timer has come to it, and answers what the rest takes. The caller holds the lock.
func (c *contents) sweep(now time.Time) (taken int64) {
	for key, found := range c.m {
		if now.Before(found.until) {
			taken += found.size
		} else {
			c.drop(key)
		}
	}
	return taken
}

// Reserve implements [challenge.Contents].
func (s *Store) Reserve(ctx context.Context, name string, size int64, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now, key := time.Now(), challenge.HashOf(name)
	c := &s.contents
	c.Lock()
	defer c.Unlock()
	if size > s.Room-c.sweep(now) {
		return challenge.ErrFull
	}
	if c.m[key] != nil {
		return challenge.ErrConflict
	}
	ttl = ttlOf(ttl)
	c.m[key] = &content{size: size, until: now.Add(ttl), timer: time.AfterFunc(ttl, func() {
		c.Lock()
		defer c.Unlock()
		c.sweep(time.Now())
	})}
	return nil
}

// Append implements [challenge.Contents].
func (s *Store) Append(ctx context.Context, name string, chunk []byte) error {
	return s.content(ctx, name, func(found *content) error {
		if int64(len(chunk)) > found.size-found.came {
			return challenge.ErrFull
		}
		found.came += int64(len(chunk))
		found.chunks = append(found.chunks, bytes.Clone(chunk))
		return nil
	})
}

// Chunk implements [challenge.Contents].
func (s *Store) Chunk(ctx context.Context, name string, n int) (chunk []byte, err error) {
	err = s.content(ctx, name, func(found *content) error {
		if n < len(found.chunks) {
			chunk = bytes.Clone(found.chunks[n])
		}
		return nil
	})
	return chunk, err
}

// Keep implements [challenge.Contents].
func (s *Store) Keep(ctx context.Context, name string, ttl time.Duration) error {
	return s.content(ctx, name, func(found *content) error {
		ttl = ttlOf(ttl)
		found.until = time.Now().Add(ttl)
		found.timer.Reset(ttl)
		return nil
	})
}

// Remove implements [challenge.Contents].
func (s *Store) Remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.contents.Lock()
	defer s.contents.Unlock()
	s.contents.drop(challenge.HashOf(name))
	return nil
}

// content does something to a content, which must be there.
func (s *Store) content(ctx context.Context, name string, do func(*content) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.contents.Lock()
	defer s.contents.Unlock()
	found := s.contents.at(challenge.HashOf(name), time.Now())
	if found == nil {
		return challenge.ErrNotFound
	}
	return do(found)
}

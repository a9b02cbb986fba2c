package challenge

import (
	"context"
	"time"
)

// Contents keeps what phones hand off: ciphertext, in chunks, until the page has it. It is bounded over all nodes, and no dump of it
// shows a name.
type Contents interface {
	// Reserve makes room for a content of that many bytes, for ttl; [ErrFull] when there is none.
	Reserve(ctx context.Context, name string, size int64, ttl time.Duration) error

	// Append adds a chunk; [ErrNotFound] when nothing is reserved under that name, or not any more. It is never more than was reserved.
	Append(ctx context.Context, name string, chunk []byte) error

	// Chunk answers the chunk with that number, from 0, and nil past the last; [ErrNotFound].
	Chunk(ctx context.Context, name string, n int) ([]byte, error)

	// Keep has it end after ttl from now.
	Keep(ctx context.Context, name string, ttl time.Duration) error

	// Remove forgets it and gives its room back; of none it is no error.
	Remove(ctx context.Context, name string) error
}

package handoffs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"qrlogin/provider/internal/challenge"
)

// Kept is how long a handoff is there for its page after the redemption, if the page does not say before that it has it.
const Kept = time.Minute

// chunkSize is how much of a handoff is held in memory on its way, in bytes.
const chunkSize = 256 << 10

// ErrBroken says that a handoff ended before its length, or went on past it.
var ErrBroken = errors.New("handoffs: not as long as was said")

// Box keeps at most one handoff of each challenge.
type Box struct {
	Contents challenge.Contents
	Keys     challenge.Keys
}

// Upload is a handoff on its way in.
type Upload struct {
	Body       io.Reader
	Size       int64    // bytes; neither more nor less is taken
	MediaTypes []string // of what may be inside, any if there are none
}

// held is what is known of a handoff. Its content lies under a random name of its own: one that is on its way in does not touch what
// is there already.
type held struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"`
}

func keyOf(id challenge.ID) string { return "handoff " + id.String() }

// Receive takes a handoff in, chunk by chunk, in place of one that the challenge has; at the challenge's end it goes. It answers the
// handoff's SHA-256 in base64url. [ErrMalformed], [ErrBroken], challenge.ErrFull, or challenge.ErrWrongState when its time was over
// before it was there, or another of the challenge is on its way. Of what is refused nothing is kept, and what was there before stays.
func (b Box) Receive(ctx context.Context, r challenge.Record, u Upload) (digest string, err error) {
	began, left := time.Now(), r.ExpiresAt.Sub(r.Now)
	done, err := b.alone(ctx, r.ID, left)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, done()) }()
	h := held{Name: rand.Text(), Size: u.Size}
	if err := b.Contents.Reserve(ctx, h.Name, u.Size, left); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Contents.Remove(context.WithoutCancel(ctx), h.Name))
		}
	}()
	if h.Digest, err = b.take(ctx, h.Name, u); err != nil {
		return "", err
	}
	record, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	if err := b.Remove(ctx, r.ID); err != nil {
		return "", err
	}
	return h.Digest, b.Keys.Put(ctx, keyOf(r.ID), record, left-time.Since(began))
}

// alone has one upload of a challenge on its way at a time, until done: many at once would take many times the room, and of two that
// arrive in the same moment one would be out of reach.
func (b Box) alone(ctx context.Context, id challenge.ID, left time.Duration) (done func() error, err error) {
	key := "handoff coming " + id.String()
	done = func() error { return b.Keys.Refund(context.WithoutCancel(ctx), key) }
	n, err := b.Keys.Count(ctx, key, challenge.Limit{Max: 1, Window: left})
	if err == nil && n.Above {
		err = errors.Join(challenge.ErrWrongState, done())
	}
	return done, err
}

// take stores what comes, and nothing of it that has not been looked at.
func (b Box) take(ctx context.Context, name string, u Upload) (digest string, err error) {
	sum, check := sha256.New(), checker{mediaTypes: u.MediaTypes}
	buffer := make([]byte, min(u.Size, chunkSize))
	for left := u.Size; left > 0; {
		chunk := buffer[:min(left, chunkSize)]
		if _, err := io.ReadFull(u.Body, chunk); err != nil {
			return "", fmt.Errorf("%w: %w", ErrBroken, err)
		}
		if err := check.take(chunk); err != nil {
			return "", err
		}
		err := b.Contents.Append(ctx, name, chunk)
		if errors.Is(err, challenge.ErrNotFound) {
			return "", challenge.ErrWrongState
		}
		if err != nil {
			return "", err
		}
		_, _ = sum.Write(chunk)
		left -= int64(len(chunk))
	}
	if n, _ := io.ReadFull(u.Body, make([]byte, 1)); n > 0 {
		return "", ErrBroken
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)), check.end()
}

// held answers what is known of a challenge's handoff; challenge.ErrNotFound.
func (b Box) held(ctx context.Context, id challenge.ID) (h held, err error) {
	record, err := b.Keys.Peek(ctx, keyOf(id))
	if err != nil {
		return h, err
	}
	return h, json.Unmarshal(record, &h)
}

// Holds tells whether the challenge's handoff is there, and is the one with this digest.
func (b Box) Holds(ctx context.Context, id challenge.ID, digest string) (bool, error) {
	h, err := b.held(ctx, id)
	if errors.Is(err, challenge.ErrNotFound) {
		return false, nil
	}
	return err == nil && h.Digest == digest, err
}

// Keep has a challenge's handoff go after [Kept] from now; of none it is no error.
func (b Box) Keep(ctx context.Context, id challenge.ID) error {
	h, err := b.held(ctx, id)
	if err == nil {
		err = b.Contents.Keep(ctx, h.Name, Kept)
	}
	if errors.Is(err, challenge.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	record, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return b.Keys.Put(ctx, keyOf(id), record, Kept)
}

// Remove forgets a challenge's handoff; of none it is no error.
func (b Box) Remove(ctx context.Context, id challenge.ID) error {
	record, err := b.Keys.Take(ctx, keyOf(id))
	if errors.Is(err, challenge.ErrNotFound) {
		return nil
	}
	var h held
	if err == nil {
		err = json.Unmarshal(record, &h)
	}
	if err != nil {
		return err
	}
	return b.Contents.Remove(ctx, h.Name)
}

// Handoff is one that is there.
type Handoff struct {
	Size int64 // bytes

	name     string
	contents challenge.Contents
}

// Open finds a challenge's handoff; challenge.ErrNotFound.
func (b Box) Open(ctx context.Context, id challenge.ID) (Handoff, error) {
	h, err := b.held(ctx, id)
	if err == nil {
		_, err = b.Contents.Chunk(ctx, h.Name, 0)
	}
	return Handoff{Size: h.Size, name: h.Name, contents: b.Contents}, err
}

// Write writes it, chunk by chunk. An error leaves it incomplete; challenge.ErrNotFound when it went meanwhile.
func (h Handoff) Write(ctx context.Context, w io.Writer) error {
	for n := 0; ; n++ {
		chunk, err := h.contents.Chunk(ctx, h.name, n)
		if err != nil || chunk == nil {
			return err
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
}

package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

// Room is how many bytes the contents of a backend may take in all.
const Room = 4096

func reserve(t *testing.T, b Backend, name string, size int64) {
	t.Helper()
	want(t, "reserve", b.Contents.Reserve(t.Context(), name, size, time.Minute), nil)
}

func appends(t *testing.T, b Backend, name, chunk string) {
	t.Helper()
	want(t, "append", b.Contents.Append(t.Context(), name, []byte(chunk)), nil)
}

// holds fails unless the content is these chunks.
func holds(t *testing.T, b Backend, name string, chunks ...string) {
	t.Helper()
	for n, chunk := range chunks {
		got, err := b.Contents.Chunk(t.Context(), name, n)
		want(t, "chunk", err, nil)
		if string(got) != chunk {
			t.Fatalf("chunk %d is %q, want %q", n, got, chunk)
		}
	}
	if got, err := b.Contents.Chunk(t.Context(), name, len(chunks)); got != nil || err != nil {
		t.Fatalf("past the last chunk there is %q, %v", got, err)
	}
}

// holdsNothing fails unless nothing is kept under a name, nor can be.
func holdsNothing(t *testing.T, b Backend, name string) {
	t.Helper()
	_, err := b.Contents.Chunk(t.Context(), name, 0)
	want(t, "chunk", err, challenge.ErrNotFound)
	want(t, "append", b.Contents.Append(t.Context(), name, []byte("!")), challenge.ErrNotFound)
	want(t, "keep", b.Contents.Keep(t.Context(), name, time.Minute), challenge.ErrNotFound)
}

var contents = []test{
	{"AContentIsKeptChunkByChunkAndByteForByte", func(t *testing.T, b Backend) {
		holdsNothing(t, b, name)
		reserve(t, b, name, 20)
		holds(t, b, name)
		chunk := []byte("\x00one\xff;")
		want(t, "append", b.Contents.Append(t.Context(), name, chunk), nil)
		chunk[1] = 'O' // the caller's, not the store's
		appends(t, b, name, "two\n")
		reserve(t, b, "another", 5)
		appends(t, b, "another", "three")
		holds(t, b, name, "\x00one\xff;", "two\n")
		got, err := b.Contents.Chunk(t.Context(), name, 1)
		want(t, "chunk", err, nil)
		got[0] = 'T'
		holds(t, b, name, "\x00one\xff;", "two\n")
		holds(t, b, "another", "three")
	}},
	{"AChunkMayBeLarge", func(t *testing.T, b Backend) {
		chunks := []string{string(bytes.Repeat([]byte{'a'}, Room-1)), "b"}
		reserve(t, b, name, Room)
		for _, chunk := range chunks {
			appends(t, b, name, chunk)
		}
		holds(t, b, name, chunks...)
	}},
	{"NoMoreIsAppendedThanWasReserved", func(t *testing.T, b Backend) {
		reserve(t, b, name, 5)
		want(t, "append", b.Contents.Append(t.Context(), name, []byte("six!!!")), challenge.ErrFull)
		holds(t, b, name)
		appends(t, b, name, "four")
		want(t, "append", b.Contents.Append(t.Context(), name, []byte("!!")), challenge.ErrFull)
		appends(t, b, name, "!")
		want(t, "append", b.Contents.Append(t.Context(), name, []byte("!")), challenge.ErrFull)
		holds(t, b, name, "four", "!")
	}},
	{"ANameIsReservedOnce", func(t *testing.T, b Backend) {
		reserve(t, b, name, 5)
		appends(t, b, name, "first")
		want(t, "reserve", b.Contents.Reserve(t.Context(), name, 9, time.Hour), challenge.ErrConflict)
		holds(t, b, name, "first")
		reserve(t, b, "another", Room-5)
	}},
	{"WhatPassesTheRoomIsRefusedAndChangesNothing", func(t *testing.T, b Backend) {
		want(t, "reserve", b.Contents.Reserve(t.Context(), name, Room+1, time.Minute), challenge.ErrFull)
		reserve(t, b, name, Room-10)
		want(t, "reserve", b.Contents.Reserve(t.Context(), "another", 11, time.Minute), challenge.ErrFull)
		holdsNothing(t, b, "another")
		reserve(t, b, "another", 10) // what is reserved counts, and not what has come of it
		want(t, "reserve", b.Contents.Reserve(t.Context(), "a third", 1, time.Minute), challenge.ErrFull)
	}},
	{"OfManyReservedAtOnceNoMoreFitThanTheRoomHas", func(t *testing.T, b Backend) {
		errs := make([]error, 64)
		atOnce(len(errs), func(i int) {
			errs[i] = b.Contents.Reserve(t.Context(), fmt.Sprint(name, i), Room/10, time.Minute)
		})
		fit := 0
		for _, err := range errs {
			if err == nil {
				fit++
			} else if !errors.Is(err, challenge.ErrFull) {
				t.Fatal(err)
			}
		}
		if fit != 10 {
			t.Fatalf("%d contents of a tenth of the room fit into it", fit)
		}
	}},
	{"RemovingGivesTheRoomBackOnce", func(t *testing.T, b Backend) {
		want(t, "remove of none", b.Contents.Remove(t.Context(), name), nil)
		reserve(t, b, name, Room/2)
		appends(t, b, name, "something")
		reserve(t, b, "another", Room/2)
		for range 3 {
			want(t, "remove", b.Contents.Remove(t.Context(), name), nil)
		}
		holdsNothing(t, b, name)
		want(t, "reserve", b.Contents.Reserve(t.Context(), name, Room/2+1, time.Minute), challenge.ErrFull)
		reserve(t, b, name, Room/2)
		holds(t, b, name)
		holds(t, b, "another")
	}},
	{"ItsEndGivesTheRoomBack", func(t *testing.T, b Backend) {
		reserve(t, b, name, Room/2)
		appends(t, b, name, "something")
		want(t, "reserve", b.Contents.Reserve(t.Context(), "another", Room/2, time.Hour), nil)
		b.Advance(time.Minute)
		holdsNothing(t, b, name)
		holds(t, b, "another")
		want(t, "reserve", b.Contents.Reserve(t.Context(), "a third", Room/2+1, time.Minute), challenge.ErrFull)
		reserve(t, b, name, Room/2)
	}},
	{"ItIsKeptFromNowAndNotFromItsBeginning", func(t *testing.T, b Backend) {
		reserve(t, b, name, Room)
		appends(t, b, name, "something")
		b.Advance(30 * time.Second)
		want(t, "keep", b.Contents.Keep(t.Context(), name, time.Minute), nil)
		b.Advance(45 * time.Second) // past its first end
		holds(t, b, name, "something")
		want(t, "reserve", b.Contents.Reserve(t.Context(), "another", 1, time.Minute), challenge.ErrFull)
		b.Advance(15 * time.Second)
		holdsNothing(t, b, name)

		want(t, "reserve", b.Contents.Reserve(t.Context(), name, Room, time.Hour), nil)
		want(t, "keep", b.Contents.Keep(t.Context(), name, time.Minute), nil) // shorter, too
		b.Advance(time.Minute)
		holdsNothing(t, b, name)
		reserve(t, b, "another", Room)
	}},
	{"NothingStaysOfAContentAfterItsEnd", func(t *testing.T, b Backend) {
		empty := b.Dump()
		for i := range 8 {
			each := fmt.Sprint(name, i)
			reserve(t, b, each, Room/8)
			appends(t, b, each, fmt.Sprint("content ", i))
			if i%2 == 0 {
				want(t, "keep", b.Contents.Keep(t.Context(), each, 2*time.Minute), nil)
			}
		}
		dump := b.Dump()
		if !shows(dump, []byte("content 7")) {
			t.Fatal("the dump of a live content does not show it: the dump is of no use")
		}
		if shows(dump, []byte(name)) {
			t.Fatal("the dump shows a content's name")
		}
		for i, ttl := range []time.Duration{time.Hour, 2 * time.Hour} { // what was to stay longest does not
			want(t, "reserve", b.Contents.Reserve(t.Context(), fmt.Sprint("long ", i), 0, ttl), nil)
		}
		want(t, "keep", b.Contents.Keep(t.Context(), "long 0", time.Minute), nil)
		want(t, "remove", b.Contents.Remove(t.Context(), "long 1"), nil)
		b.Advance(2 * time.Minute)
		if dump := b.Dump(); dump != empty {
			t.Fatalf("the dump was %q, and after everybody's time it is %q", empty, dump)
		}
	}},
	{"NothingStaysOfAContentThatIsRemoved", func(t *testing.T, b Backend) {
		empty := b.Dump()
		reserve(t, b, name, 9)
		appends(t, b, name, "something")
		want(t, "remove", b.Contents.Remove(t.Context(), name), nil)
		if dump := b.Dump(); dump != empty {
			t.Fatalf("the dump was %q, and after the removal it is %q", empty, dump)
		}
	}},
	{"NoContentIsKeptForeverForWantOfATime", func(t *testing.T, b Backend) {
		for _, ttl := range []time.Duration{-time.Second, 0, time.Nanosecond} {
			want(t, "reserve", b.Contents.Reserve(t.Context(), name, Room, ttl), nil)
			b.Advance(time.Second)
			holdsNothing(t, b, name)
		}
	}},
	{"ACancelledContextIsAnsweredAndChangesNoContent", func(t *testing.T, b Backend) {
		reserve(t, b, name, 9)
		appends(t, b, name, "some")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		refusedByContext(t, "reserve", b.Contents.Reserve(ctx, "another", Room-9, time.Minute))
		refusedByContext(t, "append", b.Contents.Append(ctx, name, []byte("thing")))
		_, err := b.Contents.Chunk(ctx, name, 0)
		refusedByContext(t, "chunk", err)
		refusedByContext(t, "keep", b.Contents.Keep(ctx, name, time.Millisecond))
		refusedByContext(t, "remove", b.Contents.Remove(ctx, name))

		b.Advance(time.Second)
		holds(t, b, name, "some")
		reserve(t, b, "another", Room-9)
	}},
}

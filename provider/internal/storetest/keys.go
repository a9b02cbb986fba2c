package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

const name = "+8613800000000 from 203.0.113.7" // a key as doors make them: not to be read in the store

func first(t *testing.T, b Backend, key string, ttl time.Duration) bool {
	t.Helper()
	ok, err := b.Keys.First(t.Context(), key, ttl)
	want(t, "first", err, nil)
	return ok
}

func count(t *testing.T, b Backend, key string, l challenge.Limit) challenge.Count {
	t.Helper()
	c, err := b.Keys.Count(t.Context(), key, l)
	want(t, "count", err, nil)
	return c
}

func put(t *testing.T, b Backend, key, value string, ttl time.Duration) {
	t.Helper()
	want(t, "put", b.Keys.Put(t.Context(), key, []byte(value), ttl), nil)
}

// peeks fails unless the key has this value.
func peeks(t *testing.T, b Backend, key, value string) {
	t.Helper()
	got, err := b.Keys.Peek(t.Context(), key)
	want(t, "peek", err, nil)
	if string(got) != value {
		t.Fatalf("peek answers %q, want %q", got, value)
	}
}

func peeksNothing(t *testing.T, b Backend, key string) {
	t.Helper()
	_, err := b.Keys.Peek(t.Context(), key)
	want(t, "peek", err, challenge.ErrNotFound)
}

var keys = []test{
	{"AKeyIsFirstOnceWithinItsTime", func(t *testing.T, b Backend) {
		if !first(t, b, name, time.Minute) || !first(t, b, "another", time.Minute) {
			t.Fatal("a new key is not the first")
		}
		b.Advance(30 * time.Second)
		if first(t, b, name, time.Hour) {
			t.Fatal("a key is the first twice")
		}
		b.Advance(30 * time.Second) // the second use did not prolong it
		if !first(t, b, name, time.Minute) {
			t.Fatal("a key whose time is over is not the first")
		}
	}},
	{"OfManyFirstsAtOnceOneIs", func(t *testing.T, b Backend) {
		errs := make([]error, 64)
		atOnce(len(errs), func(i int) {
			ok, err := b.Keys.First(t.Context(), name, time.Minute)
			if err == nil && !ok {
				err = challenge.ErrConflict
			}
			errs[i] = err
		})
		oneSucceeds(t, errs, challenge.ErrConflict)
	}},
	{"ACountStandsUntilItsWindowEnds", func(t *testing.T, b Backend) {
		limit := challenge.Limit{Max: 2, Window: 10 * time.Minute}
		for i, above := range []bool{false, false, true, true} {
			c := count(t, b, name, limit)
			passed := time.Duration(i) * 2 * time.Minute
			if c.N != i+1 || c.Above != above {
				t.Fatalf("event %d is counted as %+v", i+1, c)
			}
			if c.Left > limit.Window-passed || c.Left < limit.Window-passed-time.Minute {
				t.Fatalf("%v after the first event %v are left", passed, c.Left)
			}
			b.Advance(2 * time.Minute)
		}
		if c := count(t, b, "another", limit); c.N != 1 {
			t.Fatalf("another key begins at %d", c.N)
		}
		b.Advance(2 * time.Minute)
		if c := count(t, b, name, limit); c.N != 1 || c.Above || c.Left < 9*time.Minute {
			t.Fatalf("a new window begins with %+v", c)
		}
	}},
	{"EachEventPastTheLimitProlongsTheWindow", func(t *testing.T, b Backend) {
		limit := challenge.Limit{Max: 1, Window: 10 * time.Minute, Penalty: 5 * time.Minute}
		count(t, b, name, limit)
		for i := range 3 {
			wanted := limit.Window + time.Duration(i+1)*limit.Penalty
			if c := count(t, b, name, limit); !c.Above || c.Left > wanted || c.Left < wanted-time.Minute {
				t.Fatalf("event %d is counted as %+v, want %v left", i+2, c, wanted)
			}
		}
		b.Advance(20 * time.Minute)
		if c := count(t, b, name, challenge.Limit{Max: 9, Window: limit.Window}); c.N != 5 {
			t.Fatalf("the window was not prolonged: %+v", c)
		}
		b.Advance(5 * time.Minute)
		if c := count(t, b, name, limit); c.N != 1 {
			t.Fatalf("the prolonged window has not ended: %+v", c)
		}
	}},
	{"OfManyCountsAtOnceNoneIsLost", func(t *testing.T, b Backend) {
		counts, errs := make([]challenge.Count, 64), make([]error, 64)
		limit := challenge.Limit{Max: 5, Window: time.Minute}
		atOnce(len(errs), func(i int) { counts[i], errs[i] = b.Keys.Count(t.Context(), name, limit) })
		seen, below := map[int]bool{}, 0
		for i, c := range counts {
			want(t, "count", errs[i], nil)
			seen[c.N] = true
			if !c.Above {
				below++
			}
		}
		if len(seen) != len(counts) || below != limit.Max {
			t.Fatalf("%d events were counted as %d, and %d of them within the limit of %d", len(counts), len(seen), below, limit.Max)
		}
	}},
	{"SeveralEventsAreCountedEachByItsOwnLimit", func(t *testing.T, b Backend) {
		few, many := challenge.Limit{Max: 1, Window: time.Minute}, challenge.Limit{Max: 9, Window: 10 * time.Minute}
		tallies := []challenge.Tally{{Key: name, Limit: few}, {Key: "another", Limit: many}, {Key: "another", Limit: many}}
		count(t, b, "another", many)
		for round, wanted := range [][]challenge.Count{{{N: 1}, {N: 2}, {N: 3}}, {{N: 2, Above: true}, {N: 4}, {N: 5}}} {
			counts, err := b.Keys.CountAll(t.Context(), tallies)
			want(t, "count all", err, nil)
			for i, c := range counts {
				if window := tallies[i].Limit.Window; c.Left > window || c.Left < window-time.Minute {
					t.Errorf("round %d, event %d: %v are left of %v", round, i, c.Left, window)
				}
				counts[i].Left = 0
			}
			if !slices.Equal(counts, wanted) {
				t.Fatalf("round %d: counted as %+v, want %+v", round, counts, wanted)
			}
		}
		if c := count(t, b, name, few); c.N != 3 { // the same counters as one by one
			t.Fatalf("the next event is number %d", c.N)
		}
		want(t, "refund", b.Keys.Refund(t.Context(), name, "another", "another", "a third"), nil)
		if c, other := count(t, b, name, few), count(t, b, "another", many); c.N != 3 || other.N != 4 {
			t.Fatalf("after the refund the next events are numbers %d and %d", c.N, other.N)
		}
		if counts, err := b.Keys.CountAll(t.Context(), nil); err != nil || len(counts) != 0 {
			t.Fatalf("nothing is counted as %v, %v", counts, err)
		}
		want(t, "refund of nothing", b.Keys.Refund(t.Context()), nil)
	}},
	{"OfManyCountedTogetherAtOnceNoneIsLost", func(t *testing.T, b Backend) {
		all, errs := make([][]challenge.Count, 64), make([]error, 64)
		tallies := []challenge.Tally{
			{Key: name, Limit: challenge.Limit{Max: 5, Window: time.Minute}}, {Key: "another", Limit: challenge.Limit{Max: 7, Window: time.Minute}},
		}
		atOnce(len(errs), func(i int) { all[i], errs[i] = b.Keys.CountAll(t.Context(), tallies) })
		for k, tally := range tallies {
			seen, below := map[int]bool{}, 0
			for i, counts := range all {
				want(t, "count all", errs[i], nil)
				seen[counts[k].N] = true
				if !counts[k].Above {
					below++
				}
			}
			if len(seen) != len(all) || below != tally.Limit.Max {
				t.Errorf("%d events were counted as %d, and %d of them within the limit of %d", len(all), len(seen), below, tally.Limit.Max)
			}
		}
	}},
	{"ARefundTakesOneEventBack", func(t *testing.T, b Backend) {
		limit := challenge.Limit{Max: 2, Window: 10 * time.Minute}
		refund := func() { t.Helper(); want(t, "refund", b.Keys.Refund(t.Context(), name), nil) }
		refund() // of nothing
		if c := count(t, b, name, limit); c.N != 1 {
			t.Fatalf("after a refund of nothing the first event is number %d", c.N)
		}
		count(t, b, name, limit)
		refund()
		if c := count(t, b, name, limit); c.N != 2 || c.Above {
			t.Fatalf("after two events and a refund the third is %+v", c)
		}
		b.Advance(5 * time.Minute)
		refund() // does not prolong the window
		if c := count(t, b, name, limit); c.N != 2 || c.Left > 5*time.Minute {
			t.Fatalf("a refund changed the window: %+v", c)
		}
		for range 3 {
			refund()
		}
		if c := count(t, b, name, limit); c.N != 1 || c.Left < 9*time.Minute {
			t.Fatalf("after all is refunded an event is %+v", c)
		}
	}},
	{"AValueIsKeptForItsTime", func(t *testing.T, b Backend) {
		peeksNothing(t, b, name)
		put(t, b, name, "one", time.Minute)
		peeks(t, b, name, "one")
		peeks(t, b, name, "one")
		put(t, b, name, "two", time.Hour)
		put(t, b, "another", "three", time.Hour)
		peeks(t, b, name, "two")
		b.Advance(2 * time.Minute)
		peeks(t, b, name, "two") // the first's time is over, the second's is not
		put(t, b, name, "four", time.Minute)
		b.Advance(time.Minute)
		peeksNothing(t, b, name)
		peeks(t, b, "another", "three")
	}},
	{"AValueIsKeptByteForByte", func(t *testing.T, b Backend) {
		value := []byte{0, 0xff, '\n', ';', 0}
		kept := bytes.Clone(value)
		want(t, "put", b.Keys.Put(t.Context(), name, value, time.Minute), nil)
		value[0] = 1 // the caller's, not the store's
		got, err := b.Keys.Peek(t.Context(), name)
		want(t, "peek", err, nil)
		if !bytes.Equal(got, kept) {
			t.Fatalf("peek answers %q, want %q", got, kept)
		}
		got[0] = 2
		if got, err = b.Keys.Take(t.Context(), name); err != nil || !bytes.Equal(got, kept) {
			t.Fatalf("take answers %q, %v, want %q", got, err, kept)
		}
		put(t, b, name, "", time.Minute)
		peeks(t, b, name, "")
	}},
	{"OfManyTakesAtOnceOneGetsTheValue", func(t *testing.T, b Backend) {
		put(t, b, name, "the value", time.Minute)
		errs := make([]error, 64)
		atOnce(len(errs), func(i int) {
			value, err := b.Keys.Take(t.Context(), name)
			if err == nil && string(value) != "the value" {
				err = fmt.Errorf("take answers %q", value)
			}
			errs[i] = err
		})
		oneSucceeds(t, errs, challenge.ErrNotFound)
		peeksNothing(t, b, name)
	}},
	{"AValueIsNotTakenAfterItsTime", func(t *testing.T, b Backend) {
		put(t, b, name, "the value", time.Minute)
		b.Advance(time.Minute)
		_, err := b.Keys.Take(t.Context(), name)
		want(t, "take", err, challenge.ErrNotFound)
	}},
	{"TheUsesOfANameAreApart", func(t *testing.T, b Backend) {
		put(t, b, name, "the value", time.Minute)
		if !first(t, b, name, time.Minute) {
			t.Fatal("a value makes its key used")
		}
		if c := count(t, b, name, challenge.Limit{Max: 1, Window: time.Minute}); c.N != 1 {
			t.Fatalf("the count begins at %d", c.N)
		}
		peeks(t, b, name, "the value")
	}},
	{"NothingIsKeptForeverForWantOfATime", func(t *testing.T, b Backend) {
		for _, ttl := range []time.Duration{-time.Second, 0, time.Nanosecond} {
			first(t, b, name, ttl)
			put(t, b, name, "the value", ttl)
			count(t, b, name, challenge.Limit{Max: 1, Window: ttl})
			b.Advance(time.Second)
			peeksNothing(t, b, name)
			if c := count(t, b, name, challenge.Limit{Max: 1, Window: ttl}); c.N != 1 {
				t.Fatalf("a window of %v has not ended: %+v", ttl, c)
			}
			if !first(t, b, name, ttl) {
				t.Fatalf("a key is used for longer than %v", ttl)
			}
			b.Advance(time.Second)
		}
	}},
	{"NoNameShowsAndNothingStaysUntouched", func(t *testing.T, b Backend) {
		empty := b.Dump()
		for i := range 100 {
			key := fmt.Sprint(name, i)
			first(t, b, key, time.Minute)
			count(t, b, key, challenge.Limit{Max: 1, Window: time.Minute})
			put(t, b, key, fmt.Sprint("value ", i), time.Minute)
		}
		dump := b.Dump()
		if !shows(dump, []byte("value 7")) {
			t.Fatal("the dump of a live record does not show it: the dump is of no use")
		}
		if shows(dump, []byte(name)) {
			t.Fatal("the dump shows a key's name")
		}
		b.Advance(time.Minute)
		if dump := b.Dump(); dump != empty {
			t.Fatalf("the dump was %q, and after everybody's time it is %q", empty, dump)
		}
	}},
	{"ACancelledContextIsAnsweredAndChangesNoKey", func(t *testing.T, b Backend) {
		put(t, b, name, "the value", time.Minute)
		limit := challenge.Limit{Max: 9, Window: time.Minute}
		count(t, b, name, limit)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		_, err := b.Keys.First(ctx, name, time.Minute)
		refusedByContext(t, "first", err)
		_, err = b.Keys.Count(ctx, name, limit)
		refusedByContext(t, "count", err)
		_, err = b.Keys.CountAll(ctx, []challenge.Tally{{Key: name, Limit: limit}, {Key: name, Limit: limit}})
		refusedByContext(t, "count all", err)
		refusedByContext(t, "refund", b.Keys.Refund(ctx, name))
		refusedByContext(t, "put", b.Keys.Put(ctx, name, []byte("another"), time.Minute))
		_, err = b.Keys.Peek(ctx, name)
		refusedByContext(t, "peek", err)
		_, err = b.Keys.Take(ctx, name)
		refusedByContext(t, "take", err)

		peeks(t, b, name, "the value")
		if c := count(t, b, name, limit); c.N != 2 {
			t.Fatalf("the counter stands at %d", c.N)
		}
		if !first(t, b, name, time.Minute) {
			t.Fatal("the key was used")
		}
	}},
}

package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

var swapping = []test{
	{"ASwapReplacesTheChallenge", func(t *testing.T, b Backend) {
		c := start(t, b)
		old := c.Record
		for _, event := range []challenge.Event{
			challenge.Visit{Browser: browser}, scan(c.ID), approve(), challenge.Redeem{Sealed: sealed, Window: time.Minute},
		} {
			next, err := old.Apply(event, old.Now)
			want(t, "apply", err, nil)
			r, err := b.Store.Swap(t.Context(), old.Version, next)
			want(t, "swap", err, nil)
			for what, r := range map[string]challenge.Record{"swap": r, "get": get(t, b, c.ID)} {
				if !reflect.DeepEqual(r.Challenge, next) {
					t.Fatalf("%s after %T answers\n%+v\nwant\n%+v", what, event, r.Challenge, next)
				}
			}
			old = r
		}
	}},
	{"ASwapOfAnOldVersionAnswersTheCurrentRecord", func(t *testing.T, b Backend) {
		c := start(t, b)
		current := apply(t, b, c.ID, visitFrom("192.0.2.1"), visitFrom("192.0.2.2"))
		stale, err := c.Apply(challenge.Cancel{}, c.Now)
		want(t, "apply", err, nil)
		for _, old := range []uint64{0, 1, 2, 4} {
			r, err := b.Store.Swap(t.Context(), old, stale)
			want(t, fmt.Sprintf("swap of version %d", old), err, challenge.ErrConflict)
			if !reflect.DeepEqual(r.Challenge, current.Challenge) {
				t.Fatalf("the conflict answers\n%+v\nwant\n%+v", r.Challenge, current.Challenge)
			}
		}
		if r := get(t, b, c.ID); !reflect.DeepEqual(r.Challenge, current.Challenge) {
			t.Fatalf("a refused swap changed the challenge: %+v", r)
		}
	}},
	{"ASwapOfATombstoneAnswersTheTombstone", func(t *testing.T, b Backend) {
		for _, end := range []func(c started){
			func(c started) { apply(t, b, c.ID, challenge.Cancel{}) },
			func(started) { b.Advance(challenge.Lifetime) }, // the version stays the same
		} {
			c := start(t, b)
			next, err := c.Apply(challenge.Visit{Browser: browser}, c.Now)
			want(t, "apply", err, nil)
			end(c)
			tombstone := get(t, b, c.ID)
			for _, old := range []uint64{c.Version, tombstone.Version} {
				r, err := b.Store.Swap(t.Context(), old, next)
				want(t, "swap", err, challenge.ErrConflict)
				if !reflect.DeepEqual(r.Challenge, tombstone.Challenge) {
					t.Fatalf("the conflict answers\n%+v\nwant\n%+v", r.Challenge, tombstone.Challenge)
				}
			}
			if r := get(t, b, c.ID); !r.State.Final() {
				t.Fatal("a tombstone came to life again")
			}
		}
	}},
	{"OfManySwapsAtOnceOneWins", func(t *testing.T, b Backend) {
		c := start(t, b)
		records, errs := make([]challenge.Record, 64), make([]error, 64)
		atOnce(len(errs), func(i int) {
			next, _ := c.Apply(visitFrom(fmt.Sprintf("192.0.2.%d", i)), c.Now)
			records[i], errs[i] = b.Store.Swap(t.Context(), c.Version, next)
		})
		oneSucceeds(t, errs, challenge.ErrConflict)
		won := get(t, b, c.ID).Challenge
		for i, r := range records {
			if !reflect.DeepEqual(r.Challenge, won) {
				t.Fatalf("caller %d was answered\n%+v\nwant the winner's\n%+v", i, r.Challenge, won)
			}
		}
	}},
	{"AChallengeLivesToItsEnd", func(t *testing.T, b Backend) {
		c := start(t, b)
		b.Advance(challenge.Lifetime / 2)
		apply(t, b, c.ID, challenge.Visit{Browser: browser}) // which does not prolong it
		b.Advance(challenge.Lifetime/2 - 10*time.Second)
		if r := get(t, b, c.ID); r.State != challenge.Pending {
			t.Fatalf("ten seconds before its end it is %v", r.State)
		}
		_, err := b.Store.Find(t.Context(), c.UserCode)
		want(t, "find", err, nil)
		b.Advance(10 * time.Second)
		if r := get(t, b, c.ID); r.State != challenge.Expired {
			t.Fatalf("at its end it is %v", r.State)
		}
	}},
}

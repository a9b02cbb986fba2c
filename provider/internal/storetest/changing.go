package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

// changing holds [challenge.Do] and [challenge.Wait] against the store.
var changing = []test{
	{"OfManyScansAtOnceOneClaims", func(t *testing.T, b Backend) {
		c := start(t, b)
		errs := make([]error, 64)
		atOnce(len(errs), func(i int) {
			e := scan(c.ID)
			e.Device = fmt.Sprintf("device %d", i)
			_, errs[i] = do(t.Context(), b, c.ID, e)
		})
		oneSucceeds(t, errs, challenge.ErrClaimedByAnother)
		if r := get(t, b, c.ID); r.Version != 2 || r.State != challenge.Claimed {
			t.Fatalf("after the scans: %+v", r)
		}
	}},
	{"OfManyRedemptionsAtOnceOneSucceeds", func(t *testing.T, b Backend) {
		c := start(t, b)
		apply(t, b, c.ID, scan(c.ID), approve())
		errs := make([]error, 64)
		atOnce(len(errs), func(i int) {
			_, errs[i] = do(t.Context(), b, c.ID, challenge.Redeem{Sealed: fmt.Append(nil, i), Window: time.Minute})
		})
		oneSucceeds(t, errs, challenge.ErrWrongState)
		winner := -1
		for i, err := range errs {
			if err == nil {
				winner = i
			}
		}
		if r := get(t, b, c.ID); string(r.Sealed) != fmt.Sprint(winner) {
			t.Fatalf("caller %d won, but %q is kept", winner, r.Sealed)
		}
	}},
	{"OfManyChangesAtOnceNoneIsLost", func(t *testing.T, b Backend) {
		c := start(t, b)
		errs := make([]error, 64)
		atOnce(len(errs), func(i int) {
			_, errs[i] = do(t.Context(), b, c.ID, visitFrom(fmt.Sprintf("address %d", i)))
		})
		for _, err := range errs {
			want(t, "visit", err, nil)
		}
		if r := get(t, b, c.ID); r.Version != c.Version+uint64(len(errs)) {
			t.Fatalf("%d changes made version %d", len(errs), r.Version)
		}
	}},
	{"WaitAnswersAChangeAsSoonAsItIsTheOne", func(t *testing.T, b Backend) {
		c := start(t, b)
		type answer struct {
			r   challenge.Record
			err error
		}
		answers := make(chan answer, 1)
		waiting := make(chan struct{})
		go func() {
			first := true
			r, err := challenge.Wait(t.Context(), b.Store, c.ID, c.Version, patience, func(r challenge.Record) (bool, error) {
				if first {
					close(waiting)
				}
				first = false
				return r.State == challenge.Approved, nil
			})
			answers <- answer{*r, err}
		}()
		<-waiting
		apply(t, b, c.ID, challenge.Visit{Browser: browser}, scan(c.ID), approve())
		a := <-answers
		want(t, "wait", a.err, nil)
		if a.r.State != challenge.Approved {
			t.Fatalf("wait answers %v, want approved", a.r.State)
		}
	}},
	{"WaitAnswersAnEnd", func(t *testing.T, b Backend) {
		c := start(t, b)
		go func() { _, _ = do(t.Context(), b, c.ID, challenge.Cancel{}) }()
		r, err := challenge.Wait(t.Context(), b.Store, c.ID, challenge.Latest, patience, never)
		want(t, "wait", err, nil)
		if r.State != challenge.Cancelled {
			t.Fatalf("wait answers %v, want cancelled", r.State)
		}
	}},
	{"WaitAnswersHowItStandsWhenTheTimeIsUp", func(t *testing.T, b Backend) {
		c := start(t, b)
		r, err := challenge.Wait(t.Context(), b.Store, c.ID, challenge.Latest, 50*time.Millisecond, never)
		want(t, "wait", err, nil)
		if r.State != challenge.Pending || r.Version != c.Version {
			t.Fatalf("wait answers %+v", r)
		}
	}},
	{"WaitAnswersHowItStandsWhenTheCallerGoes", func(t *testing.T, b Backend) {
		c := start(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		r, err := challenge.Wait(ctx, b.Store, c.ID, challenge.Latest, patience, never)
		want(t, "wait", err, nil)
		if r.State != challenge.Pending || ctx.Err() == nil {
			t.Fatalf("wait answers %+v", r)
		}
	}},
}

func never(challenge.Record) (bool, error) { return false, nil }

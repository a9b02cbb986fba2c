package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

var creating = []test{
	{"ANewChallengeIsAnsweredAsItWasCreated", func(t *testing.T, b Backend) {
		draft, deviceCode, watch := challenge.NewDraft(client, challenge.Policy{StaticCode: true}, request)
		r, err := b.Store.Create(t.Context(), draft)
		want(t, "create", err, nil)
		if wanted := draft.Begin(r.CreatedAt); !reflect.DeepEqual(r.Challenge, wanted) || r.Now.Before(r.CreatedAt) {
			t.Fatalf("create answers\n%+v\nwant\n%+v", r.Challenge, wanted)
		}
		if read := get(t, b, draft.ID()); !reflect.DeepEqual(read.Challenge, r.Challenge) {
			t.Fatalf("get answers\n%+v\nwant\n%+v", read.Challenge, r.Challenge)
		}
		if r.State != challenge.Pending || r.Version != 1 || !r.DeviceCode.Matches(deviceCode.Secret) || !r.Watch.Matches(watch.Secret) {
			t.Fatalf("not a new challenge: %+v", r)
		}
	}},
	{"AnUnknownChallengeIsNotFound", func(t *testing.T, b Backend) {
		draft, _, _ := challenge.NewDraft(client, challenge.Policy{}, challenge.Request{})
		unknown := draft.Begin(time.Now())
		_, err := b.Store.Get(t.Context(), unknown.ID)
		want(t, "get", err, challenge.ErrNotFound)
		_, err = b.Store.Find(t.Context(), unknown.UserCode)
		want(t, "find", err, challenge.ErrNotFound)
		for _, old := range []uint64{0, 1, 7} {
			_, err = b.Store.Swap(t.Context(), old, unknown)
			want(t, "swap", err, challenge.ErrNotFound)
		}
		_, err = b.Store.Get(t.Context(), unknown.ID)
		want(t, "get after the swaps", err, challenge.ErrNotFound)
	}},
	{"EveryRecordCarriesTheStoresClock", func(t *testing.T, b Backend) {
		c := start(t, b)
		const pass = 2 * time.Minute
		b.Advance(pass)
		read := get(t, b, c.ID)
		awaited, stop, err := b.Store.Await(t.Context(), c.ID, 0, func() {})
		want(t, "await", err, nil)
		stop()
		swapped := apply(t, b, c.ID, challenge.Visit{Browser: browser})
		for what, r := range map[string]challenge.Record{"get": read, "await": awaited, "swap": swapped} {
			if age := r.Now.Sub(r.CreatedAt); age < pass || age > pass+time.Minute {
				t.Errorf("%s: the challenge is %v old, want %v", what, age, pass)
			}
		}
	}},
	{"AUserCodeLeadsToItsChallenge", func(t *testing.T, b Backend) {
		c, other := start(t, b), start(t, b)
		for _, c := range []started{c, other} {
			id, err := b.Store.Find(t.Context(), c.UserCode)
			want(t, "find", err, nil)
			if id != c.ID {
				t.Fatal("the user code leads to another challenge")
			}
		}
	}},
	{"ATakenUserCodeIsRefusedAndFreeAgainAfterTheEnd", func(t *testing.T, b Backend) {
		for _, end := range []func(c started){
			func(c started) { apply(t, b, c.ID, challenge.Cancel{}) },
			func(started) { b.Advance(challenge.Lifetime) },
		} {
			c := start(t, b)
			draft, _, _ := challenge.NewDraft(client, challenge.Policy{}, challenge.Request{})
			draft = draft.WithUserCode(c.UserCode)
			_, err := b.Store.Create(t.Context(), draft)
			want(t, "create with a taken user code", err, challenge.ErrUserCodeTaken)
			_, err = b.Store.Get(t.Context(), draft.ID())
			want(t, "get of what was refused", err, challenge.ErrNotFound)

			end(c)
			_, err = b.Store.Create(t.Context(), draft)
			want(t, "create with a free user code", err, nil)
			id, err := b.Store.Find(t.Context(), c.UserCode)
			want(t, "find", err, nil)
			if id != draft.ID() {
				t.Fatal("the user code leads to the challenge that had it before")
			}
			apply(t, b, draft.ID(), challenge.Cancel{})
		}
	}},
	{"OfManyDraftsWithOneUserCodeOneIsCreated", func(t *testing.T, b Backend) {
		errs := make([]error, 64)
		code := challenge.NewUserCode()
		atOnce(len(errs), func(i int) {
			draft, _, _ := challenge.NewDraft(client, challenge.Policy{}, challenge.Request{})
			_, errs[i] = b.Store.Create(t.Context(), draft.WithUserCode(code))
		})
		oneSucceeds(t, errs, challenge.ErrUserCodeTaken)
	}},
	{"ADraftIsCreatedOnce", func(t *testing.T, b Backend) {
		draft, _, _ := challenge.NewDraft(client, challenge.Policy{}, challenge.Request{})
		_, err := b.Store.Create(t.Context(), draft)
		want(t, "create", err, nil)
		apply(t, b, draft.ID(), challenge.Visit{Browser: browser})
		if _, err := b.Store.Create(t.Context(), draft.WithUserCode(challenge.NewUserCode())); err == nil {
			t.Fatal("the same id was created twice")
		}
		if r := get(t, b, draft.ID()); r.Version != 2 || r.Browser != browser {
			t.Fatalf("the second draft replaced the challenge: %+v", r)
		}
		apply(t, b, draft.ID(), challenge.Cancel{})
		if _, err := b.Store.Create(t.Context(), draft); err == nil {
			t.Fatal("an id that had ended was created again")
		}
		if r := get(t, b, draft.ID()); r.State != challenge.Cancelled {
			t.Fatalf("the second draft replaced the tombstone: %+v", r)
		}
	}},
	{"ACancelledContextIsAnsweredAndChangesNothing", func(t *testing.T, b Backend) {
		c := start(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		draft, _, _ := challenge.NewDraft(client, challenge.Policy{}, challenge.Request{})
		next, err := c.Apply(challenge.Cancel{}, c.Now)
		want(t, "apply", err, nil)

		_, err = b.Store.Create(ctx, draft)
		refusedByContext(t, "create", err)
		_, err = b.Store.Get(ctx, c.ID)
		refusedByContext(t, "get", err)
		_, err = b.Store.Find(ctx, c.UserCode)
		refusedByContext(t, "find", err)
		_, err = b.Store.Swap(ctx, c.Version, next)
		refusedByContext(t, "swap", err)
		_, stop, err := b.Store.Await(ctx, c.ID, c.Version, func() {})
		refusedByContext(t, "await", err)
		stop()

		_, err = b.Store.Get(t.Context(), draft.ID())
		want(t, "get of what was not created", err, challenge.ErrNotFound)
		if r := get(t, b, c.ID); !reflect.DeepEqual(r.Challenge, c.Challenge) {
			t.Fatalf("the challenge has changed: %+v", r)
		}
	}},
}

// refusedByContext: an error of the store, and not a refusal by the rules.
func refusedByContext(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) || challenge.KindOf(err) != 0 {
		t.Errorf("%s with a cancelled context: got the error %v", what, err)
	}
}

// oneSucceeds: all the others got the one error.
func oneSucceeds(t *testing.T, errs []error, others error) {
	t.Helper()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
		} else if !errors.Is(err, others) {
			t.Fatalf("got the error %v, want %v", err, others)
		}
	}
	if winners != 1 {
		t.Fatalf("%d of %d succeeded, want one", winners, len(errs))
	}
}

package storetest

import (
	"context"
	"time"

	"qrlogin/provider/internal/challenge"
)

// Login does to a store what one login does: the site begins and waits, the browser waits and presents itself, a phone
// scans and approves, the site redeems. It is what benchmarks measure.
func Login(ctx context.Context, s challenge.Store, k challenge.Keys) error {
	draft, _, _ := challenge.NewDraft(client, challenge.Policy{StaticCode: true}, request)
	r, err := s.Create(ctx, draft)
	if err != nil {
		return err
	}
	id := r.ID
	send := func(e challenge.Event) error {
		_, err := challenge.Do(ctx, s, id, func(challenge.Record) (challenge.Event, error) { return e, nil })
		return err
	}
	if err := send(challenge.Visit{Browser: browser}); err != nil {
		return err
	}
	site, browser := make(chan error, 1), make(chan error, 1)
	go func() { site <- redeemWhenApproved(ctx, s, id) }()
	go func() { browser <- watch(ctx, s, id) }()
	for _, e := range []challenge.Event{scan(id), approve()} {
		if _, err := k.First(ctx, challenge.NewSecret(), time.Minute); err != nil {
			return err
		}
		if err := send(e); err != nil {
			return err
		}
	}
	if err := <-site; err != nil {
		return err
	}
	return <-browser
}

func redeemWhenApproved(ctx context.Context, s challenge.Store, id challenge.ID) error {
	r, err := challenge.Wait(ctx, s, id, challenge.Latest, patience, func(r challenge.Record) (bool, error) {
		return r.State == challenge.Approved, nil
	})
	if err != nil {
		return err
	}
	_, err = challenge.DoFrom(ctx, s, *r, func(challenge.Record) (challenge.Event, error) {
		return challenge.Redeem{Sealed: sealed, Window: 10 * time.Second}, nil
	})
	return err
}

// watch answers at each change, as the page asks again each time.
func watch(ctx context.Context, s challenge.Store, id challenge.ID) error {
	var after uint64
	for {
		r, err := challenge.Wait(ctx, s, id, after, patience, func(r challenge.Record) (bool, error) { return r.Version > after, nil })
		if err != nil || r.State == challenge.Redeemed {
			return err
		}
		after = r.Version
	}
}

package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"qrlogin/api"
)

// A Sale is a purchase at a machine: nobody is logged in there, and the machine itself shows the code.
type Sale struct {
	ChallengeID string
	Watch       string // the capability of whoever shows the code; it shows and cancels, and redeems nothing

	shop     *Shop
	purchase *purchase
}

// Sell asks whichever phone scans the code for an order.
func (s *Shop) Sell(ctx context.Context, lines []api.OrderLine, at api.Kiosk) (*Sale, error) {
	got, p, err := s.sell(ctx, lines, &at, nil)
	if err != nil {
		return nil, err
	}
	return &Sale{ChallengeID: got.ChallengeID, Watch: got.Watch, shop: s, purchase: p}, nil
}

// Ordered waits for what becomes of the sale, and tells whether there is an order.
func (x *Sale) Ordered(ctx context.Context) (bool, error) {
	select {
	case <-x.purchase.done:
		return x.purchase.outcome == ordered, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Paid waits for the payment of the order, and tells whether it came in time.
func (x *Sale) Paid(ctx context.Context) (bool, error) {
	for {
		got, err := x.shop.orders.await(ctx, x.purchase.account.ID, x.purchase.asked.OrderId, dueOpen, time.Now().Add(hold))
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || got.Due() != dueOpen {
			return err == nil && got.Due() == duePaid, err
		}
	}
}

// Close closes the order for payment, and tells whether it was paid before: who does not wait any longer gives nothing out.
func (x *Sale) Close(ctx context.Context) (paid bool, err error) {
	stands, err := x.shop.orders.shut(ctx, x.purchase.payment)
	return stands == duePaid, err
}

// Gone is the error for a challenge that has ended; Outcome says how, and is empty where the provider knows nothing of it any more.
type Gone struct{ Outcome api.Outcome }

func (g *Gone) Error() string { return fmt.Sprintf("the challenge is gone: %s", g.Outcome) }

// Look returns the challenge as the browser's door shows it, once its version is another than after; [Gone] when it has ended.
func (x *Sale) Look(ctx context.Context, after int64) (api.ChallengeView, error) {
	var view api.ChallengeView
	got, err := x.shop.provider.atChallenge(ctx, http.MethodGet, x.ChallengeID, "?after="+strconv.FormatInt(after, 10), x.Watch)
	switch {
	case err != nil:
	case got.status == http.StatusGone, got.status == http.StatusUnauthorized: // unknown: the capability is as it came
		var gone struct {
			Outcome api.Outcome `json:"outcome"`
		}
		_ = json.Unmarshal(got.body, &gone)
		err = &Gone{gone.Outcome}
	case got.status != http.StatusOK:
		err = &refusal{Status: got.status}
	case json.Unmarshal(got.body, &view) != nil:
		err = errors.New("the answer is no challenge")
	}
	if err != nil {
		return view, fmt.Errorf("look at a challenge: %w", err)
	}
	return view, nil
}

// Cancel ends the challenge, unless the phone has approved. What came of the sale is still Ordered's to say.
func (x *Sale) Cancel(ctx context.Context) error {
	return x.shop.provider.cancel(ctx, x.ChallengeID, x.Watch)
}

// Picture is the code of this moment as a PNG.
func (x *Sale) Picture(ctx context.Context) ([]byte, error) {
	return x.shop.provider.picture(ctx, x.ChallengeID, x.Watch)
}

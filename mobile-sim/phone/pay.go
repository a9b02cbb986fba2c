package phone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"qrlogin/api"
)

// What comes of a payment.
var (
	ErrNoBill         = errors.New("there is no order to pay")
	ErrBillDiffers    = errors.New("the shop asks for something else than was approved: nothing was paid")
	ErrPaymentExpired = errors.New("the time to pay this order is over")
	ErrPaymentPending = errors.New("the shop has not had the approval yet: pay again in a moment")
)

const (
	patience  = 10 * time.Second // with a shop that has not had the approval yet
	lookAgain = 500 * time.Millisecond
	maxBill   = 64 << 10 // bytes of a shop's answer
)

// Bill is what is to be paid of an order that was approved.
type Bill struct {
	URI      string `json:"payment_uri"`
	OrderID  string `json:"order_id"`
	Total    int64  `json:"total"` // in the currency's minor unit
	Currency string `json:"currency"`
}

// KeepBill has a home folder remember the order that was approved last, for Pay. An order without a payment_uri leaves nothing.
func KeepBill(home string, o *api.Order) error {
	if o == nil || o.PaymentUri == nil {
		return nil
	}
	return update(home, func(r *record) error {
		r.Bill = &Bill{URI: *o.PaymentUri, OrderID: o.OrderId, Total: o.Total, Currency: o.Currency}
		return nil
	})
}

// Payment is what a shop's payment page says.
type Payment struct {
	Status   string `json:"status"` // open, pending (the shop has not had the approval yet), paid, expired
	Merchant string `json:"merchant"`
	OrderID  string `json:"order_id"`
	Total    int64  `json:"total"` // in the currency's minor unit
	Currency string `json:"currency"`
	Digits   int    `json:"digits"` // of an amount, how many are decimals
}

// Pay pays at a payment_uri, or for "" the order that the home folder remembers, and returns what was paid. A shop that has not had the
// approval yet is asked again for ten seconds. Of the order that is remembered, nothing is paid but what was approved: otherwise the
// error is ErrBillDiffers.
func Pay(ctx context.Context, home, uri string) (Payment, error) {
	r, err := load(home, enrolledFile)
	if err != nil {
		return Payment{}, err
	}
	if uri == "" && r.Bill == nil {
		return Payment{}, ErrNoBill
	}
	bill := Bill{URI: uri}
	if r.Bill != nil && (uri == "" || uri == r.Bill.URI) {
		bill = *r.Bill
	}
	paid, err := bill.pay(ctx, r.Issuer)
	if err != nil {
		return Payment{}, fmt.Errorf("pay: %w", err)
	}
	return paid, update(home, func(r *record) error {
		if r.Bill != nil && r.Bill.URI == bill.URI {
			r.Bill = nil
		}
		return nil
	})
}

// pay goes to the loopback only for a provider that is there: another's shop has nothing on this machine.
func (b *Bill) pay(ctx context.Context, issuer string) (Payment, error) {
	provider, err := url.Parse(issuer)
	if err != nil {
		return Payment{}, err
	}
	u, err := url.Parse(b.URI)
	if err != nil || u.Host == "" || u.User != nil || !secure(u) || u.Scheme == "http" && !onLoopback(provider) {
		return Payment{}, errors.New("the payment URI is neither https nor http on the loopback where the provider is, too")
	}
	began := time.Now()
	for {
		asked, err := b.ask(ctx, http.MethodGet)
		if err == nil && asked.Status == "open" {
			if b.OrderID != "" && (asked.OrderID != b.OrderID || asked.Total != b.Total || asked.Currency != b.Currency) {
				return Payment{}, ErrBillDiffers
			}
			var answer Payment
			answer, err = b.ask(ctx, http.MethodPost)
			asked.Status = answer.Status
		}
		switch {
		case err != nil:
			return Payment{}, err
		case asked.Status == "paid":
			return asked, nil
		case asked.Status == "expired":
			return Payment{}, ErrPaymentExpired
		case asked.Status != "pending":
			return Payment{}, fmt.Errorf("the shop answered %q", asked.Status)
		case time.Since(began) >= patience:
			return Payment{}, ErrPaymentPending
		}
		select {
		case <-ctx.Done():
			return Payment{}, context.Cause(ctx)
		case <-time.After(lookAgain):
		}
	}
}

// ask sends one request: GET asks what is to be paid, POST pays it. The shop knows each payment once, so that what is lost on the way
// can be sent again.
func (b *Bill) ask(ctx context.Context, method string) (p Payment, err error) {
	_, err = persist(ctx, func() error {
		p = Payment{}
		req, err := http.NewRequestWithContext(ctx, method, b.URI, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Accept", "application/json")
		client := http.Client{
			Timeout: timeout,
			// What was approved names the shop's host, and another is not it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK, http.StatusConflict, http.StatusGone:
		default:
			return fmt.Errorf("the shop answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxBill))
		if err != nil {
			return err
		}
		if json.Unmarshal(text, &p) != nil || p.Digits < 0 || p.Digits > maxCurrencyDigits {
			return errors.New("the shop's answer is not what it should be")
		}
		return nil
	})
	return p, err
}

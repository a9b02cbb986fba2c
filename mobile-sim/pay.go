package main

import (
	"fmt"

	"qrlogin/mobile-sim/phone"
)

type payCmd struct {
	URI string `arg:"" optional:"" name:"uri" help:"The payment page of an order. Without it: that of the order that was approved last."`
}

func (payCmd) Help() string {
	return `Pays an order that was approved, at the shop's page for payments. There is no money in it: it is a sandbox. Where the shop then
asks for anything else than was approved, nothing is paid.

Examples:

  mobile-sim pay
  mobile-sim --json pay http://localhost:8080/pay/7F2Q

Exit status: 0 paid, 4 refused or expired, 1 anything else.`
}

// paid is what --json prints of a payment.
type paid struct {
	Result   string `json:"result"` // paid
	Merchant string `json:"merchant"`
	OrderID  string `json:"order_id"`
	Total    int64  `json:"total"`
	Currency string `json:"currency"`
	Digits   int    `json:"digits"`
}

func (c *payCmd) Run(a *app) error {
	got, err := phone.Pay(a, a.home, c.URI)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(a.view(), a.words.paid+"\n", amount(got.Total, got.Digits), safe(got.Currency), safe(got.Merchant), safe(got.OrderID))
	a.printJSON(paid{"paid", got.Merchant, got.OrderID, got.Total, got.Currency, got.Digits})
	return nil
}

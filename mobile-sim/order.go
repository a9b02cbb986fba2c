package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"qrlogin/api"
)

// showOrder says who sells, at which machine, what, for how much, and where it is paid. In a line of goods the name is the last: nothing
// in it can pass for an amount.
func (t *words) showOrder(b *strings.Builder, o *api.Order, digits int) {
	t.field(b, t.merchant, []string{safe(o.Merchant)})
	if o.Kiosk != nil {
		t.field(b, t.kiosk, []string{fmt.Sprintf(t.machine, safe(o.Kiosk.Id)), safe(o.Kiosk.Place)})
	}
	t.field(b, t.number, []string{safe(o.OrderId)})

	wide, wider := 0, 0
	for _, l := range o.Lines {
		wide = max(wide, len(strconv.FormatInt(l.Quantity, 10)))
		wider = max(wider, len(amount(l.UnitPrice, digits)))
	}
	goods := make([]string, 0, len(o.Lines))
	for _, l := range o.Lines {
		goods = append(goods, fmt.Sprintf("%*d × %*s  %s", wide, l.Quantity, wider, amount(l.UnitPrice, digits), safe(l.Name)))
	}
	t.field(b, t.goods, goods)
	t.field(b, t.sum, []string{amount(o.Total, digits) + " " + safe(o.Currency)})
	if o.PaymentUri != nil {
		t.field(b, t.pays, []string{fmt.Sprintf(t.payAt, payee(*o.PaymentUri))})
	}
}

// payee is the host that a payment goes to.
func payee(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return safe(uri)
	}
	return safeHost(u.Host)
}

// amount writes a whole number of a currency's minor unit with its decimals, to the unit.
func amount(minor int64, digits int) string {
	whole, negative := strings.CutPrefix(strconv.FormatInt(minor, 10), "-")
	if missing := digits + 1 - len(whole); missing > 0 {
		whole = strings.Repeat("0", missing) + whole
	}
	if digits > 0 {
		point := len(whole) - digits
		whole = whole[:point] + "." + whole[point:]
	}
	if negative {
		whole = "-" + whole
	}
	return whole
}

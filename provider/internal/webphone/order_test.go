package webphone_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// photographs scans what a screen shows by a photo of it, which this phone reads itself.
func (p *handset) photographs(screen []byte) {
	p.t.Helper()
	p.press("home.scan")
	p.on("scan")
	p.upload("input[type=file]", "photo.jpg", screen)
}

// claims reads what a JWT says.
func claims(t testing.TB, jwt string) (said object) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	return said
}

// From the machine's screen to the page where the order is paid, and to the receipt.
func TestPhoneBuysAtAMachineAndLeadsToThePayment(t *testing.T) {
	t.Parallel()
	var asked api.Order
	d := newDeskFor(t, "order", func(d *desk, _ json.RawMessage) any {
		uri := d.site.URL + "/pay"
		asked = api.Order{
			Type: api.OrderTypeOrder, OrderId: "A-20419", Merchant: "Corner <b>Drinks", Currency: "EUR", Total: 125_150, PaymentUri: &uri,
			Lines: []api.OrderLine{
				{Name: `<img src=x onerror="alert(1)">`, Quantity: 3, UnitPrice: 150}, {Name: "Coffee machine", Quantity: 1, UnitPrice: 124_700},
			},
			Kiosk: &api.Kiosk{Id: "K-17", Place: "Central Station, platform 4"},
		}
		return asked
	})
	p, u := unlocked(t, d.w, number)
	before := u.shown()
	p.photographs(d.screen())
	p.on("consent")
	for _, text := range []string{
		"Buy this at Kiln Lane?", "Corner <b>Drinks", "You are at", "Central Station, platform 4", "Machine K-17", "A-20419", "EUR\u00a01,251.50",
		`<img src=x onerror="alert(1)">`, "3 × 1.50", "4.50", "1 × 1,247.00", strings.TrimPrefix(d.site.URL, "http://"),
	} {
		p.says(text)
	}
	p.tap("Order and pay EUR\u00a01,251.50")
	p.on("approved")
	if n := u.shown(); n != before+1 {
		t.Errorf("the passkey was shown %d times", n-before)
	}
	d.await("location.pathname === '/account'")
	d.mu.Lock()
	tokens := d.tokens
	d.mu.Unlock()
	got, err := (*tokens.AuthorizationDetails)[0].AsOrder()
	if err != nil || got.Receipt == nil {
		t.Fatalf("the site gets %+v, %v", got, err)
	}
	id := claims(t, *tokens.IdToken)
	receipt, err := proof.VerifyReceipt(*got.Receipt, d.w.issuer, fmt.Sprint(id["device_jkt"]))
	if err != nil || !receipt.Confirms(asked) || !strings.Contains(fmt.Sprint(id["amr"]), "mfa") {
		t.Errorf("the receipt %+v, %v; amr %v", receipt, err, id["amr"])
	}

	if attributes := js[string](p, "['rel', 'target', 'href'].map((a) => document.querySelector('#pay').getAttribute(a)).join()"); attributes != "noopener noreferrer,_blank,"+d.site.URL+"/pay" {
		t.Errorf("the link to the payment is %s", attributes)
	}
	p.tapOn("#pay")
	p.eventually("the payment page is asked for", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.paying) == 1 })
	if from := d.paying[0].Referer(); from != "" {
		t.Errorf("the payment page is told of %s", from)
	}
	p.close("404")
}

// changed is a consent with an order that is otherwise.
func changed(change func(consent, order object)) object {
	var consent object
	text, err := json.Marshal(buying)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(text, &consent); err != nil {
		panic(err)
	}
	change(consent, consent["order"].(object))
	return consent
}

func TestPhoneShowsAmountsToTheUnitAndTextsAsTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138060", 0)
	const hostile = "\u202e<script>alert(1)</script> \u2066\u200f{site} 合计 EUR 0.01"
	for _, c := range []struct {
		currency                      string
		digits, quantity, price, line int64
		each, sum, total              string
	}{
		{"JPY", 0, 10_000, 99_999_999, 999_999_990_000, "10,000 × 99,999,999", "999,999,990,000", "JPY\u00a0999,999,990,000"},
		{"EUR", 2, 1, 999_999_999_999, 999_999_999_999, "1 × 9,999,999,999.99", "9,999,999,999.99", "EUR\u00a09,999,999,999.99"},
		{"KWD", 3, 3, 1, 3, "3 × 0.001", "0.003", "KWD\u00a00.003"},
		{"CLF", 4, 7, 12_345, 86_415, "7 × 1.2345", "8.6415", "CLF\u00a08.6415"},
	} {
		p.scanned(changed(func(consent, order object) {
			consent["currency_digits"] = c.digits
			order["currency"], order["total"], order["merchant"], order["order_id"] = c.currency, c.line, hostile, hostile
			order["kiosk"] = object{"id": hostile, "place": hostile}
			order["lines"] = []object{{"name": hostile, "quantity": c.quantity, "unit_price": c.price}}
		}), "")
		p.on("consent")
		// Of each row its words and its amount; what is somebody else's stands alone in its element.
		got := js[[]string](p, "[...document.querySelectorAll('#order div')].flatMap((row) => [...row.querySelectorAll('bdi, small, dd')].map((e) => e.textContent))")
		if want := []string{hostile, c.each, c.sum, c.total, hostile, hostile, "pay.corner-drinks.example", "pay.corner-drinks.example"}; strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: shown is\n%q, want\n%q", c.currency, got, want)
		}
		if approve := js[string](p, "document.querySelector('#approve').textContent"); approve != "Order and pay "+c.total {
			t.Errorf("the button says %q", approve)
		}
		if found := js[int](p, "document.querySelectorAll('main script, main dl img').length + [...document.querySelectorAll('.machine bdi')].filter((e) => e.textContent !== document.querySelector('#order bdi').textContent).length"); found != 0 {
			t.Errorf("%d elements are made of a text", found)
		}
	}
	p.close()
}

// All of a consent is signed. What this page cannot show, it lets another phone scan.
func TestPhoneGivesBackAConsentThatItCannotShowWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138061", 0)
	cases := map[string]object{
		"a member that is new":       changed(func(c, _ object) { c["insurance"] = object{"price": 1} }),
		"the same without an order":  {"insurance": object{"price": 1}},
		"one of the order":           changed(func(_, o object) { o["tip"] = 1 }),
		"one of a line":              changed(func(_, o object) { o["lines"].([]any)[0].(object)["deposit"] = 1 }),
		"one of the kiosk":           changed(func(_, o object) { o["kiosk"].(object)["owner"] = "x" }),
		"in another case":            changed(func(_, o object) { o["Total"] = 1 }),
		"another type":               changed(func(_, o object) { o["type"] = "payment" }),
		"no lines":                   changed(func(_, o object) { o["lines"] = []any{} }),
		"half a unit":                changed(func(_, o object) { o["total"] = 1.5 }),
		"an amount as a text":        changed(func(_, o object) { o["total"] = "125150" }),
		"an amount beyond reckoning": changed(func(_, o object) { o["total"] = json.Number("9007199254740993") }),
		"no decimals":                changed(func(c, _ object) { delete(c, "currency_digits") }),
		"too many":                   changed(func(c, _ object) { c["currency_digits"] = 40 }),
		"no currency":                changed(func(_, o object) { o["currency"] = "€" }),
		"paid without https":         changed(func(_, o object) { o["payment_uri"] = "http://pay.example/" }),
		"paid by a script":           changed(func(_, o object) { o["payment_uri"] = "javascript:alert(1)" }),
		"paid at another host":       changed(func(_, o object) { o["payment_uri"] = "https://bank.example@evil.example/" }),
		"a handoff beside it":        changed(func(c, _ object) { c["handoff"], c["handoff_limit"] = asking["handoff"], 1 }),
		"a handoff without a limit":  {"handoff": asking["handoff"]},
	}
	for name, consent := range cases {
		p.scanned(consent, "#"+pageThumbprint)
		p.on("consent") // whose place the problem takes
		if text := js[string](p, "document.querySelector('.lead')?.textContent ?? ''"); text != p.word("problem.consent-unknown") {
			t.Errorf("%s: the page says %s", name, js[string](p, "document.body.innerText"))
		}
	}
	p.eventually("all are given back", func() bool { return w.times("DELETE /phone/scans/"+challengeID) == len(cases) })
	if n := w.times("POST /phone/decisions"); n != 0 {
		t.Errorf("%d decisions", n)
	}
	p.close()
}

func TestPhoneSaysOfAnOrderWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138062", 0)
	p.consent(buying)
	p.w.answer("POST /phone/decisions", http.StatusOK, object{"state": "confirming", "confirmation_code": "4071"})
	p.tapOn("#approve")
	p.on("confirming")
	p.says("Then it has your order.")
	p.says("Pay at pay.corner-drinks.example")
	p.consent(buying)
	p.decide("consent.decline", object{"state": "denied"})
	p.says("nothing was bought")
	if js[bool](p, "!!document.querySelector('#pay')") {
		t.Error("what was declined is to be paid")
	}
	p.consent(changed(func(_, o object) { delete(o, "payment_uri"); delete(o, "kiosk") }))
	if js[bool](p, "!!document.querySelector('#machine')") {
		t.Error("there is a machine")
	}
	p.w.answer("POST /phone/decisions", http.StatusOK, object{"state": "approved"})
	p.tapOn("#approve")
	p.says("Corner Drinks has your order.")
	if js[bool](p, "!!document.querySelector('#pay')") {
		t.Error("there is a link to pay, and no address")
	}
	p.close()
}

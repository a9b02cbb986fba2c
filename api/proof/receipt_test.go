package proof

import (
	"crypto/ecdsa"
	"encoding/json"
	"strings"
	"testing"

	"qrlogin/api"
)

// ordered is an order, and the consent in which a phone is shown it.
func ordered(t testing.TB) (api.Order, []byte) {
	t.Helper()
	uri := "https://shop.example/pay/1"
	order := api.Order{
		Type: api.OrderTypeOrder, OrderId: "A-1", Merchant: "The Shop", Currency: "CNY", Total: 64_000, PaymentUri: &uri,
		Lines: []api.OrderLine{{Name: "月亮罐", Quantity: 1, UnitPrice: 48_000}, {Name: "Bowl", Quantity: 1, UnitPrice: 16_000}},
		Kiosk: &api.Kiosk{Id: "lobby-1", Place: "Lobby, ground floor"},
	}
	return order, consenting(t, order)
}

func consenting(t testing.TB, order api.Order) []byte {
	t.Helper()
	consent := api.Consent{Challenge: challenge, Order: &order, Scopes: []string{"openid"}, ClaimedAt: now}
	consent.Client.Id, consent.Client.Name, consent.Client.Domains = "shop", "The Shop", []string{}
	raw, err := json.Marshal(consent)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func signedBy(t testing.TB, key *ecdsa.PrivateKey, s Statement) string {
	t.Helper()
	jws, err := SignDecision(key, s, now)
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

func TestAReceiptSaysWhatWasOrderedWhereAndBySomebodyOfThatKey(t *testing.T) {
	key := newKey(t)
	order, consent := ordered(t)
	jws := signedBy(t, key, Statement{Audience: issuer, Challenge: challenge, Verdict: Approve, Consent: consent, PIN: true})
	r, err := VerifyReceipt(jws, issuer, Thumbprint(&key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	if r.ClientID != "shop" || !r.At.Equal(now) || !r.PIN || !r.Confirms(order) {
		t.Errorf("the receipt says %+v", r)
	}
	order.Receipt = &jws // as the token response has it
	if !r.Confirms(order) {
		t.Error("with the receipt in it, the order is another one")
	}
}

func TestAReceiptOfAnotherOrderConfirmsNothing(t *testing.T) {
	key := newKey(t)
	asked, consent := ordered(t)
	r, err := VerifyReceipt(signedBy(t, key, Statement{Audience: issuer, Challenge: challenge, Verdict: Approve, Consent: consent}), issuer, Thumbprint(&key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	other := "https://elsewhere.example/pay/1"
	for what, change := range map[string]func(*api.Order){
		"an earlier one":     func(o *api.Order) { o.OrderId = "A-0" },
		"the total":          func(o *api.Order) { o.Total++ },
		"the currency":       func(o *api.Order) { o.Currency = "EUR" },
		"a line's quantity":  func(o *api.Order) { o.Lines[0].Quantity++ },
		"a line's price":     func(o *api.Order) { o.Lines[1].UnitPrice-- },
		"a line's name":      func(o *api.Order) { o.Lines[1].Name = "Bow1" },
		"a line more":        func(o *api.Order) { o.Lines = append(o.Lines, o.Lines[0]) },
		"a line less":        func(o *api.Order) { o.Lines = o.Lines[:1] },
		"the merchant":       func(o *api.Order) { o.Merchant = "The Shop " },
		"the kiosk's place":  func(o *api.Order) { o.Kiosk = &api.Kiosk{Id: "lobby-1", Place: "Cellar"} },
		"no kiosk":           func(o *api.Order) { o.Kiosk = nil },
		"where it is paid":   func(o *api.Order) { o.PaymentUri = &other },
		"not being paid for": func(o *api.Order) { o.PaymentUri = nil },
	} {
		changed := asked
		changed.Lines = append([]api.OrderLine(nil), asked.Lines...)
		change(&changed)
		if r.Confirms(changed) {
			t.Errorf("%s: it confirms %+v", what, changed)
		}
	}
}

func TestWhatIsNoReceiptIsRefused(t *testing.T) {
	key, other := newKey(t), newKey(t)
	_, consent := ordered(t)
	good := Statement{Audience: issuer, Challenge: challenge, Verdict: Approve, Consent: consent}
	device := Thumbprint(&key.PublicKey)
	with := func(change func(*Statement)) string {
		s := good
		change(&s)
		return signedBy(t, key, s)
	}
	for what, c := range map[string]struct{ jws, issuer, device, says string }{
		"another key":           {signedBy(t, other, good), issuer, device, "another key"},
		"no key named":          {signedBy(t, key, good), issuer, "", "another key"},
		"a refusal":             {with(func(s *Statement) { s.Verdict = Deny }), issuer, device, "a refusal"},
		"another provider":      {signedBy(t, key, good), "https://other.example", device, "aud"},
		"another challenge":     {with(func(s *Statement) { s.Challenge = "BBBBBBBBBBBBBBBBBBBBBBBBBB" }), issuer, device, "another challenge"},
		"a login":               {with(func(s *Statement) { s.Consent = []byte(`{"challenge":"` + challenge + `"}`) }), issuer, device, "no order"},
		"no consent":            {with(func(s *Statement) { s.Consent = []byte("x") }), issuer, device, "no consent"},
		"a changed signature":   {strings.TrimSuffix(signedBy(t, key, good), "A") + "A", issuer, device, ""},
		"nothing":               {"", issuer, device, "decision"},
		"a proof, not decision": {mustProof(t, key), issuer, device, "decision"},
	} {
		if what == "a changed signature" {
			parts := strings.Split(signedBy(t, key, good), ".")
			c.jws = parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))
		}
		if _, err := VerifyReceipt(c.jws, c.issuer, c.device); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want something of %q", what, err, c.says)
		}
	}
}

func mustProof(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	jws, err := SignDPoP(key, "POST", issuer+"/phone/decisions", "", now)
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

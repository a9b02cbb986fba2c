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

// loginConsent asks for a login and nothing else.
var loginConsent = []byte(`{"challenge":"` + challenge + `"}`)

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
	header := map[string]any{"typ": DecisionType, "alg": "ES256", "jwk": members(t, key)}
	claims := decisionMembers()
	claims["consent"] = base64url.EncodeToString(consent)
	saying := func(order string) string {
		return with(func(s *Statement) {
			s.Consent = []byte(strings.TrimSuffix(string(loginConsent), "}") + `,"order":` + order + "}")
		})
	}
	for what, c := range map[string]struct{ jws, issuer, device, says string }{
		"another key":           {signedBy(t, other, good), issuer, device, "another key"},
		"no key named":          {signedBy(t, key, good), issuer, "", "another key"},
		"a refusal":             {with(func(s *Statement) { s.Verdict = Deny }), issuer, device, "a refusal"},
		"another provider":      {signedBy(t, key, good), "https://other.example", device, "aud"},
		"another challenge":     {with(func(s *Statement) { s.Challenge = "BBBBBBBBBBBBBBBBBBBBBBBBBB" }), issuer, device, "another challenge"},
		"a login":               {with(func(s *Statement) { s.Consent = loginConsent }), issuer, device, "no order"},
		"ES384":                 {es384(t, key, header, claims), issuer, device, "signing method"},
		"an order of null":      {saying("null"), issuer, device, "none that is known"},
		"an order in words":     {saying(`"a bowl"`), issuer, device, "none that is known"},
		"more than is known":    {saying(`{"type":"order","tip":100}`), issuer, device, "none that is known"},
		"a fraction":            {saying(`{"type":"order","total":0.5}`), issuer, device, "none that is known"},
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

// Whatever a phone was shown: what verifies is an approval of one order by that key, and confirms that order and no other.
func FuzzVerifyReceipt(f *testing.F) {
	key, other := newKey(f), newKey(f)
	device := Thumbprint(&key.PublicKey)
	_, consent := ordered(f)
	f.Add(consent, true)
	f.Add(consent, false)
	f.Add(loginConsent, true)
	f.Add([]byte(`{"challenge":"`+challenge+`","order":null}`), true)
	f.Add([]byte(`{"challenge":"`+challenge+`","order":{"total":1,"Total":2},"ORDER":{}}`), true)
	f.Add([]byte(`{"challenge":"`+challenge+`","order":{"total":9223372036854775807,"lines":[{}]}}`), true)
	f.Fuzz(func(t *testing.T, consent []byte, approve bool) {
		s := Statement{Audience: issuer, Challenge: challenge, Verdict: Deny, Consent: consent}
		if approve {
			s.Verdict = Approve
		}
		jws := signedBy(t, key, s)
		r, err := VerifyReceipt(jws, issuer, device)
		if err != nil {
			if r.Key != nil || r.Confirms(api.Order{Type: api.OrderTypeOrder}) {
				t.Fatal("a refused receipt says something")
			}
			return
		}
		if !approve || r.Thumbprint != device || r.Challenge != challenge || !r.Confirms(r.Order) {
			t.Fatalf("verified, and says %+v", r)
		}
		changed := r.Order
		changed.Total ^= 1
		if r.Confirms(changed) {
			t.Fatal("confirms another total")
		}
		if _, err := VerifyReceipt(jws, issuer+"/", device); err == nil {
			t.Fatal("verifies for another provider")
		}
		if _, err := VerifyReceipt(jws, issuer, Thumbprint(&other.PublicKey)); err == nil {
			t.Fatal("verifies by another key")
		}
	})
}

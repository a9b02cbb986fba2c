package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
)

// An order (RFC 9396): what the phone shows is what it signs, and the site gets both back.

var seller = app.Client{
	ID: "store", Secret: shopSecret, Name: "The Store", Origins: []string{"https://store.example"},
	RedirectURIs: []string{"https://store.example/callback"}, DetailTypes: []string{"order"},
}

func anOrder() api.Order {
	uri := "https://store.example/pay/1"
	return api.Order{
		Type: api.OrderTypeOrder, OrderId: "A-1", Merchant: "The Store", Currency: "CNY", Total: 64_000, PaymentUri: &uri,
		Lines: []api.OrderLine{{Name: "月亮罐 & <b>", Quantity: 1, UnitPrice: 48_000}, {Name: "Bowl", Quantity: 1, UnitPrice: 16_000}},
		Kiosk: &api.Kiosk{Id: "lobby-1", Place: "Lobby"},
	}
}

func detailsOf(t testing.TB, all ...any) string {
	t.Helper()
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// orders begins a challenge for an order.
func (w *world) orders(o api.Order, parameters ...string) api.DeviceAuthorization {
	w.t.Helper()
	return w.begun(seller, append(parameters, "authorization_details", detailsOf(w.t, o))...)
}

// wantOrder holds tokens against an order of this phone.
func (w *world) wantOrder(tokens api.TokenResponse, p rawPhone, want api.Order) proof.Receipt {
	w.t.Helper()
	if tokens.AuthorizationDetails == nil || len(*tokens.AuthorizationDetails) != 1 {
		w.t.Fatalf("the details are %v", tokens.AuthorizationDetails)
	}
	got, err := (*tokens.AuthorizationDetails)[0].AsOrder()
	if err != nil || got.Receipt == nil {
		w.t.Fatalf("the order is %+v, %v", got, err)
	}
	device, _ := claimsOf(w.t, *tokens.IdToken)["device_jkt"].(string)
	if device != p.id() {
		w.t.Errorf("device_jkt is %q, want %q", device, p.id())
	}
	r, err := proof.VerifyReceipt(*got.Receipt, w.issuer, device)
	if err != nil {
		w.t.Fatal(err)
	}
	if r.ClientID != seller.ID || !r.Confirms(got) || !r.Confirms(want) {
		w.t.Errorf("the receipt is over %+v of %s, the answer has %+v, and %+v was asked for", r.Order, r.ClientID, got, want)
	}
	return r
}

func TestAnOrderIsShownSignedAndGivenBackWithItsReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	p := w.rawPhone().enrolled("+8613800138000")
	asked := anOrder()
	started := w.orders(asked)
	claim := p.claim(started)
	shown := consentOf(t, claim)
	if shown.Order == nil || detailsOf(t, *shown.Order) != detailsOf(t, asked) || shown.CurrencyDigits == nil || *shown.CurrencyDigits != 2 {
		t.Errorf("the consent shows %+v with %v digits", shown.Order, shown.CurrencyDigits)
	}
	if shown.Phone != nil {
		t.Error("the receipt would tell the site where the phone is")
	}
	jws := p.states(proof.Statement{Audience: w.issuer, Challenge: claim.ChallengeId, Verdict: proof.Approve, Consent: decode64(t, claim.Consent), PIN: true})
	w.sendDecision(jws).wants(t, "approve", http.StatusOK, "")
	first := w.pollAs(seller.ID, seller.Secret, started, "")
	tokens := w.read(first)
	r := w.wantOrder(tokens, p, asked)
	if !r.PIN {
		t.Error("the receipt does not say that the PIN was asked for")
	}
	if amr := fmt.Sprint(claimsOf(t, *tokens.IdToken)["amr"]); amr != "[pop user pin]" {
		t.Errorf("amr is %s", amr)
	}
	// RFC 8628 and the redelivery window: the same bytes again.
	if again := w.pollAs(seller.ID, seller.Secret, started, ""); !bytes.Equal(again.Body, first.Body) {
		t.Errorf("again: %d %s", again.Status, again.Body)
	}
}

func TestALoginHasNeitherDetailsNorTheDevicesKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := w.login(w.rawPhone().enrolled("+8613800138000"))
	if _, there := claimsOf(t, *tokens.IdToken)["device_jkt"]; there || tokens.AuthorizationDetails != nil {
		t.Errorf("a login says %v, %v", claimsOf(t, *tokens.IdToken), tokens.AuthorizationDetails)
	}
}

// SECURITY.md §3 B4: an order slipped in.
func TestAnOrderThatIsChangedBetweenConsentAndSignatureIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.orders(anOrder())
	claim := p.claim(started)
	shown := decode64(t, claim.Consent)
	for what, change := range map[string][2]string{
		"the amount":   {`"total":64000`, `"total":6400`},
		"a line":       {`"unit_price":48000`, `"unit_price":4800`},
		"a quantity":   {`"quantity":1`, `"quantity":2`},
		"the merchant": {`"merchant":"The Store"`, `"merchant":"My Store"`},
		"the kiosk":    {`"place":"Lobby"`, `"place":"Cellar"`},
		"the currency": {`"currency":"CNY"`, `"currency":"EUR"`},
		"the payment":  {`store.example/pay/1`, `store.example/pay/2`},
		"the digits":   {`"currency_digits":2`, `"currency_digits":0`},
		"no order":     {`"order":`, `"other":`},
	} {
		changed := bytes.Replace(shown, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, shown) {
			t.Fatalf("%s: not changed", what)
		}
		w.sendDecision(p.signedFor(w.issuer, claim.ChallengeId, proof.Approve, changed)).
			wants(t, what, http.StatusUnprocessableEntity, "consent-mismatch")
	}
	w.wantState(started, api.ChallengeStateClaimed)
}

func TestAnApprovalOfAnEarlierOrderIsNotOneOfThis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	p := w.rawPhone().enrolled("+8613800138000")
	first := p.claim(w.orders(anOrder()))
	started := w.orders(anOrder()) // the same goods once more
	second := p.claim(started)
	for what, jws := range map[string]string{
		"as it was":        p.signed(first, proof.Approve),
		"for this one":     p.signedFor(w.issuer, second.ChallengeId, proof.Approve, decode64(t, first.Consent)),
		"this for the old": p.signedFor(w.issuer, first.ChallengeId, proof.Approve, decode64(t, second.Consent)),
	} {
		if what == "as it was" {
			w.sendDecision(jws).wants(t, what, http.StatusOK, "") // it approves the first alone
			continue
		}
		w.sendDecision(jws).wants(t, what, http.StatusUnprocessableEntity, "consent-mismatch")
	}
	w.wantState(started, api.ChallengeStateClaimed)
}

func TestAnOrderThatCannotBeIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	line := func(o *api.Order) *api.OrderLine { return &o.Lines[0] }
	bad := map[string]string{
		"not an array":         `{"type":"order"}`,
		"nothing":              `[]`,
		"two":                  detailsOf(t, anOrder(), anOrder()),
		"no type":              `[{"order_id":"1"}]`,
		"another type":         `[{"type":"payment_initiation"}]`,
		"not registered":       `[{"type":"handoff","kind":"bookmarks"}]`,
		"an unknown member":    strings.Replace(detailsOf(t, anOrder()), `"type"`, `"tip":1,"type"`, 1),
		"a repeated member":    strings.Replace(detailsOf(t, anOrder()), `"total":64000`, `"total":1,"total":64000`, 1),
		"a member in capitals": strings.Replace(detailsOf(t, anOrder()), `"total":`, `"Total":1,"total":`, 1),
		"a fraction":           strings.Replace(detailsOf(t, anOrder()), `"total":64000`, `"total":64000.5`, 1),
		"a text for a number":  strings.Replace(detailsOf(t, anOrder()), `"total":64000`, `"total":"64000"`, 1),
		"an overflow":          strings.Replace(detailsOf(t, anOrder()), `"total":64000`, `"total":18446744073709615616`, 1),
		"a receipt":            strings.Replace(detailsOf(t, anOrder()), `"type"`, `"receipt":"x","type"`, 1),
		"something behind":     detailsOf(t, anOrder()) + "1",
		"too much":             "[" + strings.Repeat(" ", 17<<10) + "]",
	}
	for what, change := range map[string]func(*api.Order){
		"a zero quantity":       func(o *api.Order) { line(o).Quantity = 0 },
		"a negative quantity":   func(o *api.Order) { line(o).Quantity = -1 },
		"a negative price":      func(o *api.Order) { line(o).UnitPrice = -48_000; o.Total = -32_000 },
		"a zero total":          func(o *api.Order) { o.Lines = o.Lines[:1]; line(o).UnitPrice = 0; o.Total = 0 },
		"a negative total":      func(o *api.Order) { o.Total = -64_000 },
		"a wrong sum":           func(o *api.Order) { o.Total++ },
		"a sum that overflows":  func(o *api.Order) { line(o).UnitPrice, line(o).Quantity = 1_000_000_000_000, 10_000; o.Total = 1 },
		"an unknown currency":   func(o *api.Order) { o.Currency = "ABC" },
		"a currency in words":   func(o *api.Order) { o.Currency = "cny" },
		"no currency":           func(o *api.Order) { o.Currency = "" },
		"no lines":              func(o *api.Order) { o.Lines = nil },
		"101 lines":             func(o *api.Order) { o.Lines = slices.Repeat(o.Lines[:1], 101); o.Total = 4_848_000 },
		"no merchant":           func(o *api.Order) { o.Merchant = "" },
		"no order id":           func(o *api.Order) { o.OrderId = "" },
		"a turned name":         func(o *api.Order) { line(o).Name = "a\u202eb" },
		"a name of two lines":   func(o *api.Order) { line(o).Name = "a\nb" },
		"a long name":           func(o *api.Order) { line(o).Name = strings.Repeat("陶", 101) },
		"a kiosk without name":  func(o *api.Order) { o.Kiosk.Id = "" },
		"a payment by http":     func(o *api.Order) { *o.PaymentUri = "http://store.example/pay" },
		"a payment by script":   func(o *api.Order) { *o.PaymentUri = "javascript:alert(1)" },
		"a payment with a name": func(o *api.Order) { *o.PaymentUri = "https://bank.example@evil.example/" },
		"a payment by no host":  func(o *api.Order) { *o.PaymentUri = "https://:443/pay" },
	} {
		o := anOrder()
		change(&o)
		bad[what] = detailsOf(t, o)
	}
	for what, text := range bad {
		a := w.begin(seller, "authorization_details", text)
		a.wants(t, what, http.StatusBadRequest, "invalid_authorization_details")
		var told api.OAuthError
		if a.decode(t, &told); told.ErrorDescription == nil || !strings.HasPrefix(*told.ErrorDescription, "authorization_details: ") {
			t.Errorf("%s: it does not say what is wrong: %s", what, a.Body)
		} else if strings.ContainsFunc(*told.ErrorDescription, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			t.Errorf("%s: it is no description by RFC 6749 §5.2: %s", what, a.Body)
		}
	}
	long := anOrder()
	long.Lines, long.Total = slices.Repeat(long.Lines[:1], 10_000), 480_000_000
	a := w.begin(seller, "authorization_details", detailsOf(t, long))
	a.wants(t, "10,000 lines", http.StatusRequestEntityTooLarge, "invalid_request")
	if !bytes.Contains(a.Body, []byte("too large")) {
		t.Errorf("10,000 lines: it does not say what is wrong: %s", a.Body)
	}
	w.begin(app.Client{ID: "shop", Secret: shopSecret}, "authorization_details", detailsOf(t, anOrder())).
		wants(t, "a site that is not registered for orders", http.StatusBadRequest, "invalid_authorization_details")
}

// The longest that may be asked for can be shown, signed and given back.
func TestTheLargestOrderGoesThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	p := w.rawPhone().enrolled("+8613800138000")
	asked := anOrder()
	asked.Lines = nil
	for i := range 100 {
		asked.Lines = append(asked.Lines, api.OrderLine{Name: fmt.Sprintf("%d %s", i, strings.Repeat("陶", 32)), Quantity: 1, UnitPrice: 640})
	}
	if n := len(detailsOf(t, asked)); n > 16<<10 || n < 12<<10 {
		t.Fatalf("the order takes %d bytes", n)
	}
	started := w.orders(asked)
	p.approve(started)
	w.wantOrder(w.read(w.pollAs(seller.ID, seller.Secret, started, "")), p, asked)
}

// RFC 10027 §6.1.15: authenticate, then initiate.
func TestAStrictSitesOrderNeedsASignedInSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) {
		strict := seller
		strict.Policy.Orders = "signed-in"
		c.Clients = append(slices.Clone(c.Clients), strict)
	})
	mine, another := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	w.begin(seller, "authorization_details", detailsOf(t, anOrder())).wants(t, "nobody is logged in", http.StatusBadRequest, "login_required")
	login := w.begun(seller)
	mine.approve(login)
	hint := *w.read(w.pollAs(seller.ID, seller.Secret, login, "")).IdToken
	started := w.orders(anOrder(), "id_token_hint", hint)
	another.scan(w.frame(started)).wants(t, "another's phone", http.StatusForbidden, "other-account")
	mine.approve(started)
	w.wantOrder(w.read(w.pollAs(seller.ID, seller.Secret, started, "")), mine, anOrder())
}

// SECURITY.md §5: a phone that joined an account orders nothing before it works.
func TestAPhoneThatWaitsOrdersNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	w.rawPhone().enrolled("+8613800138000")
	second := w.rawPhone().enrolled("+8613800138000")
	started := w.orders(anOrder())
	second.scan(w.frame(started)).wants(t, "a phone that waits", http.StatusForbidden, "device-waiting")
	w.wantState(started, api.ChallengeStatePending)
}

// By the code flow the order comes with the tokens as well; no session answers in a person's place.
func TestAnOrderByTheProvidersPageIsAskedForEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	p := w.rawPhone().enrolled("+8613800138000")
	v := w.visitor()
	_, tokens := v.byPushedScan(p, seller, true, "authorization_details", detailsOf(t, anOrder())) // and a session begins
	w.wantOrder(tokens, p, anOrder())
	q := askingAs(seller, "authorization_details", detailsOf(t, anOrder()), "prompt", "none")
	if told := v.told(v.authorize(w.pushedAs(seller, q))).Get("error"); told != "login_required" {
		t.Errorf("within the session it is answered %s", told)
	}
	_, tokens = v.byPushedScan(p, seller, false, "authorization_details", detailsOf(t, anOrder()))
	w.wantOrder(tokens, p, anOrder())
	for what, text := range map[string]string{
		"a handoff":   `[{"type":"handoff","kind":"bookmarks"}]`,
		"a wrong sum": strings.Replace(detailsOf(t, anOrder()), `"total":64000`, `"total":6400`, 1),
	} {
		w.form("/par", seller.ID, seller.Secret, askingAs(seller, "authorization_details", text)).
			wants(t, what, http.StatusBadRequest, "invalid_authorization_details")
	}
}

func TestARefreshTokenBringsNoOrderAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) {
		offline := seller
		offline.Scopes = []string{"openid", "offline_access"}
		c.Clients = append(slices.Clone(c.Clients), offline)
	})
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.orders(anOrder(), "scope", "openid offline_access")
	p.approve(started)
	tokens := w.read(w.pollAs(seller.ID, seller.Secret, started, ""))
	w.wantOrder(tokens, p, anOrder())
	again := w.read(w.form("/token", seller.ID, seller.Secret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {*tokens.RefreshToken}}))
	if again.AuthorizationDetails != nil {
		t.Error("there is an order again")
	}
	if _, there := claimsOf(t, *again.IdToken)["device_jkt"]; there {
		t.Error("there is the device's key again")
	}
}

func TestOfAnOrderThatWasDeclinedOrExpiredNothingStays(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		declined, forgotten := w.orders(anOrder()), w.orders(anOrder())
		p.decide(p.claim(declined), proof.Deny)
		w.pollAs(seller.ID, seller.Secret, declined, "").wants(t, "declined", http.StatusBadRequest, "access_denied")
		p.claim(forgotten)
		time.Sleep(5*time.Minute + 30*time.Second)
		w.pollAs(seller.ID, seller.Secret, forgotten, "").wants(t, "expired", http.StatusBadRequest, "expired_token")
	}, withClient(seller))
}

package shop

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
)

// buys starts a purchase of two rain cups and returns what the provider was asked for.
func (b *browser) buys(w *world) *fakeChallenge {
	b.t.Helper()
	if r := b.post("/buy/challenge?piece=cup&quantity=2"); r.StatusCode != http.StatusOK || strings.Contains(r.body, ".device") {
		b.t.Fatalf("POST /buy/challenge: %d %s", r.StatusCode, r.body)
	}
	return w.provider.newest()
}

// bought expects the purchase to end in an order, and returns its page.
func (b *browser) bought(c *fakeChallenge) string {
	b.t.Helper()
	r := b.post("/buy/finish")
	if want := `{"location":"/orders/` + c.order.OrderId + `"}`; r.StatusCode != http.StatusOK || r.body != want {
		b.t.Fatalf("POST /buy/finish: %d %s; want %s", r.StatusCode, r.body, want)
	}
	return html.UnescapeString(b.get("/orders/" + c.order.OrderId).body)
}

// counts how many rows a table of the shop has.
func counts(t *testing.T, s *Shop, table string) (n int) {
	t.Helper()
	if err := s.accounts.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *browser) json(method, path string) (int, map[string]any) {
	b.t.Helper()
	r := b.do(method, path, "Accept", "application/json")
	var got map[string]any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		b.t.Fatalf("%s %s: %d %s", method, path, r.StatusCode, r.body)
	}
	return r.StatusCode, got
}

func (c *fakeChallenge) payPath(w *world) string {
	return strings.TrimPrefix(*c.order.PaymentUri, w.url)
}

func TestThePhoneMakesTheOrderAndTheAccount(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	c := b.buys(w)
	o := *c.order
	if o.Type != api.OrderTypeOrder || o.Merchant != "Kiln Lane" || o.Currency != "CNY" || o.Total != 17600 || len(o.Lines) != 1 ||
		o.Lines[0] != (api.OrderLine{Name: "Rain cup", Quantity: 2, UnitPrice: 8800}) || o.Kiosk != nil || c.hint != "" {
		t.Errorf("asked for %+v with hint %q", o, c.hint)
	}
	if !regexp.MustCompile(`^` + regexp.QuoteMeta(w.url) + `/pay/[\w-]{43}$`).MatchString(*o.PaymentUri) {
		t.Errorf("to be paid at %s", *o.PaymentUri)
	}
	w.provider.decide(c.id, "approve")
	page := b.bought(c)
	for _, want := range []string{"Ordered. Now the payment.", "Rain cup", "2 × ¥88", "¥176", o.OrderId, *o.PaymentUri} {
		if !strings.Contains(page, want) {
			t.Errorf("the order's page lacks %q", want)
		}
	}
	if page := b.get("/account").body; !strings.Contains(page, "your account is new") {
		t.Error("the browser is not logged in to a new account")
	}
	if list := b.get("/orders").body; !strings.Contains(list, "/orders/"+o.OrderId) || !strings.Contains(list, "to be paid") {
		t.Errorf("the list of orders lacks it: %s", list)
	}
	var receipt string
	if err := w.shop.accounts.db.QueryRow(`SELECT receipt FROM orders`).Scan(&receipt); err != nil || strings.Count(receipt, ".") != 2 {
		t.Errorf("kept as the receipt: %q, %v", receipt, err)
	}
	if left := counts(t, w.shop, `purchases WHERE device_code <> '' OR nonce <> ''`); left != 0 {
		t.Error("the secrets of the purchase are still there")
	}
}

func TestWhoIsLoggedInBuysWithTheirOwnPhoneAlone(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	c := b.buys(w)
	if strings.Count(c.hint, ".") != 2 {
		t.Errorf("the hint is %q", c.hint)
	}
	w.provider.decide(c.id, "approve")
	b.bought(c)
	if n := counts(t, w.shop, "accounts"); n != 1 {
		t.Errorf("%d accounts", n)
	}
}

func TestALoginThatHasEndedAtTheProviderBuysAsNobody(t *testing.T) {
	w := newWorld(t, func(f *fakeProvider) {
		f.device = func(w http.ResponseWriter, r *http.Request) bool {
			if r.PostFormValue("id_token_hint") != "" {
				answer(w, http.StatusBadRequest, map[string]string{"error": "login_required"})
				return true
			}
			return false
		}
	})
	b := w.browser(t)
	b.logIn(w)
	c := b.buys(w)
	b.isNobody()
	w.provider.decide(c.id, "approve")
	b.bought(c)
}

func TestAShopWhoseOrdersNameTheirBuyerSaysThatItNeedsALogin(t *testing.T) {
	w := newWorld(t, func(f *fakeProvider) {
		f.device = func(w http.ResponseWriter, r *http.Request) bool {
			answer(w, http.StatusBadRequest, map[string]string{"error": "login_required"})
			return true
		}
	})
	if r := w.browser(t).post("/buy/challenge?piece=cup"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}

func TestWhoClosesThePageHasTheOrder(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	c := b.buys(w)
	w.provider.decide(c.id, "approve") // nobody asks /buy/finish
	waitUntil(t, func() bool { return counts(t, w.shop, "orders") == 1 })
	b.logIn(w)
	if list := b.get("/orders").body; !strings.Contains(list, c.order.OrderId) {
		t.Error("the order is not there")
	}
}

func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to pass")
		}
	}
}

func TestADeclinedAndAnExpiredPurchaseLeaveNoOrder(t *testing.T) {
	for verdict, want := range map[string]string{
		"access_denied": `{"status":"denied"}`, "expired_token": `{"status":"expired"}`, "invalid_grant": `{"status":"expired"}`,
	} {
		w := newWorld(t)
		b := w.browser(t)
		c := b.buys(w)
		w.provider.decide(c.id, verdict)
		b.finish(http.StatusGone, want)
		b.isNobody()
		noAccounts(t, w)
		if n := counts(t, w.shop, "orders"); n != 0 {
			t.Errorf("%s: %d orders", verdict, n)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, got := b.json(method, c.payPath(w))
			if got["status"] != "expired" || method == http.MethodPost && status != http.StatusGone {
				t.Errorf("%s: %s answers %d %v", verdict, method, status, got)
			}
		}
	}
}

// What the provider answers, what the phone signed and what the shop asked for are one order, or there is none.
func TestAnOrderThatIsNotTheOneAskedForIsRefused(t *testing.T) {
	elsewhere := "https://evil.example/pay/x"
	change := map[string]func(*api.Order){
		"amount":     func(o *api.Order) { o.Total++ },
		"unit price": func(o *api.Order) { o.Lines = []api.OrderLine{{Name: "Rain cup", Quantity: 2, UnitPrice: 1}} },
		"line":       func(o *api.Order) { o.Lines = append(o.Lines[:1:1], api.OrderLine{Name: "x", Quantity: 1}) },
		"merchant":   func(o *api.Order) { o.Merchant = "Kiln Lain" },
		"currency":   func(o *api.Order) { o.Currency = "JPY" },
		"kiosk":      func(o *api.Order) { o.Kiosk = &api.Kiosk{Id: "K-1", Place: "Elsewhere"} },
		"order id":   func(o *api.Order) { o.OrderId = "another" },
		"payment":    func(o *api.Order) { o.PaymentUri = &elsewhere },
		"no payment": func(o *api.Order) { o.PaymentUri = nil },
	}
	for name, tamper := range change {
		for where, prepare := range map[string]func(*fakeProvider){
			"the answer":  func(f *fakeProvider) { f.answers = func(order, _ *api.Order) { tamper(order) } },
			"the receipt": func(f *fakeProvider) { f.answers = func(_, shown *api.Order) { tamper(shown) } },
			"both":        func(f *fakeProvider) { f.answers = func(order, shown *api.Order) { tamper(order); tamper(shown) } },
		} {
			t.Run(name+" in "+where, func(t *testing.T) { refusesOrder(t, newWorld(t, prepare)) })
		}
	}
	for name, prepare := range map[string]func(*fakeProvider){
		"no receipt":                 func(f *fakeProvider) { f.receipt = func(string) string { return "" } },
		"a receipt cut short":        func(f *fakeProvider) { f.receipt = func(r string) string { return r[:len(r)-4] } },
		"a receipt of another phone": func(f *fakeProvider) { f.claims = func(c map[string]any) { c["device_jkt"] = "another" } },
		"a receipt for another site": func(f *fakeProvider) { f.site = "another" },
		"no phone named":             func(f *fakeProvider) { f.claims = func(c map[string]any) { delete(c, "device_jkt") } },
	} {
		t.Run(name, func(t *testing.T) { refusesOrder(t, newWorld(t, prepare)) })
	}
}

func refusesOrder(t *testing.T, w *world) {
	t.Helper()
	b := w.browser(t)
	c := b.buys(w)
	w.provider.decide(c.id, "approve")
	b.finish(http.StatusUnprocessableEntity, `{"status":"rejected"}`)
	b.isNobody()
	noAccounts(t, w)
	if n := counts(t, w.shop, "orders"); n != 0 {
		t.Errorf("%d orders", n)
	}
	if status, got := b.json(http.MethodPost, c.payPath(w)); status != http.StatusGone || got["status"] != "expired" {
		t.Errorf("the payment answers %d %v", status, got)
	}
}

// An earlier receipt in place of the right one, alone and together with the order that it is of.
func TestAReceiptOfAnEarlierOrderIsRefused(t *testing.T) {
	for _, whole := range []bool{false, true} {
		receipt, order := "", api.Order{}
		w := newWorld(t, func(f *fakeProvider) {
			f.answers = func(answered, _ *api.Order) {
				if order.OrderId == "" {
					order = *answered
				}
				if whole {
					*answered = order
				}
			}
			f.receipt = func(r string) string {
				if receipt == "" {
					receipt = r
				}
				return receipt
			}
		})
		b := w.browser(t)
		c := b.buys(w)
		w.provider.decide(c.id, "approve")
		b.bought(c)
		c = b.buys(w) // the same goods for the same price
		w.provider.decide(c.id, "approve")
		b.finish(http.StatusUnprocessableEntity, `{"status":"rejected"}`)
		if n := counts(t, w.shop, "orders"); n != 1 {
			t.Errorf("%d orders", n)
		}
	}
}

func TestSixtyFourDeliveriesOfOneApprovalMakeOneOrder(t *testing.T) {
	f := newFakeProvider()
	defer f.Close()
	s := shopOn(t, f, t.TempDir())
	defer s.Close()
	_, p, err := s.begin(t.Context(), []api.OrderLine{Goods(true)[2].Line(1)}, nil, nil) // followed by nobody
	if err != nil {
		t.Fatal(err)
	}
	c := f.newest()
	given := tokens{IDToken: f.idToken(c.nonce), Details: []api.Order{f.signed(c)}}
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			a, _, result, err := s.settle(t.Context(), p, given)
			if err != nil || result != ordered || a.ID != 1 || a.Visits != 1 {
				t.Errorf("%s for account %d at visit %d, %v", result, a.ID, a.Visits, err)
			}
		})
	}
	all.Wait()
	if orders, accounts := counts(t, s, "orders"), counts(t, s, "accounts"); orders != 1 || accounts != 1 {
		t.Errorf("%d orders of %d accounts", orders, accounts)
	}
}

// shopOn is a shop that keeps its data in a folder and serves nobody.
func shopOn(t *testing.T, f *fakeProvider, folder string) *Shop {
	t.Helper()
	s, err := New(Config{URL: "http://localhost:8080", Issuer: f.URL, ClientID: fakeClient, ClientSecret: fakeSecret, Data: folder})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The provider has redeemed, and the shop dies before the answer reaches it: what starts again gets the answer again.
func TestAShopThatDiesBetweenTokenAndOrderHasOneOrderAfterItIsBack(t *testing.T) {
	dying := make(chan struct{})
	var once sync.Once
	f := newFakeProvider()
	defer f.Close()
	redeemed := make(chan struct{})
	f.token = func(_ http.ResponseWriter, r *http.Request) bool {
		lost := false
		once.Do(func() { lost = true })
		if lost {
			f.serveToken(httptest.NewRecorder(), r) // redeems, and the answer goes nowhere
			close(redeemed)
			<-dying
		}
		return lost
	}
	folder := t.TempDir()
	s := shopOn(t, f, folder)
	if _, _, err := s.sell(t.Context(), []api.OrderLine{Goods(true)[2].Line(1)}, nil, nil); err != nil {
		t.Fatal(err)
	}
	f.decide(f.newest().id, "approve")
	<-redeemed
	if n := counts(t, s, "orders"); n != 0 {
		t.Fatalf("%d orders already", n)
	}
	s.end() // as if killed: nothing more is written
	close(dying)
	s.Close()

	for range 2 { // and a second start finds nothing left to do
		s = shopOn(t, f, folder)
		waitUntil(t, func() bool { return counts(t, s, "orders") == 1 })
		s.followers.Wait()
		if _, n := f.counted(); n != 1 {
			t.Errorf("redeemed %d times", n)
		}
		if n := counts(t, s, "purchases WHERE outcome = 'ordered'"); n != 1 {
			t.Errorf("%d purchases ended in an order", n)
		}
		s.Close()
	}
}

func TestAnOrderIsPaidOnce(t *testing.T) {
	w := newWorld(t)
	b, phone := w.browser(t), w.browser(t)
	c := b.buys(w)
	path := c.payPath(w)
	if status, got := phone.json(http.MethodGet, path); status != http.StatusOK || got["status"] != "pending" {
		t.Errorf("before the approval: %d %v", status, got)
	}
	if status, got := phone.json(http.MethodPost, path); status != http.StatusConflict || got["status"] != "pending" {
		t.Errorf("paid before the approval: %d %v", status, got)
	}
	w.provider.decide(c.id, "approve")
	b.bought(c)
	status, got := phone.json(http.MethodGet, path)
	want := map[string]any{"status": "open", "order_id": c.order.OrderId, "merchant": "Kiln Lane", "total": 17600.0, "currency": "CNY", "digits": 2.0}
	for name, value := range want {
		if status != http.StatusOK || got[name] != value {
			t.Errorf("%d, %s is %v, want %v", status, name, got[name], value)
		}
	}
	waiting := make(chan map[string]any)
	go func() {
		_, got := b.json(http.MethodGet, "/orders/"+c.order.OrderId+"?while=open")
		waiting <- got
	}()
	var first int64
	for range 3 {
		if status, got := phone.json(http.MethodPost, path); status != http.StatusOK || got["status"] != "paid" {
			t.Fatalf("%d %v", status, got)
		}
		var at int64
		if err := w.shop.accounts.db.QueryRow(`SELECT paid_at FROM orders`).Scan(&at); err != nil || first != 0 && at != first {
			t.Errorf("paid at %d and at %d, %v", first, at, err)
		}
		first = at
		time.Sleep(2 * time.Millisecond)
	}
	if got := <-waiting; got["status"] != "paid" {
		t.Errorf("the order's page is told %v", got)
	}
	if page := b.get("/orders/" + c.order.OrderId).body; !strings.Contains(page, "Paid. Thank you.") || strings.Contains(page, path) {
		t.Error("the order's page does not say that it is paid")
	}
}

func TestAPersonPaysOnThePage(t *testing.T) {
	w := newWorld(t)
	b, anybody := w.browser(t), w.browser(t)
	c := b.buys(w)
	path := c.payPath(w)
	if page := anybody.get(path).body; !strings.Contains(page, "Not approved yet.") || strings.Contains(page, "<form") {
		t.Error("an order that is not approved can be paid")
	}
	w.provider.decide(c.id, "approve")
	b.bought(c)
	if page := anybody.get(path).body; !strings.Contains(page, `action="`+path+`"`) || !strings.Contains(page, "Pay ¥176 (sandbox: no money moves)") {
		t.Errorf("no button to pay: %s", page)
	}
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if r := anybody.post(path, header...); r.StatusCode != http.StatusForbidden {
			t.Errorf("another site's page pays: %d", r.StatusCode)
		}
	}
	if r := anybody.post(path, "Accept", "text/html"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != path {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if page := anybody.get(path).body; !strings.Contains(page, "Paid.") || strings.Contains(page, "<form") {
		t.Error("the page does not say that it is paid")
	}
	for _, unknown := range []string{"/pay/x", "/pay/" + c.order.OrderId} {
		if r := anybody.get(unknown); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", unknown, r.StatusCode)
		}
		if status, _ := anybody.json(http.MethodPost, unknown); status != http.StatusNotFound {
			t.Errorf("%s is paid: %d", unknown, status)
		}
	}
}

func TestWhoIsOnThePhoneItselfBuysByTheProvidersPage(t *testing.T) {
	tampers := false
	w := newWorld(t, func(f *fakeProvider) {
		f.answers = func(order, _ *api.Order) {
			if tampers {
				order.Total++
			}
		}
	})
	b := w.browser(t)
	if page := b.get("/buy?piece=cup&quantity=2").body; !strings.Contains(page, `href="/buy/here?piece=cup&amp;quantity=2"`) {
		t.Errorf("the page does not lead there: %s", page)
	}
	leaves := func() (to string, asked url.Values) {
		to = b.get("/buy/here?piece=cup&quantity=2").Header.Get("Location")
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		if query := u.Query(); len(query) != 2 || !query.Has("client_id") || !query.Has("request_uri") {
			t.Fatalf("the browser carries the order: %s", to)
		}
		return to, w.provider.request(u)
	}
	to, asked := leaves()
	order := orderIn(asked.Get("authorization_details"))
	if order == nil || order.Total != 17600 || asked.Has("id_token_hint") || asked.Get("redirect_uri") != w.url+"/login/callback" {
		t.Fatalf("asked for %v", asked)
	}
	if r := b.get(w.provider.approve(to)); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/orders/"+order.OrderId {
		t.Fatalf("back from there: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if page := b.get("/orders/" + order.OrderId).body; !strings.Contains(page, "Ordered. Now the payment.") {
		t.Error("there is no order")
	}

	tampers = true
	if to, asked = leaves(); !asked.Has("id_token_hint") {
		t.Error("who is logged in does not say so")
	}
	if r := b.get(w.provider.approve(to)); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("another order: %d", r.StatusCode)
	}
	if n := counts(t, w.shop, "orders"); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestAnOrderThatTheProviderDoesNotTakeBeforehandSendsNobodyThere(t *testing.T) {
	for name, prepare := range map[string]func(*fakeProvider){
		"no door for it": func(f *fakeProvider) {
			f.metadata = func(m map[string]any) { delete(m, "pushed_authorization_request_endpoint") }
		},
		"a door that refuses": func(f *fakeProvider) {
			f.metadata = func(m map[string]any) { m["pushed_authorization_request_endpoint"] = f.URL + "/jwks" }
		},
		"a door in the open": func(f *fakeProvider) {
			f.metadata = func(m map[string]any) { m["pushed_authorization_request_endpoint"] = "ftp://evil.example" }
		},
	} {
		w := newWorld(t, prepare)
		if r := w.browser(t).get("/buy/here?piece=cup"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", name, r.StatusCode, r.Header.Get("Location"))
		}
	}
}

func TestOrdersAreTheirBuyersAlone(t *testing.T) {
	subject := "a"
	w := newWorld(t, func(f *fakeProvider) { f.claims = func(c map[string]any) { c["sub"] = subject } })
	a, b := w.browser(t), w.browser(t)
	c := a.buys(w)
	w.provider.decide(c.id, "approve")
	a.bought(c)
	path := "/orders/" + c.order.OrderId
	if r := b.get(path); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/login" {
		t.Errorf("nobody: %d", r.StatusCode)
	}
	subject = "b"
	b.logIn(w)
	if r := b.get(path); r.StatusCode != http.StatusNotFound {
		t.Errorf("another account: %d", r.StatusCode)
	}
	if list := b.get("/orders").body; strings.Contains(list, c.order.OrderId) {
		t.Error("another account's list has it")
	}
}

func TestAMachineWaitsTwoMinutesForItsPayment(t *testing.T) {
	for _, pays := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			opened, err := openAccounts("")
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close()
			x := &Sale{shop: &Shop{orders: &orders{db: opened.db}}, purchase: newPurchase()}
			x.purchase.asked, x.purchase.payment = api.Order{OrderId: "1", Kiosk: &api.Kiosk{Id: "K-1", Place: "Here"}}, "token"
			if x.purchase.account, err = x.shop.orders.make(t.Context(), x.purchase, proof{Issuer: "i", Subject: "s"}, "r"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if pays {
				time.AfterFunc(time.Minute, func() { x.shop.orders.pay(context.Background(), "token") })
			}
			paid, err := x.Paid(t.Context())
			if took := time.Since(began); err != nil || paid != pays || took != map[bool]time.Duration{true: time.Minute, false: 2 * time.Minute}[pays] {
				t.Errorf("paid %t after %v, %v", paid, took, err)
			}
		})
	}
}

// An order expires by time alone: nothing sweeps it, and nothing needs to run.
func TestAnUnpaidOrderExpires(t *testing.T) {
	for name, test := range map[string]struct {
		kiosk  *api.Kiosk
		within time.Duration
	}{"of the shop": {nil, 15 * time.Minute}, "of a machine": {&api.Kiosk{Id: "K-1", Place: "Here"}, 2 * time.Minute}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened, err := openAccounts("")
				if err != nil {
					t.Fatal(err)
				}
				defer opened.Close()
				o := &orders{db: opened.db}
				p := newPurchase()
				p.asked, p.payment, p.ends = api.Order{OrderId: "1", Kiosk: test.kiosk}, "token", time.Now()
				if err := o.begin(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				a, err := o.make(t.Context(), p, proof{Issuer: "i", Subject: "s"}, "r")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.within - time.Millisecond)
				if got, err := o.get(t.Context(), a.ID, "1"); err != nil || got.Due() != dueOpen {
					t.Errorf("just before its time: %s, %v", got.Due(), err)
				}
				// Who waits for a change learns of it the moment it is there.
				if got, err := o.await(t.Context(), a.ID, "1", dueOpen, time.Now().Add(hold)); err != nil || got.Due() != dueExpired || !time.Now().Equal(got.PayBy) {
					t.Errorf("at its time: %s, %v", got.Due(), err)
				}
				if stands, err := o.pay(t.Context(), "token"); err != nil || stands != dueExpired {
					t.Errorf("paid too late: %s, %v", stands, err)
				}
			})
		})
	}
}

// Whoever waits for a payment may have given up while it waited for its turn.
func TestAPaymentCountsAtTheTimeAtWhichItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened, err := openAccounts("")
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		o := &orders{db: opened.db}
		p := newPurchase()
		p.asked, p.payment = api.Order{OrderId: "1", Kiosk: &api.Kiosk{Id: "K-1", Place: "Here"}}, "token"
		if _, err := o.make(t.Context(), p, proof{Issuer: "i", Subject: "s"}, "r"); err != nil {
			t.Fatal(err)
		}
		busy, err := opened.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stood := make(chan due)
		go func() {
			stands, err := o.pay(context.Background(), "token")
			if err != nil {
				t.Error(err)
			}
			stood <- stands
		}()
		time.Sleep(payAtKiosk)
		busy.Close()
		if stands := <-stood; stands != dueExpired {
			t.Errorf("the payment is %s", stands)
		}
	})
}

func TestAnOrderThatIsClosedIsPaidBeforeOrNever(t *testing.T) {
	for _, pays := range []bool{true, false} {
		w := newWorld(t)
		b := w.browser(t)
		c := b.buys(w)
		w.provider.decide(c.id, "approve")
		b.bought(c)
		if pays {
			b.json(http.MethodPost, c.payPath(w))
		}
		x := &Sale{shop: w.shop, purchase: &purchase{payment: strings.TrimPrefix(c.payPath(w), payPath)}}
		if paid, err := x.Close(t.Context()); err != nil || paid != pays {
			t.Errorf("closed: %t, %v", paid, err)
		}
		if _, got := b.json(http.MethodPost, c.payPath(w)); got["status"] != map[bool]string{true: "paid", false: "expired"}[pays] {
			t.Errorf("paid afterwards: %v", got)
		}
	}
}

// No machine waits for what an earlier run of it sold; what somebody else keeps in the same folder is none of its business.
func TestAMachineThatStartsAgainHasNothingToPay(t *testing.T) {
	f := newFakeProvider()
	defer f.Close()
	folder, lines, at := t.TempDir(), []api.OrderLine{Goods(true)[2].Line(1)}, &api.Kiosk{Id: "K-1", Place: "Here"}
	s := shopOn(t, f, folder)
	_, bought, err := s.begin(t.Context(), lines, at, nil)
	if err == nil {
		_, err = s.orders.make(t.Context(), bought, proof{Issuer: "i", Subject: "s"}, "r")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, open, err := s.begin(t.Context(), lines, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	for _, test := range []struct {
		client       string
		bought, open due
	}{{"another", dueOpen, duePending}, {fakeClient, dueExpired, dueExpired}} {
		s, err := New(Config{URL: "http://localhost:8080", Issuer: f.URL, ClientID: test.client, ClientSecret: fakeSecret, Data: folder})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]due{bought.payment: test.bought, open.payment: test.open} {
			if _, stands, err := s.orders.due(t.Context(), name); err != nil || stands != want {
				t.Errorf("once %s has started: %s, want %s, %v", test.client, stands, want, err)
			}
		}
		s.Close()
	}
	if polls, _ := f.counted(); polls != 0 {
		t.Errorf("followed: the provider was asked %d times", polls)
	}
}

// A phone asks for its payment while the approval reaches the shop.
func TestAPaymentIsNotExpiredWhileItsOrderIsMade(t *testing.T) {
	f := newFakeProvider()
	defer f.Close()
	s := shopOn(t, f, t.TempDir())
	defer s.Close()
	for range 200 {
		_, p, err := s.begin(t.Context(), []api.OrderLine{Goods(true)[2].Line(1)}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		made := make(chan error, 1)
		go func() {
			_, err := s.orders.make(context.Background(), p, proof{Issuer: "i", Subject: "s"}, "r")
			made <- err
		}()
		stands := duePending
		for stands == duePending && err == nil {
			_, stands, err = s.orders.due(t.Context(), p.payment)
		}
		if err = errors.Join(err, <-made); err != nil || stands != dueOpen {
			t.Fatalf("%s, %v", stands, err)
		}
	}
}

func TestPurchasesOfAnEarlierVersionHaveEnded(t *testing.T) {
	f := newFakeProvider()
	defer f.Close()
	folder := t.TempDir()
	s := shopOn(t, f, folder)
	_, p, err := s.begin(t.Context(), []api.OrderLine{Goods(true)[2].Line(1)}, nil, nil)
	if err == nil {
		_, err = s.accounts.db.Exec(`ALTER TABLE purchases DROP COLUMN client_id`)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = shopOn(t, f, folder)
	defer s.Close()
	if _, stands, err := s.orders.due(t.Context(), p.payment); err != nil || stands != dueExpired {
		t.Errorf("%s, %v", stands, err)
	}
	if _, _, err := s.begin(t.Context(), []api.OrderLine{Goods(true)[2].Line(1)}, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestABasketThatCannotBeMeantIsRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	for _, query := range []string{"", "?piece=", "?piece=x", "?piece=cup&quantity=0", "?piece=cup&quantity=-1", "?piece=cup&quantity=10",
		"?piece=cup&quantity=1.5", "?piece=cup&quantity=99999999999999999999", "?piece=../cup"} {
		if r := b.get("/buy" + query); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET /buy%s: %d", query, r.StatusCode)
		}
		if r := b.post("/buy/challenge" + query); r.StatusCode != http.StatusNotFound {
			t.Errorf("POST /buy/challenge%s: %d", query, r.StatusCode)
		}
	}
	if n := counts(t, w.shop, "purchases"); n != 0 || len(w.provider.made) != 0 {
		t.Errorf("%d purchases", n)
	}
}

func TestOnlySoManyPurchasesWaitAtOnce(t *testing.T) {
	w := newWorld(t)
	w.shop.places = make(chan struct{}, 1)
	b := w.browser(t)
	c := b.buys(w)
	if r := w.browser(t).post("/buy/challenge?piece=cup"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	w.provider.decide(c.id, "access_denied")
	b.finish(http.StatusGone, "denied")
	waitUntil(t, func() bool { return len(w.shop.places) == 0 })
	b.buys(w)
}

// One browser that asks again and again takes one place.
func TestAPurchaseThatIsReplacedLeavesItsPlace(t *testing.T) {
	w := newWorld(t)
	w.shop.places = make(chan struct{}, 2)
	b := w.browser(t)
	for range 4 {
		b.buys(w)
		waitUntil(t, func() bool { return len(w.shop.places) == 1 })
	}
	b.challenge() // a login takes a purchase's place too
	waitUntil(t, func() bool { return len(w.shop.places) == 0 })
}

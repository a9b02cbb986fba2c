package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"qrlogin/api/proof"
	"qrlogin/provider/app"
)

// An order by the provider's own page: it comes through a browser, and whose that is the phone cannot know.

// sellerAs is the seller with this policy.
func sellerAs(p app.Policy) app.Client {
	c := seller
	c.Policy = p
	return c
}

// SECURITY.md §2 row 15, RFC 10027 §6.1.15: authenticate, then initiate. Who is logged in at the site is said by an ID token of a login
// that lasts, and no other account's phone is so much as shown the order.
func TestAnOrderByTheProvidersPageIsForWhoIsLoggedInAtTheSite(t *testing.T) {
	t.Parallel()
	c, order := sellerAs(app.Policy{Orders: "signed-in"}), detailsOf(t, anOrder())
	w := newWorld(t, withClient(c))
	mine, another := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	v := w.visitor()
	_, login := v.byScan(mine, c, false)
	hint := *login.IdToken
	claims := claimsOf(t, hint)
	for what, more := range map[string][]string{
		"nobody":             nil,
		"a subject, no hint": {"claims", `{"id_token":{"sub":{"value":"` + claims["sub"].(string) + `"}}}`},
	} {
		q := askingAs(c, append([]string{"authorization_details", order}, more...)...)
		w.form("/par", c.ID, c.Secret, q).wants(t, what+", pushed", http.StatusBadRequest, "login_required")
	}
	signedIn := []string{"authorization_details", order, "id_token_hint", hint}
	started := v.challenge(v.hosted(w.pushedAs(c, askingAs(c, signedIn...))))
	another.scan(w.frame(started)).wants(t, "another's phone", http.StatusForbidden, "other-account")
	_, tokens := v.byPushedScan(mine, c, false, signedIn...)
	w.wantOrder(tokens, mine, anOrder())

	mine.send(http.MethodDelete, "/phone/logins/"+claims["sid"].(string), nil).wants(t, "the end of the login", http.StatusNoContent, "")
	w.form("/par", c.ID, c.Secret, askingAs(c, signedIn...)).wants(t, "a login that has ended", http.StatusBadRequest, "login_required")
}

func TestAHandoffIsForASitesOwnPageAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wiki, handoff := site("wiki"), `[{"type":"handoff","kind":"bookmarks","jwk":{"kty":"EC","crv":"P-256",`+
		`"x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}}]`
	w.begin(wiki, "authorization_details", handoff).wants(t, "by the device grant", http.StatusOK, "")
	q := askingAs(wiki, "authorization_details", handoff)
	v := w.visitor()
	said := v.told(v.authorize(q))
	if said.Get("error") != "invalid_authorization_details" || !strings.Contains(said.Get("error_description"), "device grant") {
		t.Errorf("by the provider's page: %v", said)
	}
	w.form("/par", wiki.ID, wiki.Secret, q).wants(t, "pushed", http.StatusBadRequest, "invalid_authorization_details")
}

// RFC 9126: what is wrong with an order is told when it is pushed, and a browser only points to what is right.
func TestAnOrderCanBePushed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
	q := askingAs(seller, "authorization_details", detailsOf(t, anOrder()))
	shown := consentOf(t, p.claim(v.challenge(v.hosted(w.pushedAs(seller, q)))))
	if shown.Order == nil || detailsOf(t, *shown.Order) != q.Get("authorization_details") || shown.Phone != nil {
		t.Errorf("the phone is shown %+v", shown)
	}
	q.Set("authorization_details", strings.Replace(q.Get("authorization_details"), `"total":64000`, `"total":6400`, 1))
	w.form("/par", seller.ID, seller.Secret, q).wants(t, "a wrong sum", http.StatusBadRequest, "invalid_authorization_details")
}

// A link to /authorize is anybody's to make, with an order of theirs in the shop's name; so is a form.
func TestAnOrderThatItsSiteDidNotPushIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	v := w.visitor()
	q := askingAs(seller, "authorization_details", detailsOf(t, anOrder()))
	r := v.request(http.MethodPost, "/authorize", strings.NewReader(q.Encode()))
	r.Header.Set("Content-Type", formType)
	for how, a := range map[string]answer{"by a link": v.authorize(q), "by a form": v.get(v.do(r).Header.Get("Location"))} {
		said := v.told(a)
		if said.Get("error") != "invalid_authorization_details" || !strings.Contains(said.Get("error_description"), "pushed first (/par)") {
			t.Errorf("%s: %v", how, said)
		}
	}
	v.hosted(w.pushedAs(seller, q))
}

// The digits prove the page, whatever is asked for; the receipt is the approval that came before them.
func TestAnOrderThatNeedsTheDigitsComesWithItsReceiptAfterThem(t *testing.T) {
	t.Parallel()
	c := sellerAs(app.Policy{Confirmation: "code"})
	w := newWorld(t, withClient(c))
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.orders(anOrder())
	if how := p.passes(started, false); how != "confirmed" {
		t.Fatalf("it is %s", how)
	}
	w.wantOrder(w.read(w.pollAs(c.ID, c.Secret, started, "")), p, anOrder())
}

// Whichever code of the page is scanned, and by whichever phone, one order is shown; what an older code approves is not taken.
func TestAnOrderIsTheSameInEachCodeOfThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller))
	p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
	path := v.hosted(v.pushedAs(seller, askingAs(seller, "authorization_details", detailsOf(t, anOrder()))))
	older, newer := v.challenge(path), v.challenge(path)
	p.approve(older)
	if a := v.get(path); a.Status != http.StatusOK {
		t.Errorf("an older code: %d %s", a.Status, a.Header.Get("Location"))
	}
	shown := consentOf(t, p.claim(newer))
	code, back := v.here(path)
	here := p.claimOf(p.scansIn(v, code))
	onPhone := consentOf(t, here)
	if want := detailsOf(t, anOrder()); detailsOf(t, shown.Order) != want || detailsOf(t, onPhone.Order) != want || back != path {
		t.Errorf("shown %+v, and on the phone itself %+v", shown.Order, onPhone.Order)
	}
	w.sendDecision(p.signed(here, proof.Approve)).wants(t, "approve", http.StatusOK, "")
	redeemed := v.redeemAs(seller, v.codeOf(v.told(v.get(path))))
	w.wantOrder(v.read(redeemed), p, anOrder())
}

// SECURITY.md §1.6: what somebody buys is between them and the site. It is with the provider while the phone has it before it, and
// for a lost answer.
func TestOfAnOrderNothingIsLoggedAndNothingStays(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	h := newHandingOff(t, embeddedRedis(t), kept, withClient(seller), withRedelivery(time.Second))
	p, v, order := h.phone, h.visitor(), anOrder()
	order.Merchant = "Zwiebelfisch"
	started := h.orders(order)
	asked := func() bool { return strings.Contains(fmt.Sprint(h.dump()), order.Merchant) }
	if !asked() {
		t.Fatal("the store is not looked into")
	}
	p.approve(started)
	receipt := h.wantOrder(h.read(h.pollAs(seller.ID, seller.Secret, started, "")), p, order)
	h.receipt(started).wants(t, "the page has it", http.StatusNoContent, "")
	if asked() {
		t.Error("it is in the store")
	}
	path := v.hosted(v.pushedAs(seller, askingAs(seller, "authorization_details", detailsOf(t, order))))
	p.passes(v.challenge(path), true)
	h.wantOrder(v.read(v.redeemAs(seller, v.codeOf(v.told(v.get(path))))), p, order)
	for limit := time.Now().Add(time.Minute); asked(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it is in the store after the redelivery window")
		}
	}

	export := p.send(http.MethodGet, "/phone/account/export", nil)
	export.wants(t, "export", http.StatusOK, "")
	for what, text := range map[string]string{"the export": string(export.Body), "the log": h.logged(), "the console": h.console.String()} {
		if strings.Contains(text, order.Merchant) || strings.Contains(text, receipt.Challenge) && what != "the export" {
			t.Errorf("it is in %s", what)
		}
	}
	for _, text := range []string{order.Merchant, order.OrderId + `"`, order.Kiosk.Place} {
		if lies(t, folder, []byte(text)) {
			t.Errorf("%s is in the database", text)
		}
	}
}

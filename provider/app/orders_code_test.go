package app_test

import (
	"net/http"
	"strings"
	"testing"

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
		if told := v.outcome(q); told != "login_required" {
			t.Errorf("%s: %s", what, told)
		}
		w.form("/par", c.ID, c.Secret, q).wants(t, what+", pushed", http.StatusBadRequest, "login_required")
	}
	signedIn := []string{"authorization_details", order, "id_token_hint", hint}
	started := v.challenge(v.hosted(askingAs(c, signedIn...)))
	another.scan(w.frame(started)).wants(t, "another's phone", http.StatusForbidden, "other-account")
	_, tokens := v.byScan(mine, c, false, signedIn...)
	w.wantOrder(tokens, mine, anOrder())

	mine.send(http.MethodDelete, "/phone/logins/"+claims["sid"].(string), nil).wants(t, "the end of the login", http.StatusNoContent, "")
	if told := v.outcome(askingAs(c, signedIn...)); told != "login_required" {
		t.Errorf("a login that has ended: %s", told)
	}
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

package app_test

import (
	"fmt"
	"maps"
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

// A client's policy, from its registration to what the person and the site are told. The rules in every detail are package
// challenge's tests; how a login was done is authentication_test.go's.

// bank is a site with both flows and all scopes, as strict as it says.
func bank(p app.Policy) app.Client {
	return app.Client{
		ID: "bank", Secret: wikiSecret, Name: "The Bank", Origins: []string{"https://bank.example"}, RedirectURIs: []string{"https://bank.example/callback"},
		Scopes: []string{"openid", "phone", "offline_access"}, Policy: p,
	}
}

// begun starts a challenge of a site; parameters come in pairs.
func (w *world) begun(c app.Client, parameters ...string) api.DeviceAuthorization {
	w.t.Helper()
	a := w.begin(c, parameters...)
	var started api.DeviceAuthorization
	if a.decode(w.t, &started); a.Status != http.StatusOK {
		w.t.Fatalf("device_authorization: %d %s", a.Status, a.Body)
	}
	return started
}

func (w *world) begin(c app.Client, parameters ...string) answer {
	w.t.Helper()
	values := url.Values{"scope": {"openid"}}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return w.form("/device_authorization", c.ID, c.Secret, values)
}

// consentOf is what the phone shows of a claim.
func consentOf(t testing.TB, claim api.Claim) (shown api.Consent) {
	t.Helper()
	answer{Body: decode64(t, claim.Consent)}.decode(t, &shown)
	return shown
}

// wantWarned holds what a phone shows first against what it should.
func wantWarned(t *testing.T, what string, shown api.Consent, want ...api.ConsentWarnings) {
	t.Helper()
	var got []api.ConsentWarnings
	if shown.Warnings != nil {
		got = *shown.Warnings
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s is warned %q, want %q", what, got, want)
	}
}

// digits approves a claim, and is what the phone then shows for the page.
func (p rawPhone) digits(claim api.Claim) string {
	p.w.t.Helper()
	a := p.w.sendDecision(p.signed(claim, proof.Approve))
	var result api.DecisionResult
	a.decode(p.w.t, &result)
	if a.Status != http.StatusOK || result.State != api.DecisionResultStateConfirming || result.ConfirmationCode == nil {
		p.w.t.Fatalf("the approval: %d %s", a.Status, a.Body)
	}
	return *result.ConfirmationCode
}

// not is digits that are wrong.
func not(digits string) string {
	if digits == "0000" {
		return "1111"
	}
	return "0000"
}

// wantTries looks at how often the page may still send digits, of which it is shown nothing else (SECURITY.md §1.6).
func (w *world) wantTries(started api.DeviceAuthorization, want int) {
	w.t.Helper()
	view, a := w.watch(started, 0)
	if view.State != api.ChallengeStateConfirming || view.TriesLeft == nil || *view.TriesLeft != want {
		w.t.Errorf("the page is shown %d %s, want %d tries", a.Status, a.Body, want)
	}
	var members map[string]any
	a.decode(w.t, &members)
	if got := fmt.Sprint(slices.Sorted(maps.Keys(members))); got != "[expires_in_ms state tries_left version]" {
		w.t.Errorf("the page is shown %s", got)
	}
}

// wantMiss is the answer to wrong digits that are not the last.
func wantMiss(t *testing.T, a answer, left int) {
	t.Helper()
	var problem api.Problem
	a.decode(t, &problem)
	if a.Status != http.StatusUnprocessableEntity || problem.Code != "confirmation-wrong" || problem.TriesLeft == nil || *problem.TriesLeft != left {
		t.Errorf("wrong digits: %d %s, want %d tries", a.Status, a.Body, left)
	}
}

// RFC 10027 §6.1.16.
func TestAnApprovalCountsOnceThePageHasSentTheDigits(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		careful := bank(app.Policy{Confirmation: "code"})
		w := newWorld(t, withStore(store), withClient(careful))
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.begun(careful)
		nothing := func(when string) {
			t.Helper()
			w.confirm(started, "0000").wants(t, when, http.StatusConflict, "wrong-state")
		}
		nothing("before the scan")
		claim := p.claim(started)
		nothing("before the approval")
		if shown := consentOf(t, claim); shown.Confirmation == nil || !*shown.Confirmation {
			t.Error("the phone does not say that digits will be needed")
		}
		digits := p.digits(claim)
		if again := p.digits(claim); again != digits {
			t.Errorf("%s, and when the answer was lost %s", digits, again)
		}
		w.wantTries(started, 3)
		w.pollAs(careful.ID, careful.Secret, started, "").wants(t, "the site meanwhile", http.StatusBadRequest, "authorization_pending")

		blind := started
		blind.Watch = w.begun(careful).Watch
		w.confirm(blind, digits).wants(t, "without the capability", http.StatusUnauthorized, "watch-invalid")
		w.fromOrigin(otherOrigin, w.confirmation(started, digits)).wants(t, "from another site's page", http.StatusForbidden, "origin-not-allowed")
		w.wantTries(started, 3)
		wantMiss(t, w.confirm(started, not(digits)), 2)
		w.wantTries(started, 2)
		for range 2 { // the second because the answer was lost
			w.confirm(started, digits).wants(t, "the digits", http.StatusNoContent, "")
		}
		w.confirm(started, not(digits)).wants(t, "others, too late", http.StatusConflict, "wrong-state")
		claims := claimsOf(t, *w.read(w.pollAs(careful.ID, careful.Secret, started, "")).IdToken)
		if claims["acr"] != "urn:qrlogin:acr:confirmed" {
			t.Errorf("the site is told %v", claims["acr"])
		}
		w.confirm(started, digits).wants(t, "again, once the site has its tokens", http.StatusNoContent, "")
	})
}

func TestTheThirdMissDeniesAndTheOwnerOfThePhoneIsTold(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		careful := bank(app.Policy{Confirmation: "code"})
		w := newWorld(t, withStore(store), withClient(careful))
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.begun(careful)
		digits := p.digits(p.claim(started))
		wantMiss(t, w.confirm(started, not(digits)), 2)
		p.wantTold("who mistyped once")
		wantMiss(t, w.confirm(started, not(digits)), 1)
		p.wantTold("who mistyped twice, or is not who types", "confirmation.failed bank (The Bank), at an address")
		w.confirm(started, not(digits)).wants(t, "the third miss", http.StatusGone, "gone")
		w.wantOutcome(started, api.OutcomeDenied)
		w.confirm(started, digits).wants(t, "the digits, too late", http.StatusGone, "gone")
		w.pollAs(careful.ID, careful.Secret, started, "").wants(t, "the site", http.StatusBadRequest, "access_denied")
		p.wantTold("the owner", "confirmation.failed bank (The Bank), at an address")
	})
}

// Four digits are guessed three times in ten thousand, however many guesses come at once.
func TestOfManyWrongDigitsAtOnceThreeAreJudged(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		careful := bank(app.Policy{Confirmation: "code"})
		w := newWorld(t, withStore(store), withClient(careful))
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.begun(careful)
		digits := p.digits(p.claim(started))
		got := tally(atOnce(w, many, func(int) *http.Request { return w.confirmation(started, not(digits)) }))
		if got["Unprocessable Entity confirmation-wrong"] != 2 || got["Gone gone"] != many-2 {
			t.Errorf("%v", got)
		}
		w.wantOutcome(started, api.OutcomeDenied)
		p.wantTold("the owner, once,", "confirmation.failed bank (The Bank), at an address")

		// With a right one among them it is one story: approved by it, or denied before it came.
		started = w.begun(careful)
		digits = p.digits(p.claim(started))
		got = tally(atOnce(w, many, func(i int) *http.Request {
			if i == many/2 {
				return w.confirmation(started, digits)
			}
			return w.confirmation(started, not(digits))
		}))
		approved, misses := got["No Content "] == 1, got["Unprocessable Entity confirmation-wrong"]
		if misses > 2 || approved && got["Conflict wrong-state"] != many-1-misses || !approved && got["Gone gone"] != many-misses {
			t.Errorf("%v", got)
		}
		site := w.pollAs(careful.ID, careful.Secret, started, "")
		if (site.Status == http.StatusOK) != approved || !approved && site.error() != "access_denied" {
			t.Errorf("%v, and the site is told %d %s", got, site.Status, site.Body)
		}
	})
}

// SECURITY.md §4: an approval that nobody confirmed in time is not redeemed either.
func TestDigitsThatComeTooLateConfirmNothing(t *testing.T) {
	t.Parallel()
	careful := bank(app.Policy{Confirmation: "code"})
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.begun(careful)
		digits := p.digits(p.claim(started))
		time.Sleep(5 * time.Minute)
		w.confirm(started, digits).wants(t, "after five minutes", http.StatusGone, "gone")
		w.wantOutcome(started, api.OutcomeExpired)
		w.pollAs(careful.ID, careful.Secret, started, "").wants(t, "the site", http.StatusBadRequest, "expired_token")
	}, withClient(careful))
}

// withTrusted believes what these proxies say of addresses.
func withTrusted(proxies ...string) func(*app.Config) {
	return func(c *app.Config) { c.TrustedProxies = proxies }
}

// RFC 10027 §6.1.1, and SECURITY.md §6: addresses are those of connections, unless a trusted proxy says otherwise.
func TestAPhoneIsHeldAgainstTheBrowserAsThePolicySays(t *testing.T) {
	shanghai, paris := city{"Shanghai", "CN", 31.2, 121.5}, city{"Paris", "FR", 48.9, 2.4}
	places := withPlaces(t, map[string]city{"192.0.2.0/24": shanghai, "198.51.100.0/24": shanghai, "203.0.113.0/24": paris})
	const here, near, mobile, abroad, v6 = "192.0.2.7", "192.0.2.200", "198.51.100.9", "203.0.113.5", "2001:db8::1"
	type says struct{ browser, phone string } // in X-Forwarded-For
	warned := []api.ConsentWarnings{api.ConsentWarningsElsewhere}
	for name, c := range map[string]struct {
		policy   string
		phone    string // the browser is here
		says     says
		change   []func(*app.Config)
		near     api.ConsentProximity // "" where the scan is refused, "-" where nothing is compared
		warnings []api.ConsentWarnings
	}{
		"require, the same address":              {policy: "require", phone: here, near: "same-address"},
		"require, the same network":              {policy: "require", phone: near, near: "same-network"},
		"require, another network":               {policy: "require", phone: mobile},
		"require, another network in one place":  {policy: "require", phone: mobile, change: []func(*app.Config){places}, near: "same-place"},
		"require, another place":                 {policy: "require", phone: abroad, change: []func(*app.Config){places}},
		"require, what cannot be compared":       {policy: "require", phone: v6},
		"require, forged by the phone":           {policy: "require", phone: abroad, says: says{phone: here}},
		"require, forged by the browser":         {policy: "require", phone: abroad, says: says{browser: abroad}},
		"require, by a trusted proxy":            {policy: "require", phone: abroad, says: says{phone: here}, change: []func(*app.Config){withTrusted(abroad)}, near: "same-address"},
		"require, forged before a trusted proxy": {policy: "require", phone: abroad, says: says{phone: here + ", " + mobile}, change: []func(*app.Config){withTrusted(abroad)}},
		"require, by a proxy that nobody trusts": {policy: "require", phone: abroad, says: says{phone: here}, change: []func(*app.Config){withTrusted(mobile)}},
		"warn, the same address":                 {policy: "warn", phone: here, near: "same-address"},
		"warn, another network":                  {policy: "warn", phone: mobile, near: "elsewhere", warnings: warned},
		"warn, another network in one place":     {policy: "warn", phone: mobile, change: []func(*app.Config){places}, near: "same-place"},
		"warn, what cannot be compared":          {policy: "warn", phone: v6, near: "unknown"},
		"warn, forged by the phone":              {policy: "warn", phone: abroad, says: says{phone: here}, near: "elsewhere", warnings: warned},
		"off, another network":                   {policy: "off", phone: abroad, near: "-"},
		"what is not said, of another network":   {phone: abroad, near: "elsewhere", warnings: warned},
		"strict, another network":                {policy: "strict", phone: abroad},
		"relaxed, another network":               {policy: "relaxed", phone: abroad, near: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := app.Policy{Proximity: c.policy}
			if c.policy == "strict" || c.policy == "relaxed" {
				policy = app.Policy{Preset: c.policy, Confirmation: "none"}
			}
			careful := bank(policy)
			inBubble(t, func(t *testing.T, w *world) {
				started := w.begun(careful)
				r := w.byWatch(http.MethodGet, started, "")
				if c.says.browser != "" {
					at(c.says.browser, r)
				}
				var view api.ChallengeView
				w.from(here).do(r).decode(t, &view)
				code := (*view.Frames)[0].Code
				if policy.Preset == "relaxed" && strings.Count(code, ".") > 1 {
					t.Errorf("a relaxed site's code moves: %s", code)
				}
				p := w.rawPhone().enrolled("+8613800138000")
				r = p.request(http.MethodPost, "/phone/scans", api.ScanRequest{Code: code})
				if c.says.phone != "" {
					at(c.says.phone, r)
				}
				a := w.from(c.phone).do(r)
				if c.near == "" {
					a.wants(t, "the scan", http.StatusForbidden, "too-far")
					p.wantTold("who scanned", "scan.elsewhere")
					w.wantState(started, api.ChallengeStatePending)
					return
				}
				shown := consentOf(t, p.claimOf(a))
				if near := api.ConsentProximity("-"); shown.Proximity == nil && c.near != near || shown.Proximity != nil && *shown.Proximity != c.near {
					t.Errorf("the phone is shown %+v, want %s", shown.Proximity, c.near)
				}
				if compared := c.near != "-"; (shown.Phone != nil) != compared {
					t.Errorf("its own address: %+v", shown.Phone)
				}
				want := c.warnings
				if policy.Preset == "relaxed" {
					want = []api.ConsentWarnings{api.ConsentWarningsCopyable}
				}
				wantWarned(t, "the person", shown, want...)
				p.wantTold("who scanned")
			}, append(c.change, withClient(careful))...)
		})
	}
}

// RFC 10027 §6.1.8.
func TestAScanCountsWhereTheBrowserIsInTheNetworksOfTheSite(t *testing.T) {
	t.Parallel()
	offices := bank(app.Policy{Proximity: "off", Networks: []string{"192.0.2.0/24"}})
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.begun(offices)
		r := at("192.0.2.9", w.byWatch(http.MethodGet, started, "")) // which it is not
		var view api.ChallengeView
		w.from("203.0.113.5").do(r).decode(t, &view)
		p.scan((*view.Frames)[0].Code).wants(t, "a browser outside", http.StatusForbidden, "outside")
		p.wantTold("who scanned", "scan.elsewhere")
		w.wantState(started, api.ChallengeStatePending)
		picture := w.do(w.byWatch(http.MethodGet, w.begun(offices), "/qr.svg"))
		p.scan(readSVG(t, picture.Body)).wants(t, "no browser", http.StatusForbidden, "outside")
		p.claimBy(w.from("192.0.2.9").frame(started))
	}, withClient(offices))
}

// SECURITY.md §2 row 2: what is typed may have been dictated by telephone, so that the page must show that it is with the phone.
func TestWhereTheCodeMustRotateATypedOneNeedsTheConfirmation(t *testing.T) {
	t.Parallel()
	plain, careful := bank(app.Policy{}), bank(app.Policy{Confirmation: "code"})
	careful.ID = "careful"
	w := newWorld(t, withClient(plain), withClient(careful))
	p := w.rawPhone().enrolled("+8613800138000")
	p.scan(w.begun(plain).UserCode).wants(t, "typed", http.StatusForbidden, "not-allowed")
	// Who asks for more does not open what the owner has shut: eight letters can be dictated, and four digits too.
	p.scan(w.begun(plain, "acr_values", "urn:qrlogin:acr:confirmed").UserCode).
		wants(t, "typed, by a request for a confirmation", http.StatusForbidden, "not-allowed")
	started := w.begun(careful)
	w.frame(started) // a browser shows it
	p.scan(w.issuer+"/q/"+started.ChallengeId).wants(t, "a code that stands still", http.StatusForbidden, "not-allowed")
	claim := p.claimBy(started.UserCode)
	wantWarned(t, "typed, by the policy", consentOf(t, claim), api.ConsentWarningsCopyable)
	w.confirm(started, p.digits(claim)).wants(t, "typed, by the policy", http.StatusNoContent, "")
}

// SECURITY.md §2 row 2.
func TestAStrictSitesCodeIsStaleAfterTenSeconds(t *testing.T) {
	t.Parallel()
	strict := bank(app.Policy{Preset: "strict"})
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.begun(strict)
		frame := w.frame(started)
		time.Sleep(10*time.Second - time.Millisecond)
		p.release(p.claimBy(frame))
		time.Sleep(time.Millisecond)
		p.scan(frame).wants(t, "after 10 s", http.StatusUnprocessableEntity, "code-stale")
		p.claimBy(w.frame(started)) // the one that is shown now
	}, withClient(strict))
}

// RFC 10027 §6.1.15: authenticate, then initiate. A site says who is logged in there, and no other account's phone may claim.
func TestASiteThatSaysWhoIsLoggedInGetsNoOtherAccount(t *testing.T) {
	t.Parallel()
	shop := site("shop")
	w := newWorld(t)
	owner, other := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	first := w.begun(shop)
	owner.approve(first)
	tokens := w.read(w.poll(first, ""))
	hint := *tokens.IdToken

	started := w.begun(shop, "id_token_hint", hint)
	frame := w.frame(started)
	other.scan(frame).wants(t, "another's phone", http.StatusForbidden, "other-account")
	w.wantState(started, api.ChallengeStatePending)
	owner.claimBy(frame)

	w.begin(site("other"), "id_token_hint", hint).wants(t, "another site with the hint", http.StatusBadRequest, "invalid_request")
	for what, wrong := range map[string]string{"an access token": tokens.AccessToken, "no token": "x", "a forged one": hint[:len(hint)-8] + "AAAAAAAA"} {
		w.begin(shop, "id_token_hint", wrong).wants(t, what, http.StatusBadRequest, "invalid_request")
	}
	if a := owner.send(http.MethodDelete, "/phone/logins/"+claimsOf(t, hint)["sid"].(string), nil); a.Status != http.StatusNoContent {
		t.Fatalf("end: %d %s", a.Status, a.Body)
	}
	w.begin(shop, "id_token_hint", hint).wants(t, "the hint of a login that has ended", http.StatusBadRequest, "login_required")
}

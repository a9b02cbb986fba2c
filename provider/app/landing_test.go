package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
)

// What a QR code opens in a phone's browser, and how a login goes on in that same browser. The rules of tickets in every detail are
// package challenge's tests.

// open opens a code as a link in this browser, and answers where that leads.
func (v *visitor) open(code string) answer {
	v.t.Helper()
	a := v.get(strings.TrimPrefix(code, v.issuer))
	if a.Status != http.StatusSeeOther || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Referrer-Policy") != "no-referrer" {
		v.t.Errorf("%s: %d %v", code, a.Status, a.Header)
	}
	return a
}

// scansIn presents a code by a web phone that runs in this browser.
func (p rawPhone) scansIn(v *visitor, code string) answer {
	p.w.t.Helper()
	return v.do(p.request(http.MethodPost, "/phone/scans", api.ScanRequest{Code: code}))
}

func TestACodeOpenedInTimeIsScannedLateInTheSameBrowserAndInNoOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ *testing.T, w *world) {
		p, started := w.rawPhone().enrolled("+8613800138000"), w.start()
		frame := w.frame(started)
		v, other := w.visitor(), w.visitor()
		to := v.open(frame)
		if to.Header.Get("Location") != "/phone?q="+strings.TrimPrefix(frame, w.issuer+"/q/") {
			t.Errorf("it leads to %s", to.Header.Get("Location"))
		}
		cookie := to.Header.Get("Set-Cookie")
		for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="} {
			if !strings.Contains(cookie, attribute) {
				t.Errorf("the ticket has no %s: %s", attribute, cookie)
			}
		}
		time.Sleep(2 * time.Minute)
		if a := other.open(frame); a.Header.Get("Set-Cookie") != "" {
			t.Error("a stale code has a ticket")
		}
		p.scansIn(other, frame).wants(t, "in another browser", http.StatusUnprocessableEntity, "code-stale")
		p.scan(frame).wants(t, "in none", http.StatusUnprocessableEntity, "code-stale")
		p.claimOf(p.scansIn(v, frame))
		w.wantState(started, api.ChallengeStateClaimed)
	})
}

func TestATicketOfOneLoginOpensNoOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		mine, theirs := w.start(), w.start()
		frame := w.frame(theirs)
		v.open(w.frame(mine))
		time.Sleep(time.Minute)
		p.scansIn(v, frame).wants(t, "another login", http.StatusUnprocessableEntity, "code-stale")
	})
}

// SECURITY.md §4, RFC 8628 §5.4: opening a link is no consent, be it by a person, a robot that looks at links, or a browser that
// fetches what may be wanted.
func TestOpeningTheQRCodeInABrowserClaimsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, started := range []api.DeviceAuthorization{w.start(), w.startAs("tv", "")} {
		view, _ := w.watch(started, 0)
		for _, code := range []string{(*view.Frames)[0].Code, w.issuer + "/q/" + started.ChallengeId, w.issuer + "/q?user_code=" + started.UserCode} {
			for header, value := range map[string]string{"User-Agent": "Linkbot/1.0", "Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch"} {
				r := w.request(http.MethodGet, strings.TrimPrefix(code, w.issuer), nil)
				r.Header.Set(header, value)
				a := w.do(r)
				if to := a.Header.Get("Location"); a.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/phone?q=") && to != "/phone#type" {
					t.Fatalf("%s: %d %s", code, a.Status, a.Body)
				}
				if len(a.Body) > 0 {
					t.Errorf("it says %s", a.Body)
				}
			}
		}
		if after, _ := w.watch(started, 0); after.Version != view.Version || after.State != api.ChallengeStatePending {
			t.Errorf("after opening it: %+v", after)
		}
	}
}

func TestALinkThatIsNoCodeCarriesNothingOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/q/x", "/q/%3Cscript%3E", "/q/" + strings.Repeat("A", 4000), "/q/%0d%0aSet-Cookie:%20a=b", "/q/javascript:alert(1)"} {
		if a := w.visitor().open(path); a.Header.Get("Location") != "/phone?q=" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	if a := w.visitor().open("/q"); a.Header.Get("Location") != "/phone#type" {
		t.Errorf("a typed code: %v", a.Header)
	}
}

// here goes on in this browser from the hosted page: the code to scan in it, and where to return to.
func (v *visitor) here(path string) (code, back string) {
	v.t.Helper()
	a := v.get(path + "/here")
	where, found := strings.CutPrefix(a.Header.Get("Location"), "/phone#here/")
	if a.Status != http.StatusSeeOther || !found {
		v.t.Fatalf("here: %d %s", a.Status, a.Header.Get("Location"))
	}
	code, back, _ = strings.Cut(where, "/")
	return v.issuer + "/q/" + code, "/authorize/" + back
}

func askingOf(c app.Client) url.Values {
	return asking("client_id", c.ID, "redirect_uri", c.RedirectURIs[0])
}

func TestALoginOnThePhoneItselfNeedsNoDigitsAndIsNear(t *testing.T) {
	t.Parallel()
	strict := bank(app.Policy{Preset: "strict", Confirmation: "code"})
	w := newWorld(t, withClient(strict))
	p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
	path := v.hosted(askingOf(strict))
	code, back := v.here(path)
	if back != path {
		t.Errorf("back is %s, the page was %s", back, path)
	}
	claim := p.claimOf(p.scansIn(v, code))
	shown := consentOf(t, claim)
	if shown.SameBrowser == nil || !*shown.SameBrowser || shown.Confirmation != nil {
		t.Errorf("the consent says %+v", shown)
	}
	wantWarned(t, "one's own browser", shown)
	p.decide(claim, proof.Approve)
	said := v.told(v.get(back))
	if said.Get("code") == "" || said.Get("state") != "s-1" {
		t.Fatalf("told %v", said)
	}
	tokens := w.read(w.redeemAs(strict, said.Get("code")))
	if how := string(payload(t, *tokens.IdToken)); !strings.Contains(how, `"acr":"`+acrConfirmed+`"`) || strings.Contains(how, `"mca"`) {
		t.Errorf("the site is told %s", how)
	}
}

func TestDecliningOnThePhoneItselfSendsTheBrowserBackWithoutALogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
	code, back := v.here(v.hosted(asking()))
	p.decide(p.claimOf(p.scansIn(v, code)), proof.Deny)
	if said := v.told(v.get(back)); said.Get("error") != "access_denied" {
		t.Errorf("told %v", said)
	}
}

// RFC 10027 §6.2: what is made for one browser is no way around what a code between two devices is held against.
func TestAnotherBrowserIsNotTheOneThatTheLoginIsFor(t *testing.T) {
	t.Parallel()
	strict := bank(app.Policy{Confirmation: "code"})
	w := newWorld(t, withClient(strict))
	p, attacker, victim := w.rawPhone().enrolled("+8613800138000"), w.visitor(), w.visitor()
	path := attacker.hosted(askingOf(strict))
	if a := victim.get(path + "/here"); a.Status != http.StatusBadRequest || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("the page of another browser: %d %v", a.Status, a.Header)
	}
	code, _ := attacker.here(path)
	victim.open(code) // lured
	claim := p.claimOf(p.scansIn(victim, code))
	if shown := consentOf(t, claim); shown.SameBrowser != nil || shown.Confirmation == nil {
		t.Errorf("the consent says %+v", shown)
	}
	p.digits(claim)
}

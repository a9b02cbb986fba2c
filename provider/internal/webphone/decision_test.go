package webphone_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"qrlogin/api"
	"qrlogin/api/proof"
)

func TestPhoneLogsInByALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+86 138 0013 8000", 0)

	login := w.start("shop")
	p.follow(login.frame())
	p.on("consent")
	for _, text := range []string{"Log in to Kiln Lane?", "kiln-lane.example", "Firefox on Windows", "127.0.0.1", "Your whole phone number"} {
		p.says(text)
	}
	if state := login.state(); state != "claimed" {
		t.Errorf("after the scan: %s", state)
	}
	p.press("consent.approve")
	p.on("approved")
	if !login.tokens() {
		t.Error("the site gets no tokens")
	}
	// And it is in the list, from where it can be ended.
	p.press("done")
	p.on("home")
	p.says("Firefox on Windows")
	p.menu("home.logins", "logins")
	p.press("logins.disown")
	p.press("logins.disown")
	p.says("Ended")
	p.close()
}

func TestPhoneThatIsNewGoesOnToTheCodeThatItWasOpenedWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	login := w.start("shop")
	p.open(login.frame())
	p.says("You have opened a login code")
	if fragment := js[string](p, "location.href"); fragment != w.issuer+"/phone" {
		t.Errorf("the address still says %s", fragment)
	}
	if state := login.state(); state != "pending" {
		t.Errorf("a phone that is nobody's: %s", state)
	}
	p.enrolHere("+8613800138001", 0)
	p.press("ready.continue")
	p.on("consent")
	p.press("consent.decline")
	p.on("denied")
	if state := login.state(); state != "gone" || login.tokens() {
		t.Errorf("declined: %s", state)
	}
	p.close()
}

func TestPhoneShowsDigitsThatThePageMustBeGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138002", 0)
	login := w.start("strict")
	p.follow(login.frame())
	p.on("consent")
	p.says("four digits")
	p.press("consent.approve")
	p.on("confirming")
	digits := js[string](p, "document.querySelector('.code').textContent")
	if login.state() != "confirming" || login.tokens() {
		t.Error("it counts without the digits")
	}
	r, _ := http.NewRequest(http.MethodPost, w.issuer+"/challenges/"+login.ChallengeId+"/confirm", strings.NewReader(fmt.Sprintf(`{"code":%q}`, digits)))
	r.Header.Set("Authorization", "Bearer "+login.Watch)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent || !login.tokens() {
		t.Errorf("the digits %q: %d", digits, answer.StatusCode)
	}
	p.close()
}

func TestPhoneTakesATypedCodeAndWarnsOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138003", 0)
	login := w.start("tv")
	p.press("home.type")
	p.fill("code", "wdjb")
	p.press("type.send")
	p.says("A code has eight letters")
	p.fill("code", strings.ToLower(strings.ReplaceAll(login.UserCode, "-", " ")))
	p.press("type.send")
	p.on("consent")
	p.says("This code may have been copied")
	// What is warned of comes before all else, also for who listens.
	if !js[bool](p, `(() => {
		const warnings = document.querySelector('#warnings'), heading = document.querySelector('h1');
		return warnings.compareDocumentPosition(heading) === Node.DOCUMENT_POSITION_FOLLOWING && heading.getAttribute('aria-describedby') === 'warnings';
	})()`) {
		t.Error("the warnings are not first")
	}
	p.press("consent.approve")
	p.on("approved")
	p.close()
}

// RFC 10027 §6.1.14: decline comes first and weighs the same.
func TestPhoneOffersToDeclineFirstAndAsProminently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138004", 0)
	for _, size := range []string{"100%", "200%"} {
		p.consent(nil)
		js[string](p, "document.documentElement.style.fontSize = '"+size+"'")
		if found := js[string](p, `(() => {
			const [a, b] = document.querySelectorAll('.screen > .actions button'), x = a.getBoundingClientRect(), y = b.getBoundingClientRect();
			const style = (e) => { const s = getComputedStyle(e); return [s.fontSize, s.fontWeight, s.color, s.paddingInline, s.borderRadius].join(); };
			if (a.id !== 'decline' || b.id !== 'approve') return 'another order';
			if (x.width !== y.width || x.height !== y.height || style(a) !== style(b)) return 'another size or weight';
			if (x.top > y.top || x.top === y.top && x.left > y.left) return 'another place';
			return '';
		})()`); found != "" {
			t.Errorf("text %s: %s", size, found)
		}
	}
	if js[bool](p, "!!document.querySelector('#session')") {
		t.Error("this is my computer, which was not offered")
	}
	p.consent(object{"session_offered": true})
	if js[bool](p, "document.querySelector('#session').checked") {
		t.Error("this is my computer, without being said")
	}
	p.close()
}

// ADR 0004: what is shown is what is signed, byte for byte, however the provider spaced it.
func TestPhoneSignsTheBytesThatTheScanReturned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138005", 0)
	said := ` {"client" :{"id":"shop","name":"K\u0069ln  L\u00e4ne 窯","domains":[ ]},` + "\n\t" +
		`"scopes":["openid"],"browser":{},"session_offered":true, "claimed_at":"2026-01-01T00:00:00.000Z","challenge":"` + challengeID + `"}`
	w.answer("POST /phone/scans", http.StatusOK, object{
		"challenge_id": challengeID, "consent": base64.RawURLEncoding.EncodeToString([]byte(said)), "expires_in": 100,
	})
	for _, session := range []bool{false, true} {
		decisions := make(chan string, 1)
		w.intercept("POST /phone/decisions", func(rw http.ResponseWriter, r *http.Request) {
			var body api.DecisionRequest
			_ = json.NewDecoder(r.Body).Decode(&body)
			decisions <- body.Decision
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write([]byte(`{"state":"approved"}`))
		})
		p.follow(w.issuer + "/phone?q=" + challengeID + ".1.AEBAGBAFAYDQQ")
		p.on("consent")
		p.says("Kiln Läne 窯")
		if session {
			p.tapOn("#session")
		}
		p.press("consent.approve")
		p.on("approved")
		decision, err := proof.VerifyDecision(<-decisions, w.issuer)
		if err != nil {
			t.Fatal(err)
		}
		if string(decision.Consent) != said || decision.Challenge != challengeID || decision.Verdict != proof.Approve || decision.Session != session {
			t.Errorf("signed %+v, consent %s", decision, decision.Consent)
		}
	}
	p.close()
}

func TestPhoneDoesNotShowAConsentAboutAnotherChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138006", 0)
	w.answer("POST /phone/scans", http.StatusOK, object{
		"challenge_id": challengeID, "expires_in": 100,
		"consent": base64.RawURLEncoding.EncodeToString([]byte(`{"challenge":"ANOTHER","client":{"id":"x","name":"X","domains":[]},"browser":{},"scopes":[]}`)),
	})
	p.follow(w.issuer + "/phone?q=" + challengeID + ".1.AEBAGBAFAYDQQ")
	p.says(p.word("problem.title"))
	p.close("status of 404") // there is nothing to give back
}

func TestPhoneSendsNothingForACodeOfAnotherProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138007", 0)
	for _, brought := range []string{"?q=", "?q=a/b", "?q=a&q=b", "?q=https://evil.example/q/X", "#q/X", "#here/X", "#here/X/short", "#x", "?q=" + strings.Repeat("A", 600)} {
		p.open(w.issuer + "/phone" + brought)
		p.await("document.querySelector('main:not([aria-busy]) h1')")
	}
	if n := w.times("POST /phone/scans"); n != 0 {
		t.Errorf("%d scans", n)
	}
	p.close()
}

// transaction is the name of a hosted page.
const transaction = "ABCDEFGHIJKLMNOPQRSTUV2345"

// The hosted page in this browser waits for the decision (DESIGN.md §3, one device).
func TestPhoneGoesBackToTheHostedPageAfterEitherDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138008", 0)
	w.intercept("GET /authorize/"+transaction, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte(`<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Hosted</title>the hosted page`))
	})
	for _, button := range []string{"consent.approve", "consent.decline", "later"} {
		p.consent(object{"same_browser": true}) // so that its answers are made up
		w.answer("POST /phone/decisions", http.StatusOK, object{"state": map[string]string{"consent.approve": "approved"}[button]})
		p.follow(w.issuer + "/phone#here/" + challengeID + ".1.AEBAGBAFAYDQQ/" + transaction)
		p.on("consent")
		p.says("This browser, on this phone")
		p.press(button)
		p.says("the hosted page")
	}
	p.close()
}

// Opening a link, being enrolled, having the page open: none of these approves.
func TestPhoneApprovesNothingWithoutAPersonsTouch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138009", 0)
	login := w.start("shop")
	p.follow(login.frame())
	p.on("consent")
	p.await("!document.querySelector('#approve').disabled")
	if js[bool](p, `(() => {
		const approve = document.querySelector('#approve');
		approve.click();
		for (const name of ['pointerdown', 'pointerup', 'touchend', 'mousedown', 'mouseup', 'click', 'submit']) approve.dispatchEvent(new Event(name, { bubbles: true }));
		approve.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
		approve.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, view: window }));
		return approve.disabled; // as it is once a decision is on its way
	})()`) {
		t.Error("a script decides")
	}
	if w.times("POST /phone/decisions") != 0 || login.state() != "claimed" {
		t.Error("a script has decided")
	}
	// A key is as good as a finger.
	js[bool](p, "document.querySelector('#approve').focus() ?? true")
	p.do(chromedp.KeyEvent("\r"))
	p.on("approved")
	p.close()
}

// A touch that was meant for what was there before, or that an attacker has lured to this place, finds nothing to press; nor does one of
// many in a row.
func TestPhoneTakesNoApprovalBeforeTheConsentHasBeenInViewForAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138010", 0)
	// The page's clock is in the test's hand.
	p.inject(`{ const { setTimeout: wait, clearTimeout: clear } = window, held = new Map(); let n = 0, anew = false;
		window.setTimeout = (f, ms, ...more) => ms >= 500 && ms <= 1000 ? (held.set(--n, f), anew = true, n) : wait(f, ms, ...more);
		window.clearTimeout = (id) => held.delete(id) || clear(id);
		window.__anew = () => held.size === 1 && anew && !(anew = false);
		window.__settle = () => { held.forEach((f) => f()); held.clear(); return true; }; }`)
	login := w.start("shop")
	p.open(login.frame())
	for _, step := range []struct{ screen, button string }{{"landed", "#see"}, {"consent", "#approve"}} {
		p.on(step.screen)
		p.await("__anew()")
		p.tapOn(step.button)
		p.await("__anew()")
		if !js[bool](p, "document.querySelector('"+step.button+"').disabled") || w.times("POST /phone/decisions") != 0 {
			t.Error("it takes a touch at once")
		}
		if js[bool](p, "[...document.querySelectorAll('.actions button')][0].disabled") {
			t.Error("declining has to wait")
		}
		js[bool](p, "__settle()")
		p.await("!document.querySelector('" + step.button + "').disabled")
		// Another window was in front: the same again.
		js[bool](p, "dispatchEvent(new Event('focus'))")
		p.await("document.querySelector('" + step.button + "').disabled && __anew()")
		js[bool](p, "__settle()")
		if step.screen == "landed" {
			p.press("landed.see")
		}
	}
	p.press("consent.approve")
	p.on("approved")
	p.close()
}

func TestPhoneGivesACodeBackWhenThePersonLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138011", 0)
	for name, leave := range map[string]func(){
		"not now":   func() { p.press("later"); p.on("home") },
		"back":      func() { js[bool](p, "history.back() ?? true"); p.on("type") },
		"elsewhere": func() { p.do(chromedp.Navigate("about:blank")) },
	} {
		login := w.start("shop")
		if name == "back" {
			p.home()
			p.press("home.type")
			p.on("type")
			js[bool](p, "location.hash = "+fmt.Sprintf("%q", strings.TrimPrefix(login.here(), w.issuer+"/phone"))+"; true")
			p.press("landed.see")
		} else {
			p.follow(login.frame())
		}
		p.on("consent")
		if state := login.state(); state != "claimed" {
			t.Errorf("%s: before it, %s", name, state)
		}
		leave()
		p.eventually(name+": given back", func() bool { return login.state() == "pending" })
	}
	if n := w.times("POST /phone/decisions"); n != 0 {
		t.Errorf("%d decisions", n)
	}
	p.close()
}

// A link may come from anywhere: not even that there is a phone here is told before the person wants it.
func TestPhoneThatIsOpenedByALinkClaimsNothingBeforeATouch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138019", 0)
	w.answer("GET /authorize/"+transaction, http.StatusNotFound, "transaction-unknown") // no page here began the login of the second link
	for _, link := range []struct {
		address func(started) string
		warning string
		leave   func()
	}{
		{started.frame, "consent.education", func() { p.on("home") }},
		{started.here, "landed.education.here", func() { p.says("transaction-unknown") }},
	} {
		login := w.start("shop")
		p.open(link.address(login))
		p.on("landed")
		p.says(p.word(link.warning))
		p.await("!document.querySelector('#see').disabled")
		js[bool](p, "document.querySelector('#see').click() ?? true") // a script
		p.on("landed")
		p.do(chromedp.Reload())
		p.on("landed")
		if state := login.state(); state != "pending" || w.times("POST /phone/scans") != 0 {
			t.Errorf("before a touch: %s", state)
		}
		p.press("later")
		link.leave()
		if state := login.state(); state != "pending" {
			t.Errorf("not now: %s", state)
		}
	}
	p.close("status of 404")
}

// A browser that makes a page ready in advance tells nobody that there is a phone.
func TestPhoneAsksNothingWhileNobodySeesThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138012", 0)
	p.says("+8613800138012")
	p.inject(`{ let hidden = true; Object.defineProperty(document, 'visibilityState', { get: () => hidden ? 'hidden' : 'visible' });
		window.__show = () => { hidden = false; document.dispatchEvent(new Event('visibilitychange')); }; }`)
	before := w.times("GET /phone/account")
	p.open(w.issuer + "/phone#x")
	p.await("location.hash === ''") // its script has run
	js[bool](p, "new Promise((then) => requestIdleCallback(() => then(true)))")
	if w.times("GET /phone/account") != before {
		t.Error("a page that nobody sees has asked for the account")
	}
	js[bool](p, "__show() ?? true")
	p.says("+8613800138012")
	p.close()
}

func TestPhoneSaysThatTheTimeToDecideIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138013", 0)
	p.consent(nil)
	p.inject("performance.now = ((now) => () => now() + (window.__later ?? 0))(performance.now.bind(performance));")
	p.consent(nil)
	js[int](p, "window.__later = 225_000")
	p.await("document.querySelector('.clock').textContent.startsWith('0:2')")
	p.await("document.querySelector('p.hidden[role=status]').textContent")
	js[int](p, "window.__later = 300_000")
	p.on("expired")
	p.close()
}

func TestPhoneSaysWhatIsWrongAndThatNothingWasApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138014", 0)
	for code, status := range map[string]int{"code-stale": 422, "claimed-by-another": 409, "gone": 410, "too-far": 403, "unavailable": 503} {
		w.answer("POST /phone/scans", status, code)
		p.follow(w.issuer + "/phone?q=" + challengeID + ".1.AEBAGBAFAYDQQ")
		p.says(p.word("problem." + code))
	}
	// A decision that the network lost may be taken again.
	p.consent(nil)
	w.answer("POST /phone/decisions", http.StatusServiceUnavailable, "unavailable")
	p.press("consent.approve")
	p.says(p.word("problem.unavailable"))
	p.decide("consent.approve", object{"state": "approved"})
	p.on("approved")
	p.close("Failed to load resource")
}

// What came of an approval is not to be said where it is not known. The provider forgets a login that is over, and says "gone" then.
func TestPhoneSaysThatAnApprovalWasSentWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.inject("performance.now = ((now) => () => now() + (window.__later ?? 0))(performance.now.bind(performance));")
	p.enrol("+8613800138015", 0)
	for name, goOn := range map[string]func(){
		"at the next try": func() {
			w.intercept("POST /phone/decisions", func(rw http.ResponseWriter, r *http.Request) {
				w.answer("POST /phone/decisions", http.StatusGone, "gone")
				w.unheard(rw, r)
			})
			p.press("consent.approve")
		},
		"after another touch": func() {
			w.lose("POST /phone/decisions")
			p.press("consent.approve")
			p.says(p.word("problem.offline"))
			w.answer("POST /phone/decisions", http.StatusConflict, "wrong-state")
			p.press("consent.approve")
		},
		"when it is declined then": func() {
			w.lose("POST /phone/decisions")
			p.press("consent.approve")
			p.says(p.word("problem.offline"))
			w.intercept("POST /phone/decisions", nil)
			p.press("consent.decline")
		},
		"when the time is over": func() {
			w.lose("POST /phone/decisions")
			p.press("consent.approve")
			p.says(p.word("problem.offline"))
			js[int](p, "window.__later = 400_000")
		},
	} {
		login := w.start("shop")
		p.follow(login.frame())
		p.on("consent")
		goOn()
		p.on("unheard")
		if !login.tokens() {
			t.Errorf("%s: the site gets no tokens", name)
		}
		w.intercept("POST /phone/decisions", nil)
	}
	p.press("home.logins")
	p.on("logins")
	p.says("Firefox on Windows")
	p.close("net::ERR_", "status of 4", "status of 5")
}

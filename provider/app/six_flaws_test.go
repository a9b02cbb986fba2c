package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// The six flaws that a study found in the wild (SECURITY.md §1), each attacked: four of the code here, two of the person in
// six_flaws_person_test.go.

// Flaw 1: the result is not bound to the browser that asked.

func TestTheWatchCapabilityYieldsNoTokenAtAnyEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	p.approve(started)

	tries := map[string]answer{
		"as the device_code": w.ask("shop", shopSecret, url.Values{"device_code": {started.Watch}}),
		"watching":           w.do(w.byWatch(http.MethodGet, started, "")),
		"as an SVG":          w.do(w.byWatch(http.MethodGet, started, "/qr.svg")),
		"as a PNG":           w.do(w.byWatch(http.MethodGet, started, "/qr.png")),
		"a receipt":          w.receipt(started),
		"at the phone's":     w.do(w.byWatch(http.MethodGet, started, "/../../phone/account")),
	}
	r := w.formRequest("/token", "shop", "", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {started.DeviceCode},
	}, "Authorization", "Bearer "+started.Watch)
	tries["as the client's credentials"] = w.do(r)
	for name, a := range tries {
		if strings.Contains(string(a.Body), "eyJ") || strings.Contains(string(a.Body), "access_token") {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	w.wantState(started, api.ChallengeStateApproved)

	if a := w.poll(started, ""); a.Status != http.StatusOK { // the site still can, and the page learns that it did, no more
		t.Fatalf("token: %d %s", a.Status, a.Body)
	}
	if _, a := w.watch(started, 0); strings.Contains(string(a.Body), "eyJ") {
		t.Errorf("the page is shown %s", a.Body)
	}
}

func TestTheIDFromTheQRGetsNobodyAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	frame := w.frame(started)
	id := started.ChallengeId
	secret := strings.TrimPrefix(frame, w.issuer+"/q/"+id)
	for _, guess := range []string{id, id + secret, id + "." + strings.Repeat("A", 43), frame, started.UserCode} {
		a := w.ask("shop", shopSecret, url.Values{"device_code": {guess}})
		a.wants(t, "device_code "+guess, http.StatusBadRequest, "invalid_grant")
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			r := w.request(method, "/challenges/"+id, nil)
			r.Header.Set("Authorization", "Bearer "+guess)
			w.do(r).wants(t, method+" "+guess, http.StatusUnauthorized, "watch-invalid")
		}
		for _, path := range []string{"/qr.svg", "/qr.png"} {
			r := w.request(http.MethodGet, "/challenges/"+id+path, nil)
			r.Header.Set("Authorization", "Bearer "+guess)
			w.do(r).wants(t, path+" "+guess, http.StatusUnauthorized, "watch-invalid")
		}
	}
	w.wantState(started, api.ChallengeStatePending)
}

func TestTheDeviceCodeDoesNotWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	started.Watch = started.DeviceCode
	_, a := w.watch(started, 0)
	a.wants(t, "watching with the device_code", http.StatusUnauthorized, "watch-invalid")
	w.cancel(started).wants(t, "cancelling with the device_code", http.StatusUnauthorized, "watch-invalid")
}

func TestACapabilityOfAnotherChallengeDoesNotWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, other := w.start(), w.start()
	other.Watch = mine.Watch
	_, a := w.watch(other, 0)
	a.wants(t, "watching with another's capability", http.StatusUnauthorized, "watch-invalid")
	other.Watch = other.ChallengeId + strings.TrimPrefix(mine.Watch, mine.ChallengeId)
	_, a = w.watch(other, 0)
	a.wants(t, "with another's secret", http.StatusUnauthorized, "watch-invalid")
}

func TestNoSecretIsInAURLThatIsHandedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, started := range []api.DeviceAuthorization{w.start(), w.startAs("tv", "")} {
		view, _ := w.watch(started, 0)
		urls := []string{started.VerificationUri}
		if started.VerificationUriComplete != nil {
			urls = append(urls, *started.VerificationUriComplete)
		}
		for _, f := range *view.Frames {
			urls = append(urls, f.Code)
		}
		for _, u := range urls {
			for _, secret := range []string{started.DeviceCode, started.Watch} {
				if _, secret, _ = strings.Cut(secret, "."); strings.Contains(u, secret) {
					t.Errorf("%s holds a secret", u)
				}
			}
		}
	}
}

func TestOnlyTheDeviceKeyThatClaimedDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner, other := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	started := w.start()
	claim := owner.claim(started)
	for _, v := range []proof.Verdict{proof.Approve, proof.Deny} {
		w.sendDecision(other.signed(claim, v)).wants(t, string(v), http.StatusConflict, "claimed-by-another")
	}
	other.release(claim).wants(t, "release", http.StatusConflict, "claimed-by-another")
	w.wantState(started, api.ChallengeStateClaimed)
	stranger := w.rawPhone()
	w.sendDecision(stranger.signed(claim, proof.Approve)).wants(t, "a key that is not enrolled", http.StatusUnauthorized, "device-unknown")
	w.wantState(started, api.ChallengeStateClaimed)
}

// Flaw 2: a QR can be used again.

func TestACodeThatWasUsedIsGoneAndItsReuseIsAudited(t *testing.T) {
	for name, end := range map[string]func(*world, rawPhone, api.DeviceAuthorization){
		"redeemed":                     func(w *world, p rawPhone, s api.DeviceAuthorization) { p.approve(s); w.poll(s, ""); w.receipt(s) },
		"denied":                       func(_ *world, p rawPhone, s api.DeviceAuthorization) { p.decide(p.claim(s), proof.Deny) },
		"cancelled":                    func(w *world, p rawPhone, s api.DeviceAuthorization) { w.cancel(s) },
		"cancelled after the approval": func(w *world, p rawPhone, s api.DeviceAuthorization) { p.approve(s); w.cancel(s) },
		"redeemed, and its window over": func(w *world, p rawPhone, s api.DeviceAuthorization) {
			p.approve(s)
			w.poll(s, "")
			time.Sleep(10 * time.Second)
		},
		"expired": func(*world, rawPhone, api.DeviceAuthorization) { time.Sleep(5 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			folder, kept := inFolder(t)
			inBubble(t, func(t *testing.T, w *world) {
				first, second := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
				started := w.start()
				frame := w.frame(started)
				end(w, first, started)
				for i, p := range []rawPhone{first, second} {
					p.scan(frame).wants(t, "scanned again", http.StatusGone, "gone")
					events := audited(t, folder, "code.reused")
					if len(events) != i+1 || events[i].Account == "" {
						t.Errorf("after %d reuses the audit says %+v", i+1, events)
					}
				}
			}, kept)
		})
	}
}

func TestAClaimedCodeIsNobodyElsesAndTheTryIsAudited(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	first, second := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	started := w.start()
	frame := w.frame(started)
	claim := first.claimBy(frame)
	second.scan(frame).wants(t, "the second phone", http.StatusConflict, "claimed-by-another")
	if again := first.claimBy(frame); again.Consent != claim.Consent {
		t.Error("the same phone was shown something else the second time")
	}
	if events := audited(t, folder, "code.contested"); len(events) != 1 {
		t.Errorf("the audit says %+v", events)
	}
}

// Flaw 3: predictable id.

func TestNothingThatIsHandedOutRepeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := map[string]bool{}
	for range 100 {
		started := w.start()
		id, deviceSecret, _ := strings.Cut(started.DeviceCode, ".")
		_, watchSecret, _ := strings.Cut(started.Watch, ".")
		if id != started.ChallengeId || len(id) != 26 || len(deviceSecret) != 43 || len(watchSecret) != 43 {
			t.Fatalf("lengths: %d %d %d", len(id), len(deviceSecret), len(watchSecret))
		}
		for _, s := range []string{id, deviceSecret, watchSecret, started.UserCode} {
			// A counter, a clock or a short seed would show at one end or the other.
			for _, part := range []string{s, "head " + s[:min(7, len(s))], "tail " + s[len(s)-7:]} {
				if seen[part] {
					t.Fatalf("%q came twice", part)
				}
			}
			for _, part := range []string{s, "head " + s[:min(7, len(s))], "tail " + s[len(s)-7:]} {
				seen[part] = true
			}
		}
	}
}

// Flaw 4: the client chooses the id.

func TestAnIDFromOutsideIsIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const mine = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	secret := mine + "." + strings.Repeat("A", 43)
	values := url.Values{"scope": {"openid"}, "challenge_id": {mine}, "id": {mine}, "device_code": {secret}, "watch": {secret}, "user_code": {"BBBB-BBBB"}}
	a := w.form("/device_authorization?"+values.Encode(), "shop", shopSecret, values)
	if a.Status != http.StatusOK || strings.Contains(string(a.Body), mine) || strings.Contains(string(a.Body), "BBBB-BBBB") {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodPatch} {
		r := w.request(method, "/challenges/"+mine, nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		w.do(r).wants(t, method, http.StatusMethodNotAllowed, "method-not-allowed")
	}
	_, a = w.watch(api.DeviceAuthorization{ChallengeId: mine, Watch: secret}, 0)
	a.wants(t, "watching an id of my own", http.StatusUnauthorized, "watch-invalid")
	p := w.rawPhone().enrolled("+8613800138000")
	p.scan(w.issuer+"/q/"+mine).wants(t, "scanning an id of my own", http.StatusNotFound, "code-unknown")
}

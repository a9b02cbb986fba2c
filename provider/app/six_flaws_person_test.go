package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// Flaw 5: the phone is trusted for saying its number.

func TestANumberThatThePhoneClaimsToHaveIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	frame := w.frame(started)
	lie := map[string]string{"code": frame, "phone_number": "+8613900139000", "account": "x"}
	p.send(http.MethodPost, "/phone/scans", lie).wants(t, "scan", http.StatusBadRequest, "bad-request")
	lie = map[string]string{"code": "000000", "phone_number": "+8613900139000"}
	p.send(http.MethodPost, "/phone/enrollments/x/confirm", lie).wants(t, "confirm", http.StatusBadRequest, "bad-request")

	claim := p.claimBy(frame)
	jws := forge(t, p.key, map[string]any{"typ": proof.DecisionType}, map[string]any{
		"aud": w.issuer, "challenge": claim.ChallengeId, "decision": "approve", "iat": time.Now().Unix(), "consent": claim.Consent,
		"phone_number": "+8613900139000", "sub": "another", "iss": "another",
	})
	if a := w.sendDecision(jws); a.Status != http.StatusOK {
		t.Fatalf("decision: %d %s", a.Status, a.Body)
	}
	var tokens api.TokenResponse
	w.poll(started, "").decode(t, &tokens)
	if got := claimsOf(t, *tokens.IdToken)["phone_number"]; got != "+8613800138000" {
		t.Errorf("the site is told %v", got)
	}
}

func TestAnEnrolmentCodeIsGoodForTheKeyAndNumberThatAskedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	enroll := func(p rawPhone, number string) string {
		var e api.Enrollment
		p.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: number}).decode(t, &e)
		return e.EnrollmentId
	}
	confirm := func(p rawPhone, id, code string) answer {
		return p.send(http.MethodPost, "/phone/enrollments/"+id+"/confirm", api.EnrollmentConfirmation{Code: code})
	}
	victim, thief := w.rawPhone(), w.rawPhone()
	id, own := enroll(victim, "+8613800138000"), enroll(thief, "+8613900139000")
	code, ownCode := w.lastCode("+8613800138000"), w.lastCode("+8613900139000")
	confirm(thief, id, code).wants(t, "another key", http.StatusUnprocessableEntity, "enrollment-code-wrong")
	if code != ownCode { // one time in a million
		confirm(thief, own, code).wants(t, "another number's code", http.StatusUnprocessableEntity, "enrollment-code-wrong")
	}
	if a := confirm(victim, id, code); a.Status != http.StatusCreated {
		t.Errorf("the one who asked: %d %s", a.Status, a.Body)
	}
	confirm(victim, id, code).wants(t, "a second time", http.StatusUnprocessableEntity, "enrollment-code-wrong")
	victim.wantDevices(1, 0)
	victim.send(http.MethodGet, "/phone/account", nil).wants(t, "whose answer was lost", http.StatusOK, "")
}

// Flaw 6: data leaks. What is logged: logs_test.go.

func TestBeforeTheApprovalThePageLearnsNothingOfWhom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	claim := p.claim(started)
	_, a := w.watch(started, 0)
	var members map[string]any
	a.decode(t, &members)
	if got := fmt.Sprint(slices.Sorted(maps.Keys(members))); got != "[expires_in_ms state version]" {
		t.Errorf("a claimed challenge shows %s", got)
	}
	w.poll(started, "").wants(t, "the site", http.StatusBadRequest, "authorization_pending")
	p.decide(claim, proof.Approve)
	for _, secret := range []string{"8000", proof.Thumbprint(&p.key.PublicKey)} {
		if _, a = w.watch(started, 0); strings.Contains(string(a.Body), secret) {
			t.Errorf("after the approval the page is shown %s", a.Body)
		}
	}
}

func TestAPhoneThatHasNotClaimedLearnsNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	started := w.start()
	frame := w.frame(started)
	claim := first.claimBy(frame)
	for name, a := range map[string]answer{
		"scanning":  second.scan(frame),
		"deciding":  w.sendDecision(second.signed(claim, proof.Approve)),
		"releasing": second.release(claim),
	} {
		var members map[string]any
		if err := json.Unmarshal(a.Body, &members); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(slices.Sorted(maps.Keys(members))); got != "[code status title type]" {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}

func TestAskingForACodeDoesNotTellWhetherTheNumberIsKnown(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	w := newWorld(t, withStore("redis://"+redis.Addr()))
	w.rawPhone().enrolled("+8613800138000")
	shape := func(number string) string {
		redis.FastForward(24 * time.Hour) // every counter begins anew
		before := redis.CommandCount()
		a := w.rawPhone().send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: number})
		var e api.Enrollment
		a.decode(t, &e)
		a.Header.Del("Date")
		a.Header.Del("X-Request-Id")
		return fmt.Sprint(a.Status, len(e.EnrollmentId), e.ExpiresIn, len(a.Body), a.Header, redis.CommandCount()-before)
	}
	if known, unknown := shape("+8613800138000"), shape("+8613800138001"); known != unknown {
		t.Errorf("known %s, unknown %s", known, unknown)
	}
}

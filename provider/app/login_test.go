package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

func TestAPhoneLogsAPageInAndTheChallengeIsGoneAfterwards(t *testing.T) {
	w := newWorld(t)
	p := w.phone("+8613800138000")
	started := w.start()

	view, _ := w.watch(started, 0)
	if view.State != api.ChallengeStatePending || len(*view.Frames) != 8 {
		t.Fatalf("first look: %+v", view)
	}
	claim, err := p.Scan(t.Context(), (*view.Frames)[0].Code)
	if err != nil {
		t.Fatal(err)
	}
	if got := claim.Consent.Client.Name; got != "The Shop" {
		t.Errorf("the consent names %q", got)
	}
	if got := claim.Consent.Browser.UserAgent; got == nil || *got != "Browser/1.0" {
		t.Errorf("the consent's browser is %+v", claim.Consent.Browser)
	}
	if view, _ = w.watch(started, view.Version); view.State != api.ChallengeStateClaimed || view.Frames != nil {
		t.Fatalf("after the scan: %+v", view)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	if view, _ = w.watch(started, view.Version); view.State != api.ChallengeStateApproved {
		t.Fatalf("after the approval: %+v", view)
	}
	a := w.poll(started, "wait=25")
	if a.Status != http.StatusOK || a.Header.Get("Preference-Applied") != "wait=25" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("token: %d %v %s", a.Status, a.Header, a.Body)
	}
	var tokens api.TokenResponse
	a.decode(t, &tokens)

	provider, err := oidc.NewProvider(t.Context(), w.issuer)
	if err != nil {
		t.Fatal(err)
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: "shop", SupportedSigningAlgs: []string{"ES256"}}).Verify(t.Context(), *tokens.IdToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Nonce, ACR, SID string
		AMR             []string
		AuthTime        int64  `json:"auth_time"`
		Phone           string `json:"phone_number"`
		Verified        bool   `json:"phone_number_verified"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Nonce != "n-1" || claims.ACR == "" || claims.SID == "" || len(claims.AMR) == 0 || claims.AuthTime == 0 ||
		claims.Phone != "+8613800138000" || !claims.Verified || id.Subject == "" {
		t.Errorf("ID token: %s %+v", id.Subject, claims)
	}
	if view, _ = w.watch(started, view.Version); view.State != api.ChallengeStateRedeemed {
		t.Errorf("after the redemption: %+v", view)
	}
	receipt := w.request(http.MethodPost, "/challenges/"+started.ChallengeId+"/receipt", nil)
	receipt.Header.Set("Authorization", "Bearer "+started.Watch)
	if a := w.do(receipt); a.Status != http.StatusNoContent {
		t.Fatalf("receipt: %d %s", a.Status, a.Body)
	}
	var problem api.Problem
	_, a = w.watch(started, 0)
	a.decode(t, &problem)
	if a.Status != http.StatusGone || problem.Outcome == nil || *problem.Outcome != api.OutcomeRedeemed {
		t.Errorf("after the receipt: %d %s", a.Status, a.Body)
	}
	if a := w.poll(started, ""); a.error() != "invalid_grant" {
		t.Errorf("redeeming what is gone: %s", a.Body)
	}
}

func TestAHeldTokenRequestIsAnsweredAtTheApproval(t *testing.T) {
	w := newWorld(t)
	p := w.phone("+8613800138000")
	started := w.start()
	answered := make(chan answer, 1)
	request := w.pollRequest("shop", shopSecret, started, "wait=25")
	go func() {
		a, _ := w.try(request)
		answered <- a
	}()
	w.approve(p, started)
	select {
	case a := <-answered:
		if a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	case <-time.After(20 * time.Second):
		t.Error("the held request was not woken")
	}
}

func TestSubjectsDifferFromSiteToSiteAndStayTheSameAtOne(t *testing.T) {
	w := newWorld(t)
	p := w.phone("+8613800138000")
	subject := func(client, secret string) string {
		started := w.startAs(client, secret)
		w.approve(p, started)
		var tokens api.TokenResponse
		w.pollAs(client, secret, started, "").decode(t, &tokens)
		return claimsOf(t, *tokens.IdToken)["sub"].(string)
	}
	first, again, other := subject("shop", shopSecret), subject("shop", shopSecret), subject("other", otherSecret)
	if first != again {
		t.Error("the same site sees the same person as two")
	}
	if first == other {
		t.Error("two sites can join what they know of a person")
	}
}

// claimsOf reads a JWT's claims without verifying it.
func claimsOf(t testing.TB, jwt string) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %d parts", len(parts))
	}
	var claims map[string]any
	if err := json.Unmarshal(decode64(t, parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestADeclinedLoginSaysAccessDeniedToTheSiteAndDeniedToThePage(t *testing.T) {
	w := newWorld(t)
	p := w.phone("+8613800138000")
	started := w.start()
	claim, err := p.Scan(t.Context(), w.frame(started))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Deny(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if a := w.poll(started, ""); a.Status != http.StatusBadRequest || a.error() != "access_denied" {
		t.Errorf("site: %d %s", a.Status, a.Body)
	}
	var problem api.Problem
	_, a := w.watch(started, 0)
	a.decode(t, &problem)
	if problem.Outcome == nil || *problem.Outcome != api.OutcomeDenied {
		t.Errorf("page: %d %s", a.Status, a.Body)
	}
}

func TestACancelledChallengeIsGoneAndARedeemedOneCannotBeCancelled(t *testing.T) {
	w := newWorld(t)
	p := w.phone("+8613800138000")
	cancel := func(started api.DeviceAuthorization) answer {
		r := w.request(http.MethodDelete, "/challenges/"+started.ChallengeId, nil)
		r.Header.Set("Authorization", "Bearer "+started.Watch)
		return w.do(r)
	}
	started := w.start()
	if a := cancel(started); a.Status != http.StatusNoContent {
		t.Fatalf("cancel: %d %s", a.Status, a.Body)
	}
	if a := w.poll(started, ""); a.error() != "access_denied" {
		t.Errorf("cancelled: %s", a.Body)
	}
	started = w.start()
	w.approve(p, started)
	w.poll(started, "")
	if a := cancel(started); a.Status != http.StatusConflict || a.error() != "wrong-state" {
		t.Errorf("cancel after redeem: %d %s", a.Status, a.Body)
	}
}

func TestAReleasedChallengeCanBeScannedByAnotherPhone(t *testing.T) {
	w := newWorld(t)
	first, second := w.phone("+8613800138000"), w.phone("+8613800138001")
	started := w.start()
	claim, err := first.Scan(t.Context(), w.frame(started))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Release(context.WithoutCancel(t.Context()), claim); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Scan(t.Context(), w.frame(started)); err != nil {
		t.Error(err)
	}
}

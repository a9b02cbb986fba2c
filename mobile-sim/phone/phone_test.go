package phone

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/internal/fakeprovider"
)

// start returns a provider and a phone that is enrolled with it.
func start(t *testing.T) (*fakeprovider.Provider, *Phone) {
	t.Helper()
	fake := fakeprovider.New()
	t.Cleanup(fake.Close)
	p, err := Enroll(t.Context(), enrollment(fake, ""))
	if err != nil {
		t.Fatal(err)
	}
	return fake, p
}

func enrollment(fake *fakeprovider.Provider, home string) Enrollment {
	return Enrollment{
		Home: home, Provider: fake.URL, Number: "+8613800138000", Name: "My phone",
		Code: func(context.Context) (string, error) { return fakeprovider.Code, nil },
	}
}

// count tells how often a route was asked.
func count(fake *fakeprovider.Provider, route string) (n int) {
	for _, r := range fake.Requests() {
		if r == route {
			n++
		}
	}
	return n
}

// wantProblem wants the provider's refusal with this code.
func wantProblem(t *testing.T, err error, code string) {
	t.Helper()
	if p, ok := errors.AsType[*Problem](err); !ok || p.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func TestAPhoneScansAndItsHolderApproves(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Challenge(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	if claim.Challenge != c.ID || claim.Consent.Client.Name != "Demo Shop" || claim.ExpiresIn != 180*time.Second {
		t.Fatalf("claim %+v", claim)
	}
	if got := fake.State(c.ID); got != "claimed" {
		t.Fatalf("a scan made the challenge %s", got)
	}
	if _, err := p.Approve(t.Context(), claim, Approval{}); err != nil {
		t.Fatal(err)
	}
	if got := fake.State(c.ID); got != "approved" {
		t.Fatalf("the challenge is %s", got)
	}
}

func TestAPhoneScansAndItsHolderDenies(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Challenge(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Deny(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if got := fake.State(c.ID); got != "denied" {
		t.Fatalf("the challenge is %s", got)
	}
	// The denial that is answered to the first try is one thing; that somebody else ended it is another.
	wantProblem(t, p.Deny(t.Context(), claim), "gone")
}

func TestAReleasedCodeMayBeScannedByAnother(t *testing.T) {
	fake, p := start(t)
	other, err := Enroll(t.Context(), enrollment(fake, ""))
	if err != nil {
		t.Fatal(err)
	}
	_, frame := fake.Challenge(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Scan(t.Context(), frame)
	wantProblem(t, err, "claimed-by-another")
	if err := p.Release(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Scan(t.Context(), frame); err != nil {
		t.Fatal(err)
	}
}

func TestATypedCodeIsSentAsTheProviderSpellsIt(t *testing.T) {
	fake, p := start(t)
	c, _ := fake.Challenge(nil)
	for _, typed := range []string{"WDJB-MJHT", "wdjbmjht", " Wdjb mjht\n", "WD-JB-MJ-HT"} {
		claim, err := p.Scan(t.Context(), typed)
		if err != nil {
			t.Fatalf("%q: %v", typed, err)
		}
		if claim.Challenge != c.ID {
			t.Fatalf("%q: claimed %s", typed, claim.Challenge)
		}
	}
}

// RFC 10027 §6.1.5, and good manners: what is not this provider's is neither sent to it nor opened.
func TestAForeignCodeIsRefusedWithoutARequest(t *testing.T) {
	fake, p := start(t)
	_, frame := fake.Challenge(nil)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a code was followed: %s", r.URL)
	}))
	defer elsewhere.Close()
	before := len(fake.Requests())
	for _, code := range []string{
		"", "hello", elsewhere.URL, elsewhere.URL + "/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ",
		fake.URL, fake.URL + "/", fake.URL + "/qq/" + frame, fake.URL + ".evil.example/q/A",
		strings.Replace(frame, "http://", "http://user@", 1), strings.Replace(frame, "http", "HTTPS", 1),
		"see " + frame, frame + strings.Repeat("A", 512), "AEIO-UAEI",
	} {
		if _, err := p.Scan(t.Context(), code); !errors.Is(err, ErrForeignCode) {
			t.Errorf("%q: %v", code, err)
		}
	}
	if after := len(fake.Requests()); after != before {
		t.Fatalf("%d requests were sent", after-before)
	}
}

func TestAConsentOfAnotherChallengeIsReleased(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Challenge(func(c *fakeprovider.Challenge) { c.Consent.Challenge = "SOMEOTHER" })
	if _, err := p.Scan(t.Context(), frame); err == nil {
		t.Fatal("a consent of another challenge was shown")
	}
	if got := fake.State(c.ID); got != "released" {
		t.Fatalf("the challenge is %s", got)
	}
}

// A provider that answers with the claim of one challenge to the code of another would have the holder approve what is
// not on the screen.
func TestAClaimOfAnotherChallengeIsRefused(t *testing.T) {
	_, p := start(t)
	consent := base64.RawURLEncoding.EncodeToString([]byte(`{"challenge":"B"}`))
	answer := &api.Claim{ChallengeId: "B", Consent: consent}
	if _, err := p.readClaim(p.Issuer()+"/q/B.0.AEBAGBAFAYDQQ", answer); err != nil {
		t.Fatal(err)
	}
	if _, err := p.readClaim(p.Issuer()+"/q/A.0.AEBAGBAFAYDQQ", answer); err == nil {
		t.Fatal("a claim of another challenge was shown")
	}
}

func TestADroppedConnectionLosesNothing(t *testing.T) {
	for _, drops := range []int{1, 2} {
		fake, p := start(t)
		fake.Drop("POST /phone/scans", drops)
		fake.Drop("POST /phone/decisions", drops)
		c, frame := fake.Challenge(nil)
		claim, err := p.Scan(t.Context(), frame) // the fake refuses a jti that it has seen
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Approve(t.Context(), claim, Approval{}); err != nil {
			t.Fatal(err)
		}
		if got := fake.State(c.ID); got != "approved" {
			t.Fatalf("the challenge is %s", got)
		}
		if n := count(fake, "POST /phone/decisions"); n != drops+1 {
			t.Fatalf("%d decisions sent", n)
		}
	}
}

// The first try denied, and the challenge is gone when the second comes.
func TestADenialWhoseAnswerIsLostCounts(t *testing.T) {
	fake, p := start(t)
	_, frame := fake.Challenge(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	fake.Drop("POST /phone/decisions", 1)
	if err := p.Deny(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
}

// To approve what is gone is no success, however the answer to the first try was lost.
func TestAnApprovalOfWhatIsGoneFails(t *testing.T) {
	fake, p := start(t)
	_, frame := fake.Challenge(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Deny(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	fake.Drop("POST /phone/decisions", 1)
	_, err = p.Approve(t.Context(), claim, Approval{})
	wantProblem(t, err, "gone")
}

func TestAProviderThatIsAwayIsNotAskedForEver(t *testing.T) {
	fake, p := start(t)
	_, frame := fake.Challenge(nil)
	fake.Drop("POST /phone/scans", 100)
	if _, err := p.Scan(t.Context(), frame); err == nil {
		t.Fatal("scanned without an answer")
	}
	if n := count(fake, "POST /phone/scans"); n != maxTries {
		t.Fatalf("asked %d times", n)
	}
}

func TestANonceIsFollowedAndRemembered(t *testing.T) {
	fake, p := start(t)
	fake.SetNonce("n1")
	_, frame := fake.Challenge(nil)
	for range 3 {
		if _, err := p.Scan(t.Context(), frame); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(fake, "POST /phone/scans"); n != 4 { // one refused, three with the nonce
		t.Fatalf("%d requests for three scans", n)
	}
	fake.SetNonce("n2")
	if _, err := p.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestANonceThatIsNeverRightIsNotFollowedForEver(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("DPoP-Nonce", "n")
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"type":"t","title":"Use the nonce","status":401,"code":"proof-nonce"}`))
	}))
	defer server.Close()
	_, p := start(t)
	p, err := newPhone(server.URL, p.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Account(t.Context())
	wantProblem(t, err, "proof-nonce")
	if requests != 2 {
		t.Fatalf("%d requests", requests)
	}
}

func TestAnAnswerIsRefusedWhenItIs(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"without end": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{}")) // and all the rest is white space
			for range maxAnswer/1000 + 1 {
				_, _ = w.Write(slices.Repeat([]byte(" "), 1000))
			}
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				t.Error("the redirect was followed")
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"a page":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"a gateway's":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"broken JSON":  jsonAnswer(`{"phone_number":`),
		"another JSON": jsonAnswer(`[]`),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			_, p := start(t)
			p, err := newPhone(server.URL, p.key, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Account(t.Context()); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}

func jsonAnswer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
	}
}

func TestAProviderThatHangsIsGivenUp(t *testing.T) {
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer server.Close()
	defer close(hold)
	_, p := start(t)
	p, err := newPhone(server.URL, p.key, &http.Client{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Account(t.Context()); err == nil {
		t.Fatal("an answer from nowhere")
	}
}

func TestAPhoneKnowsItsAccountAndDevices(t *testing.T) {
	_, p := start(t)
	account, err := p.Account(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	devices, err := p.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if account.PhoneNumber != "+8613800138000" || account.Issuer != p.Issuer() {
		t.Errorf("account %+v", account)
	}
	if !slices.ContainsFunc(devices, func(d api.Device) bool { return d.Id == account.Device.Id && d.Current }) {
		t.Errorf("devices %+v", devices)
	}
}

func TestAnApprovalBringsTheDigitsThatThePageMustConfirm(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Challenge(func(c *fakeprovider.Challenge) { c.Consent.Confirmation = new(true) })
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	fake.Drop("POST /phone/decisions", 1)
	if digits, err := p.Approve(t.Context(), claim, Approval{}); err != nil || digits != fakeprovider.Digits || fake.State(c.ID) != "confirming" {
		t.Fatalf("digits %q, %v, %s", digits, err, fake.State(c.ID))
	}
	// Who sees that the page does not ask for them may think better of it.
	if err := p.Deny(t.Context(), claim); err != nil || fake.State(c.ID) != "denied" {
		t.Fatalf("%v, %s", err, fake.State(c.ID))
	}
}

// What an amount means stands and falls with its decimals.
func TestAnOrderWithoutItsDecimalsIsNotShown(t *testing.T) {
	fake, p := start(t)
	for _, digits := range []*int{nil, new(-1), new(5), new(1 << 30)} {
		c, frame := fake.Challenge(func(c *fakeprovider.Challenge) {
			c.Consent.Order, c.Consent.CurrencyDigits = fakeprovider.Order(), digits
		})
		if claim, err := p.Scan(t.Context(), frame); claim != nil || err == nil || fake.State(c.ID) != "released" {
			t.Errorf("%v: %v, %v, %s", digits, claim, err, fake.State(c.ID))
		}
	}
}

package oauth

import (
	"errors"
	"fmt"
	"testing"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

// told is what a door answers a refusal with.
type told struct {
	status int
	code   string
}

// doors is what was decided for every kind of refusal at every door: the site's, and those that speak RFC 9457 (the phone's
// and the browser's). A kind that is not here fails the test, so that a new one is decided and not forgotten.
var doors = map[challenge.Kind]struct{ site, others told }{
	challenge.NotFound:         {told{400, "invalid_grant"}, told{404, "not-found"}},
	challenge.Gone:             {told{400, "invalid_grant"}, told{410, "gone"}},
	challenge.ClaimedByAnother: {told{400, "invalid_grant"}, told{409, "claimed-by-another"}},
	challenge.WrongState:       {told{400, "invalid_grant"}, told{409, "wrong-state"}},
	challenge.TooLate:          {told{400, "invalid_grant"}, told{409, "too-late"}},
	challenge.CodeUnknown:      {told{400, "invalid_grant"}, told{404, "code-unknown"}},
	challenge.CodeStale:        {told{400, "invalid_grant"}, told{422, "code-stale"}},
	challenge.NotAllowed:       {told{400, "invalid_grant"}, told{403, "not-allowed"}},
	challenge.TooFar:           {told{400, "invalid_grant"}, told{403, "too-far"}},
	challenge.Outside:          {told{400, "invalid_grant"}, told{403, "outside"}},
	challenge.OtherAccount:     {told{400, "invalid_grant"}, told{403, "other-account"}},
	challenge.ConsentMismatch:  {told{400, "invalid_grant"}, told{422, "consent-mismatch"}},
	challenge.Conflict:         {told{503, "temporarily_unavailable"}, told{503, "unavailable"}},
	challenge.UserCodeTaken:    {told{503, "temporarily_unavailable"}, told{503, "unavailable"}},
	challenge.TooManyRequests:  {told{429, "slow_down"}, told{429, "too-many-requests"}},
	challenge.Full:             {told{503, "temporarily_unavailable"}, told{503, "handoffs-full"}},
}

var identityDoors = map[error]struct{ site, others told }{
	identity.ErrUnknownClient:  {told{401, "invalid_client"}, told{410, "gone"}},
	identity.ErrUnknownDevice:  {told{400, "invalid_grant"}, told{401, "device-unknown"}},
	identity.ErrWrongCode:      {told{503, "temporarily_unavailable"}, told{422, "enrollment-code-wrong"}}, // never at the site's
	identity.ErrInvalidNumber:  {told{503, "temporarily_unavailable"}, told{422, "phone-number-invalid"}},  // never at the site's
	identity.ErrUnknownAccount: {told{400, "invalid_grant"}, told{401, "device-unknown"}},
	identity.ErrUnknownLogin:   {told{400, "invalid_grant"}, told{404, "login-unknown"}},
	identity.ErrEnded:          {told{400, "invalid_grant"}, told{410, "gone"}},
	identity.ErrDeviceConflict: {told{503, "temporarily_unavailable"}, told{409, "wrong-state"}},     // never at the site's
	identity.ErrDeviceWaiting:  {told{503, "temporarily_unavailable"}, told{403, "device-waiting"}},  // never at the site's
	identity.ErrNoSuchDevice:   {told{503, "temporarily_unavailable"}, told{404, "no-such-device"}},  // never at the site's
	identity.ErrUnknownPasskey: {told{503, "temporarily_unavailable"}, told{404, "passkey-unknown"}}, // never at the site's
	identity.ErrPasskeyTaken:   {told{503, "temporarily_unavailable"}, told{409, "wrong-state"}},     // never at the site's
	identity.ErrPasskeysFull:   {told{503, "temporarily_unavailable"}, told{409, "passkeys-full"}},   // never at the site's
}

func wantTold(t *testing.T, err error, site, others told) {
	t.Helper()
	for _, wrapped := range []error{err, fmt.Errorf("while doing something: %w", err)} {
		e, known := translate(wrapped)
		if got := (told{e.Status, e.Code}); got != site || known != (site.status != 503 || challenge.KindOf(err) != 0) {
			t.Errorf("the site is told %v of %v (known %t), want %v", got, wrapped, known, site)
		}
		p, known := web.ProblemOf(wrapped)
		if got := (told{p.Status, p.Code}); got != others || !known {
			t.Errorf("phone and browser are told %v of %v (known %t), want %v", got, wrapped, known, others)
		}
	}
}

func TestEveryKindOfRefusalIsDecidedAtEveryDoor(t *testing.T) {
	for _, kind := range challenge.Kinds {
		want, decided := doors[kind]
		if !decided {
			t.Errorf("%s is not decided", kind)
			continue
		}
		wantTold(t, challenge.Error{Kind: kind}, want.site, want.others)
	}
	if len(challenge.Kinds) != len(doors) {
		t.Errorf("%d kinds, %d decisions", len(challenge.Kinds), len(doors))
	}
	if next := challenge.Kind(len(challenge.Kinds) + 1); next.String() != "" { // a kind has a text
		t.Errorf("%q is not in challenge.Kinds", next)
	}
}

func TestEveryRefusalOfAnIdentityIsDecidedAtEveryDoor(t *testing.T) {
	for _, refusal := range identity.Refusals {
		want, decided := identityDoors[refusal]
		if !decided {
			t.Errorf("%v is not decided", refusal)
			continue
		}
		wantTold(t, refusal, want.site, want.others)
	}
	if len(identity.Refusals) != len(identityDoors) {
		t.Errorf("%d refusals, %d decisions", len(identity.Refusals), len(identityDoors))
	}
}

// How a challenge ended is RFC 8628 §3.5's to name.
func TestEveryOutcomeHasItsOAuthError(t *testing.T) {
	for state, want := range map[challenge.State]string{
		challenge.Denied: "access_denied", challenge.Cancelled: "access_denied", challenge.Expired: "expired_token", challenge.Purged: "invalid_grant",
	} {
		e, known := translate(challenge.Error{Kind: challenge.Gone, Outcome: state})
		if e.Code != want || e.Status != 400 || !known || outcome(state) != e {
			t.Errorf("%s: %+v", state, e)
		}
	}
	for state := challenge.Denied; state.Final() && len(state.String()) < len("state 99"); state++ {
		if state > challenge.Purged {
			t.Fatalf("%s is not decided", state)
		}
	}
}

func TestAnErrorOfTheServerItselfIsToldToNobody(t *testing.T) {
	broken := errors.New("dial tcp 10.0.0.7:6379: secret")
	e, known := translate(broken)
	if known || e != errUnavailable {
		t.Errorf("the site is told %+v", e)
	}
	if p, known := web.ProblemOf(broken); known || p != web.Unavailable {
		t.Errorf("the others are told %+v", p)
	}
}

package challenge

import (
	"regexp"
	"testing"
	"time"
)

func confirming(t *testing.T, now time.Time) Challenge {
	t.Helper()
	return inState(t, Confirming, now)
}

func TestAnApprovalThatNeedsDigitsCountsOnceTheyAreTyped(t *testing.T) {
	now := begin.Add(time.Minute)
	c := confirming(t, now)
	refuses(t, c, Redeem{Sealed: []byte("sealed")}, now, ErrWrongState)
	c = leadsTo(t, c, Confirm{c.Digits()}, now, Approved)
	if again, err := c.Apply(Confirm{c.Digits()}, now); err != nil || again.Version != c.Version {
		t.Errorf("the same digits again: version %d, %v", again.Version, err)
	}
	refuses(t, c, Confirm{c.wrongDigits()}, now, ErrWrongState)
	c = leadsTo(t, c, Redeem{Sealed: []byte("sealed"), Window: time.Minute}, now, Redeemed)
	if _, err := c.Apply(Confirm{c.Digits()}, now); err != nil {
		t.Errorf("the same digits once the site has its tokens: %v", err)
	}
}

// RFC 10027 §6.1.16: four digits and three tries are three chances in ten thousand.
func TestTheThirdMissDenies(t *testing.T) {
	now := begin.Add(time.Minute)
	c := confirming(t, now)
	for _, left := range []int{2, 1} {
		c = leadsTo(t, c, Confirm{c.wrongDigits()}, now, Confirming)
		if c.TriesLeft() != left {
			t.Errorf("%d tries are left, want %d", c.TriesLeft(), left)
		}
	}
	leadsTo(t, c, Confirm{c.Digits()}, now, Approved)
	c = leadsTo(t, c, Confirm{c.wrongDigits()}, now, Denied)
	refuses(t, c.Tombstone(), Confirm{Digits: "0000"}, now, Error{Kind: Gone, Outcome: Denied})
}

func TestWhereNoDigitsAreAskedForNoneConfirm(t *testing.T) {
	now := begin.Add(time.Minute)
	c := inState(t, Approved, now)
	refuses(t, c, Confirm{c.Digits()}, now, ErrWrongState)
}

func TestDigitsAreOfOneClaimAndTheSameForItsPhone(t *testing.T) {
	now := begin.Add(time.Minute)
	c := confirming(t, now)
	again, err := c.Apply(Approve{Device: device, Consent: consent}, now)
	if err != nil || again.Digits() != c.Digits() {
		t.Errorf("sent again: %v", err)
	}
	if !regexp.MustCompile(`^[0-9]{4}$`).MatchString(c.Digits()) {
		t.Errorf("the digits are %q", c.Digits())
	}
	// Of a hundred other claims, and a hundred other challenges, hardly one has the same.
	claims, challenges := 0, 0
	for i := range 100 {
		other := c
		other.Claim.Consent = append([]byte{byte(i)}, consent...)
		if other.Digits() == c.Digits() {
			claims++
		}
		if confirming(t, now).Digits() == c.Digits() {
			challenges++
		}
	}
	if claims > 2 || challenges > 2 {
		t.Errorf("%d other claims and %d other challenges have the same digits", claims, challenges)
	}
}

// SECURITY.md §4: a typed or static code is no way around the rotation, nor is a confirmation that a request asked for.
func TestATypedAndAStaticCodeWorkWhereThePolicyHasThem(t *testing.T) {
	for _, c := range []struct {
		policy        Policy
		typed, static error
	}{
		{Policy{}, ErrNotAllowed, ErrNotAllowed},
		{Policy{Confirm: true}, ErrNotAllowed, ErrNotAllowed},
		{Policy{TypedCode: true}, nil, ErrNotAllowed},
		{Policy{StaticCode: true}, ErrNotAllowed, nil},
	} {
		challenge := pendingWith(c.policy)
		if _, err := challenge.Apply(scanBy(device, Code{ID: challenge.ID, Typed: true}), begin); err != c.typed {
			t.Errorf("%+v, typed: %v", c.policy, err)
		}
		if _, err := challenge.Apply(scanBy(device, Code{ID: challenge.ID}), begin); err != c.static {
			t.Errorf("%+v, static: %v", c.policy, err)
		}
	}
}

func TestAShortFrameIsAcceptedForTenSeconds(t *testing.T) {
	c := pendingWith(Policy{ShortFrames: true})
	leadsTo(t, c, scanBy(device, c.frame(0)), begin.Add(ShortFrameLife-instant), Claimed)
	refuses(t, c, scanBy(device, c.frame(0)), begin.Add(ShortFrameLife), ErrCodeStale)
}

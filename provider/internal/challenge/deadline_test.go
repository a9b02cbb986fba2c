package challenge

import (
	"testing"
	"time"
)

const instant = time.Nanosecond // the least that is early or late

func TestAFrameIsAcceptedFromOneStepBeforeItsOwnForThirtySeconds(t *testing.T) {
	c := pending()
	for _, step := range []int{0, 1, 2, 10, 20} {
		start := begin.Add(time.Duration(step) * Step)
		scan := scanBy(device, c.frame(step))
		if step > 0 {
			refuses(t, c, scan, start.Add(-Step-instant), ErrCodeStale)
		}
		leadsTo(t, c, scan, start.Add(-Step), Claimed)
		leadsTo(t, c, scan, start, Claimed)
		leadsTo(t, c, scan, start.Add(FrameLife-instant), Claimed)
		refuses(t, c, scan, start.Add(FrameLife), ErrCodeStale)
	}
}

func TestNoFrameIsAcceptedAfterTheScanWindow(t *testing.T) {
	c := pending()
	last := int(ScanWindow/Step) - 1
	end := begin.Add(ScanWindow)
	for _, step := range []int{last, last - 1} {
		leadsTo(t, c, scanBy(device, c.frame(step)), end.Add(-instant), Claimed)
		refuses(t, c, scanBy(device, c.frame(step)), end, ErrCodeStale)
	}
	// Not even one of a step that there is no frame for.
	refuses(t, c, scanBy(device, c.frame(last+1)), end, ErrCodeStale)
}

func TestASlowUploadDoesNotMakeACodeStale(t *testing.T) {
	c := pending()
	scan := scanBy(device, c.frame(0))
	arrived := begin.Add(FrameLife - time.Second)
	scan.Waited = 20 * time.Second
	leadsTo(t, c, scan, arrived.Add(scan.Waited), Claimed)
	scan.Waited = 18 * time.Second
	refuses(t, c, scan, arrived.Add(20*time.Second), ErrCodeStale)
	// It does not wake the dead, though.
	scan.Waited = Lifetime
	if got, err := c.Apply(scan, begin.Add(Lifetime)); err != (Error{Kind: Gone, Outcome: Expired}) {
		t.Errorf("a scan that took the challenge's whole life led to %v, %v", got.State, err)
	}
}

func TestATypedOrStaticCodeIsForPoliciesThatAllowIt(t *testing.T) {
	for _, at := range []time.Duration{0, ScanWindow, Lifetime - instant} {
		for _, typed := range []bool{false, true} {
			rotating, static := pending(), pendingWith(Policy{StaticCode: true, TypedCode: true})
			refuses(t, rotating, scanBy(device, Code{ID: rotating.ID, Typed: typed}), begin.Add(at), ErrNotAllowed)
			leadsTo(t, static, scanBy(device, Code{ID: static.ID, Typed: typed}), begin.Add(at), Claimed)
		}
	}
}

func TestAnApprovalNeedsTheReserveAndADenialDoesNot(t *testing.T) {
	c := inState(t, Claimed, begin.Add(time.Minute))
	approve, deny := Approve{Device: device, Consent: consent, Session: false}, Deny{device, consent}
	late := begin.Add(Lifetime - DecisionReserve + instant)
	leadsTo(t, c, approve, late.Add(-instant), Approved)
	refuses(t, c, approve, late, ErrTooLate)
	leadsTo(t, c, deny, begin.Add(Lifetime-instant), Denied)
	// Neither a stranger nor another order learns how late it is.
	refuses(t, c, Approve{Device: otherDevice, Consent: consent, Session: false}, late, ErrClaimedByAnother)
	refuses(t, c, Approve{Device: device, Consent: otherConsent, Session: false}, late, ErrConsentMismatch)
}

func TestAtItsExpiryAChallengeIsGone(t *testing.T) {
	for _, state := range []State{Pending, Claimed, Approved} {
		c := inState(t, state, begin.Add(time.Minute))
		leadsTo(t, c, Cancel{}, begin.Add(Lifetime-instant), Cancelled)
		for _, row := range table(c, begin.Add(time.Minute)) {
			for _, at := range []time.Duration{Lifetime, 2 * Lifetime} {
				got, err := c.Apply(row.event, begin.Add(at))
				if err != (Error{Kind: Gone, Outcome: Expired}) || got.State != Expired || got.Version != c.Version {
					t.Errorf("%s, %v past the start of what was %v: got %v and the error %v", row.name, at, state, got.State, err)
				}
			}
		}
	}
}

func TestAnApprovedChallengeIsRedeemedUntilItsExpiry(t *testing.T) {
	c := inState(t, Approved, begin.Add(time.Minute))
	redeem := Redeem{Sealed: []byte("sealed"), Window: 10 * time.Second}
	c = leadsTo(t, c, redeem, begin.Add(Lifetime-instant), Redeemed)
	// From now on the window counts, and not the expiry.
	end := begin.Add(Lifetime - instant + 10*time.Second)
	if !c.End().Equal(end) {
		t.Fatalf("it ends %v after its start, want %v", c.End().Sub(begin), end.Sub(begin))
	}
	leadsTo(t, c, Receipt{}, end.Add(-instant), Purged)
	got, err := c.Apply(Receipt{}, end)
	if err != (Error{Kind: Gone, Outcome: Purged}) || got.State != Purged {
		t.Errorf("at the end of its window it is %v, and the error is %v", got.State, err)
	}
}

func TestARedeemedChallengeEndsWithItsWindow(t *testing.T) {
	redeemed := begin.Add(time.Minute)
	c := inState(t, Approved, redeemed).applied(t, redeemed, Redeem{Sealed: []byte("sealed"), Window: 10 * time.Second})
	leadsTo(t, c, Receipt{}, redeemed.Add(10*time.Second-instant), Purged)
	if got, err := c.Apply(Visit{browser}, redeemed.Add(10*time.Second)); err != (Error{Kind: Gone, Outcome: Purged}) || got.Sealed != nil {
		t.Errorf("after its window it is %v, holds %q, and the error is %v", got.State, got.Sealed, err)
	}
}

func TestADraftBeginsOnTheMillisecond(t *testing.T) {
	draft, _, _ := NewDraft(clientOfTest, Policy{}, Request{})
	c := draft.Begin(begin.Add(1234567 * time.Nanosecond).In(time.FixedZone("elsewhere", 3600)))
	if want := begin.Add(time.Millisecond); c.CreatedAt != want || c.ExpiresAt != want.Add(Lifetime) {
		t.Errorf("created at %v, expires at %v", c.CreatedAt, c.ExpiresAt)
	}
}

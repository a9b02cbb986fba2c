package challenge

import (
	"testing"
	"time"
)

func open(t *testing.T, c Challenge, at time.Time) Ticket {
	t.Helper()
	ticket, err := c.Land(c.frameAt(at), at)
	if err != nil {
		t.Fatal(err)
	}
	return ParseTicket(ticket.String()) // as a cookie brings it
}

func scanWith(ticket Ticket, code Code) Scan {
	scan := scanBy(device, code)
	scan.Ticket = ticket
	return scan
}

func TestACodeThatWasOpenedInTimeIsNoLongerStaleInThatBrowser(t *testing.T) {
	c := pendingWith(Policy{ShortFrames: true})
	opened := begin.Add(time.Minute)
	frame, ticket := c.frameAt(opened), open(t, c, opened)
	for _, later := range []time.Duration{0, ShortFrameLife, FrameLife, ScanWindow, Lifetime - time.Minute - instant} {
		leadsTo(t, c, scanWith(ticket, frame), opened.Add(later), Claimed)
		if later >= ShortFrameLife {
			refuses(t, c, scanBy(device, frame), opened.Add(later), ErrCodeStale)
		}
	}
}

func TestATicketIsGivenForACodeThatIsGoodNowAndForNoOther(t *testing.T) {
	c := pending()
	now := begin.Add(time.Minute)
	forged := c.frameAt(now)
	forged.MAC = make([]byte, macLen)
	for name, opened := range map[string]struct {
		code Code
		want error
	}{
		"stale": {c.frame(0), ErrCodeStale}, "of the future": {c.frame(30), ErrCodeStale}, "forged": {forged, ErrCodeUnknown},
		"static": {Code{ID: c.ID}, ErrNotAllowed},
	} {
		if ticket, err := c.Land(opened.code, now); err != opened.want || ticket != (Ticket{}) {
			t.Errorf("%s: %v, %v", name, ticket, err)
		}
	}
	for _, state := range append(liveStates[1:], finalStates...) {
		if _, err := inState(t, state, now).Land(c.frameAt(now), now); err != ErrWrongState {
			t.Errorf("%v: %v", state, err)
		}
	}
}

func TestATicketIsGoodForItsOwnChallengeAndItsOwnKind(t *testing.T) {
	c, other := pendingWith(Policy{Confirm: true, Proximity: ProximityRequire}), pending()
	opened := begin.Add(time.Minute)
	later := opened.Add(time.Minute)
	frame := c.frameAt(opened)
	ticket := open(t, c, opened)
	for name, wrong := range map[string]Ticket{
		"none": {}, "another's": open(t, other, opened), "another's with this id": {c.ID, open(t, other, opened).mac},
		"empty": {ID: c.ID}, "shorter": {c.ID, ticket.mac[:25]}, "longer": {c.ID, ticket.mac + "A"}, "a frame's": ParseTicket(frame.String()),
	} {
		refuses(t, c, scanWith(wrong, frame), later, ErrCodeStale)
		if c.IsHere(wrong) {
			t.Errorf("%s is taken for this browser's", name)
		}
	}
	if c.IsHere(ticket) {
		t.Error("whoever opened a link is taken for the browser that the login is for")
	}
	refuses(t, c, scanWith(ticket, frame), later, ErrTooFar) // it stands in for time, and for nothing else
	refuses(t, c, scanWith(ticket, other.frameAt(opened)), later, ErrCodeUnknown)
}

func TestTheLoginsOwnBrowserIsNearAndNeedsNoDigits(t *testing.T) {
	c := pendingWith(Policy{Confirm: true, Proximity: ProximityRequire})
	now := begin.Add(time.Minute)
	scan := scanWith(ParseTicket(c.Here().String()), c.frameAt(now))
	claimed := leadsTo(t, c, scan, now, Claimed)
	approve := Approve{Device: device, Consent: consent}
	approved := leadsTo(t, claimed, approve, now, Approved)
	if !approved.Claim.Here {
		t.Error("it is not kept that the browser was this one")
	}
	refuses(t, approved, Confirm{approved.wrongDigits()}, now, ErrWrongState)

	// SECURITY.md §1.1: of a claim by link or camera it stays that the page must confirm.
	c.Policy.Proximity = ProximityOff
	leadsTo(t, leadsTo(t, c, scanWith(open(t, c, now), c.frameAt(now)), now, Claimed), approve, now, Confirming)
}

func TestATicketOpensNoNetworkAndNoOtherAccount(t *testing.T) {
	c := pending()
	c.Request.Account = "another"
	now := begin.Add(time.Minute)
	refuses(t, c, scanWith(c.Here(), c.frameAt(now)), now, ErrOtherAccount)
}

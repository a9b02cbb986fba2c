package challenge

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// cell is what an event does in a state: leads to another, changes nothing, or is refused.
type cell struct {
	to  State // 0 for no change
	err error
}

var (
	same      = cell{}
	wrong     = cell{err: ErrWrongState}
	another   = cell{err: ErrClaimedByAnother}
	unknown   = cell{err: ErrCodeUnknown}
	othersays = cell{err: ErrConsentMismatch}
)

func to(s State) cell { return cell{to: s} }

var liveStates = []State{Pending, Claimed, Confirming, Approved, Redeemed}

var finalStates = []State{Denied, Cancelled, Expired, Purged}

// table decides every event in every live state, in the order of liveStates. Every final state refuses everything, and says
// how it ended.
func table(c Challenge, now time.Time) []struct {
	name  string
	event Event
	cells [5]cell
} {
	frame := c.frameAt(now)
	forged := frame
	forged.MAC = make([]byte, macLen)
	return []struct {
		name  string
		event Event
		cells [5]cell
	}{
		{"visit of the same browser", Visit{browser}, [5]cell{same, same, same, same, same}},
		{"visit of another browser", Visit{otherBrowser}, [5]cell{to(Pending), same, same, same, same}},
		{"scan", scanBy(device, frame), [5]cell{to(Claimed), same, wrong, wrong, wrong}},
		{"scan by another", scanBy(otherDevice, frame), [5]cell{to(Claimed), another, another, another, another}},
		{"scan of a forged code", scanBy(device, forged), [5]cell{unknown, unknown, unknown, unknown, unknown}},
		{"scan of a forged code by another", scanBy(otherDevice, forged), [5]cell{unknown, unknown, unknown, unknown, unknown}},
		{"release", Release{device}, [5]cell{wrong, to(Pending), wrong, wrong, wrong}},
		{"release by another", Release{otherDevice}, [5]cell{wrong, another, wrong, wrong, wrong}},
		{"approve", Approve{Device: device, Consent: consent, Session: false}, [5]cell{wrong, to(Approved), same, same, same}},
		{"approve by another", Approve{Device: otherDevice, Consent: consent, Session: false}, [5]cell{wrong, another, another, another, another}},
		{"approve something else", Approve{Device: device, Consent: otherConsent, Session: false}, [5]cell{wrong, othersays, othersays, othersays, othersays}},
		{"approve nothing", Approve{Device: device, Consent: nil, Session: false}, [5]cell{wrong, othersays, othersays, othersays, othersays}},
		{"approve with a session", Approve{Device: device, Consent: consent, Session: true}, [5]cell{wrong, to(Approved), wrong, wrong, wrong}},
		{"approve with a session by another", Approve{Device: otherDevice, Consent: consent, Session: true}, [5]cell{wrong, another, another, another, another}},
		{"approve something else with a session", Approve{Device: device, Consent: otherConsent, Session: true}, [5]cell{wrong, othersays, othersays, othersays, othersays}},
		{"deny", Deny{device, consent}, [5]cell{wrong, to(Denied), to(Denied), wrong, wrong}},
		{"deny by another", Deny{otherDevice, consent}, [5]cell{wrong, another, another, wrong, wrong}},
		{"deny something else", Deny{device, otherConsent}, [5]cell{wrong, othersays, othersays, wrong, wrong}},
		{"the right digits", Confirm{c.Digits()}, [5]cell{wrong, wrong, to(Approved), wrong, wrong}},
		{"wrong digits", Confirm{c.wrongDigits()}, [5]cell{wrong, wrong, to(Confirming), wrong, wrong}},
		{"no digits", Confirm{}, [5]cell{wrong, wrong, to(Confirming), wrong, wrong}},
		{"redeem", Redeem{[]byte("sealed"), time.Second}, [5]cell{wrong, wrong, wrong, to(Redeemed), wrong}},
		{"redeem without a window", Redeem{[]byte("sealed"), 0}, [5]cell{wrong, wrong, wrong, to(Purged), wrong}},
		{"cancel", Cancel{}, [5]cell{to(Cancelled), to(Cancelled), to(Cancelled), to(Cancelled), wrong}},
		{"receipt", Receipt{}, [5]cell{wrong, wrong, wrong, wrong, to(Purged)}},
		{"no event at all", nil, [5]cell{wrong, wrong, wrong, wrong, wrong}},
	}
}

func TestEveryEventIsDecidedInEveryState(t *testing.T) {
	now := begin.Add(time.Minute)
	var events []string
	for _, state := range liveStates {
		c := inState(t, state, now)
		for _, row := range table(c, now) {
			cell := row.cells[slices.Index(liveStates, state)]
			before := c.unchanged()
			got, err := c.Apply(row.event, now)
			if !reflect.DeepEqual(c, before) {
				t.Fatalf("%s in %v wrote into the challenge it was given", row.name, state)
			}
			switch {
			case err != cell.err:
				t.Errorf("%s in %v: got the error %v, want %v", row.name, state, err, cell.err)
			case cell.to == 0 && !reflect.DeepEqual(got, before):
				t.Errorf("%s in %v changed\n%+v\nto\n%+v", row.name, state, before, got)
			case cell.to != 0 && (got.State != cell.to || got.Version != c.Version+1):
				t.Errorf("%s in %v led to %v, version %d, want %v, version %d", row.name, state, got.State, got.Version, cell.to, c.Version+1)
			}
		}
	}
	for _, state := range finalStates {
		c := inState(t, state, now)
		if c.State != state {
			t.Fatalf("want %v, got %v", state, c.State)
		}
		for _, row := range table(pending(), now) {
			refuses(t, c, row.event, now, Error{Kind: Gone, Outcome: state})
			if row.event != nil {
				events = append(events, reflect.TypeOf(row.event).Name())
			}
		}
	}

	// What the source declares, the table has: a new state or event cannot be forgotten.
	slices.Sort(events)
	if events, all := slices.Compact(events), declared(t, receivers("isEvent")); !slices.Equal(events, all) {
		t.Errorf("the table has the events %v, the package %v", events, all)
	}
	if states, all := len(liveStates)+len(finalStates), declared(t, constants("State")); states != len(all) {
		t.Errorf("the table has %d states, the package %v", states, all)
	}
}

func TestWhatIsNoStateChangesNothing(t *testing.T) {
	now := begin.Add(time.Minute)
	for _, row := range table(pending(), now) {
		c := inState(t, Claimed, now)
		c.State = 0
		got, err := c.Apply(row.event, now)
		if _, isVisit := row.event.(Visit); !isVisit && err != ErrWrongState {
			t.Errorf("%s: got the error %v, want %v", row.name, err, ErrWrongState)
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%s changed a challenge without a state to %+v", row.name, got)
		}
	}
}

func TestEveryStateHasAName(t *testing.T) {
	for s := Pending; s <= Purged; s++ {
		if _, named := stateTexts[s]; !named {
			t.Errorf("state %d has no name", s)
		}
		if final := slices.Contains(finalStates, s); s.Final() != final {
			t.Errorf("%v: final is %v, want %v", s, s.Final(), final)
		}
	}
	if len(stateTexts) != int(Purged) || Purged.String() != Redeemed.String() {
		t.Errorf("the names are %v", stateTexts)
	}
	if s := (Purged + 1).String(); s != "state 10" {
		t.Errorf("what is no state is named %q", s)
	}
}

func TestTheScanRecordsWhoClaims(t *testing.T) {
	now := begin.Add(time.Minute)
	c := inState(t, Claimed, now)
	if want := (Claim{Device: device, Account: account, At: now, Moving: true, Consent: consent}); !reflect.DeepEqual(c.Claim, want) {
		t.Fatalf("the claim is %+v, want %+v", c.Claim, want)
	}
	// The same device again, with another consent: the first one stays what it decides about.
	again := scanBy(device, c.frameAt(now))
	again.Consent = otherConsent
	if got := c.applied(t, now, again); !reflect.DeepEqual(got, c) {
		t.Fatalf("a second scan changed the claim to %+v", got.Claim)
	}
}

func TestAReleasedChallengeIsAnybodysAndForgetsTheClaim(t *testing.T) {
	now := begin.Add(time.Minute)
	c := inState(t, Claimed, now).applied(t, now, Release{device})
	if !reflect.DeepEqual(c.Claim, Claim{}) {
		t.Fatalf("the claim is still there: %+v", c.Claim)
	}
	refuses(t, c, Approve{Device: device, Consent: consent, Session: false}, now, ErrWrongState)
	c = c.applied(t, now, scanBy(otherDevice, c.frameAt(now)))
	refuses(t, c, Approve{Device: device, Consent: consent, Session: false}, now, ErrClaimedByAnother)
	leadsTo(t, c, Approve{Device: otherDevice, Consent: consent, Session: false}, now, Approved)
}

func TestTheBrowserFreezesAtTheClaim(t *testing.T) {
	now := begin.Add(time.Minute)
	c := inState(t, Claimed, now).applied(t, now, Visit{otherBrowser})
	if c.Browser != browser {
		t.Fatalf("the browser is now %+v", c.Browser)
	}
}

// An approval once given counts as it was given: the same again is taken for the same, and another is refused.
func TestASessionBeginsWhereItIsOfferedAndTheFirstApprovalSaysSo(t *testing.T) {
	now := begin.Add(time.Minute)
	redeem := Redeem{Sealed: []byte("sealed"), Window: time.Minute}
	for _, row := range []struct {
		offered, first, again bool
		err, errAgain         error
	}{
		{offered: true, first: true, again: true},
		{offered: true, first: true, again: false, errAgain: ErrWrongState},
		{offered: true, first: false, again: false},
		{offered: true, first: false, again: true, errAgain: ErrWrongState},
		{offered: false, first: false, again: false},
		{offered: false, first: false, again: true, errAgain: ErrNotAllowed},
		{offered: false, first: true, err: ErrNotAllowed},
	} {
		c := pending()
		c.Request.SessionOffered = row.offered
		c = c.applied(t, now, scanBy(device, c.frameAt(now)))
		first, again := Approve{Device: device, Consent: consent, Session: row.first}, Approve{Device: device, Consent: consent, Session: row.again}
		if row.err != nil {
			refuses(t, c, first, now, row.err)
			refuses(t, c, first, begin.Add(Lifetime-instant), row.err) // however late it is
			continue
		}
		for c = c.applied(t, now, first); ; c = c.applied(t, now, redeem) {
			if c.Session != row.first {
				t.Errorf("%+v: %v with session %t", row, c.State, c.Session)
			}
			if got, err := c.Apply(again, now); err != row.errAgain || !reflect.DeepEqual(got, c) {
				t.Errorf("%+v, sent again to %v: %+v, %v", row, c.State, got, err)
			}
			if c.State == Redeemed {
				break
			}
		}
		if c.Tombstone().Session {
			t.Errorf("%+v: the tombstone tells of the session", row)
		}
	}
}

func TestApprovalAndRedemptionKeepWhatTheyNeed(t *testing.T) {
	now := begin.Add(time.Minute)
	if c := inState(t, Approved, now); !c.ApprovedAt.Equal(now) {
		t.Errorf("approved at %v, want %v", c.ApprovedAt, now)
	}
	c := inState(t, Approved, now).applied(t, now, Redeem{Sealed: []byte("sealed"), Window: 10 * time.Second})
	if string(c.Sealed) != "sealed" || !c.WindowEnds.Equal(now.Add(10*time.Second)) {
		t.Errorf("redeemed: %q until %v", c.Sealed, c.WindowEnds)
	}
	c = inState(t, Approved, now).applied(t, now, Redeem{Sealed: []byte("sealed")})
	if c.Sealed != nil || !c.WindowEnds.IsZero() {
		t.Errorf("redeemed without a window: %q until %v", c.Sealed, c.WindowEnds)
	}
}

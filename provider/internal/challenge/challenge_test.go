package challenge

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestATombstoneHoldsHashesAndTheOutcome(t *testing.T) {
	now := begin.Add(time.Minute)
	outcomes := map[State]State{Pending: Expired, Claimed: Expired, Confirming: Expired, Approved: Expired, Redeemed: Purged}
	for _, state := range liveStates {
		c := inState(t, state, now)
		want := Challenge{
			Version: c.Version, State: outcomes[state], Client: HashOf(clientOfTest).String(),
			CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, WindowEnds: c.WindowEnds, DeviceCode: c.DeviceCode, Watch: c.Watch,
		}
		got := c.Tombstone()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: the tombstone is\n%+v\nwant\n%+v", state, got, want)
		}
		if again := got.Tombstone(); !reflect.DeepEqual(again, got) {
			t.Errorf("%v: the tombstone's tombstone is\n%+v", state, again)
		}
		if got.TombstoneEnd() != c.TombstoneEnd() {
			t.Errorf("%v: its tombstone ends at %v, and says %v", state, c.TombstoneEnd(), got.TombstoneEnd())
		}
		if !c.IssuedTo(clientOfTest) || !got.IssuedTo(clientOfTest) || c.IssuedTo("another") || got.IssuedTo("another") {
			t.Errorf("%v: it does not know whose it is", state)
		}
		// The hash of the client's name, presented as a name.
		if got.IssuedTo(got.Client) || c.IssuedTo(got.Client) {
			t.Errorf("%v: it is taken for that of another client", state)
		}
	}
	for _, event := range []Event{Cancel{}, Deny{device, consent}} {
		c := inState(t, Claimed, now).applied(t, now, event)
		if got := c.Tombstone(); got.State != c.State || got.ID != (ID{}) || got.Version != c.Version {
			t.Errorf("after %T the tombstone is %+v", event, got)
		}
	}
}

func TestATombstoneStaysAMinutePastEverything(t *testing.T) {
	now := begin.Add(time.Minute)
	for _, state := range []State{Pending, Claimed, Approved, Denied, Cancelled, Expired} {
		c := inState(t, state, now)
		if end := c.TombstoneEnd(); !end.Equal(begin.Add(Lifetime + TombstoneGrace)) {
			t.Errorf("%v: the tombstone ends %v after the start", state, end.Sub(begin))
		}
	}
	for _, window := range []time.Duration{0, 10 * time.Second, 2 * Lifetime} {
		c := inState(t, Approved, now).applied(t, now, Redeem{Window: window})
		want := begin.Add(max(Lifetime, time.Minute+window) + TombstoneGrace)
		if end := c.TombstoneEnd(); !end.Equal(want) {
			t.Errorf("a window of %v: the tombstone ends %v after the start, want %v", window, end.Sub(begin), want.Sub(begin))
		}
	}
}

func TestARecordWhoseTimeHasRunOutIsAnsweredAsItsTombstone(t *testing.T) {
	for _, state := range liveStates {
		c := inState(t, state, begin.Add(time.Minute))
		if r := NewRecord(&c, c.End().Add(-instant)); !reflect.DeepEqual(r.Challenge, c) || !r.Now.Equal(c.End().Add(-instant)) {
			t.Errorf("%v: just before its end the record is %+v", state, r)
		}
		if r := NewRecord(&c, c.End()); !reflect.DeepEqual(r.Challenge, c.Tombstone()) {
			t.Errorf("%v: at its end the record is %+v", state, r)
		}
	}
	c := inState(t, Pending, begin).applied(t, begin, Cancel{})
	if r := NewRecord(&c, begin); !reflect.DeepEqual(r.Challenge, c.Tombstone()) {
		t.Errorf("of what has ended the record is %+v", r)
	}
}

func TestEveryKindOfRefusalIsListedAndSaysWhatItIs(t *testing.T) {
	if all := declared(t, constants("Kind")); len(Kinds) != len(all) || len(kindTexts) != len(all) {
		t.Errorf("%d kinds are listed and %d have a text, of %v", len(Kinds), len(kindTexts), all)
	}
	texts := map[string]bool{}
	for i, k := range Kinds {
		if k.String() == "" || texts[k.String()] || slices.Index(Kinds, k) != i {
			t.Errorf("kind %d: %q", k, k)
		}
		texts[k.String()] = true
		err := fmt.Errorf("around: %w", Error{Kind: k})
		if KindOf(err) != k || !errors.Is(err, Error{Kind: k}) || !strings.Contains(err.Error(), "challenge: ") {
			t.Errorf("kind %d, wrapped: %v", k, err)
		}
	}
	if KindOf(errors.New("something else")) != 0 || KindOf(nil) != 0 {
		t.Error("another error has a kind")
	}
	for _, s := range finalStates {
		if err := (Error{Kind: Gone, Outcome: s}).Error(); !strings.Contains(err, s.String()) {
			t.Errorf("%v: %v", s, err)
		}
	}
}

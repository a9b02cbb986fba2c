package challenge

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

func FuzzParseCode(f *testing.F) {
	c := pending()
	f.Add(c.ID.String())
	f.Add(c.frame(0).String())
	f.Add(c.frame(35).String())
	f.Add(c.frame(36).String())
	f.Add(c.ID.String() + ".+1." + strings.Repeat("A", 13))
	f.Add(strings.Repeat("A", 26) + ".0.\n" + strings.Repeat("A", 13))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		code, err := ParseCode(s)
		if err != nil {
			if err != ErrCodeUnknown || !reflect.DeepEqual(code, Code{}) {
				t.Fatalf("%q: %+v, %v", s, code, err)
			}
			return
		}
		if code.String() != s {
			t.Fatalf("%q is written as %q: two spellings", s, code)
		}
		if code.Typed || code.MAC == nil && code.Step != 0 || code.MAC != nil && (len(code.MAC) != macLen || code.Step < 0 || code.Step >= 36) {
			t.Fatalf("%q is read as %+v", s, code)
		}
		// Nobody can make a code up: not for a challenge of another key.
		other := pending()
		other.ID = code.ID
		if err := other.accepts(code, begin); err == nil {
			t.Fatalf("%q is accepted", s)
		}
	})
}

func FuzzParseUserCode(f *testing.F) {
	for _, s := range []string{"WDJB-MJHT", "wdjbmjht", " w.d_j-b m j h t", "WDJB-MJHTX", "ſſſſ-ſſſſ", "ＷDJB-MJHT", "\xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, err := ParseUserCode(s)
		if err != nil {
			if err != ErrCodeUnknown || code != "" {
				t.Fatalf("%q: %q, %v", s, code, err)
			}
			return
		}
		if len(code) != 9 || code[4] != '-' || strings.Trim(code[:4]+code[5:], userCodeAlphabet) != "" {
			t.Fatalf("%q is read as %q", s, code)
		}
		for _, spelling := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), " " + code + " "} {
			if again, err := ParseUserCode(spelling); err != nil || again != code {
				t.Fatalf("%q is read as %q, and that, spelled %q, as %q, %v", s, code, spelling, again, err)
			}
		}
	})
}

func FuzzParseCapability(f *testing.F) {
	_, deviceCode, _ := NewDraft(clientOfTest, Policy{}, Request{})
	f.Add(deviceCode.String())
	f.Add(deviceCode.ID.String())
	f.Add(strings.ToLower(deviceCode.String()))
	f.Add(deviceCode.ID.String() + "." + strings.Repeat(".", 43))
	f.Add("." + deviceCode.Secret)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCapability(s)
		if err != nil {
			if err != ErrNotFound || c.ID != (ID{}) {
				t.Fatalf("%q: %v, %v", s, c, err)
			}
			return
		}
		if c.String() != s {
			t.Fatalf("%q is written as %q: two spellings", s, c)
		}
		if deviceCode.Secret != c.Secret && HashOf(deviceCode.Secret).Matches(c.Secret) {
			t.Fatalf("%q opens another's challenge", s)
		}
	})
}

// eventOf makes an event of a byte, mostly one that the challenge can take.
func eventOf(c Challenge, op byte, now time.Time) Event {
	who, says := []string{device, otherDevice}[op>>4&1], [][]byte{consent, otherConsent}[op>>5&1]
	switch op & 0xf {
	case 0:
		return Visit{Browser{Address: string(rune('a' + op>>4))}}
	case 1, 2:
		code := Code{ID: c.ID}
		if op&0xf == 1 && len(c.FrameKey) > 0 {
			code = c.frameAt(now)
		}
		return Scan{Code: code, Waited: time.Duration(op>>6) * 10 * time.Second, Device: who, Account: account, Consent: says}
	case 3:
		return Release{who}
	case 4, 5:
		return Approve{Device: who, Consent: says, Session: op>>6&1 == 1}
	case 6:
		return Deny{who, says}
	case 7, 8:
		return Redeem{[]byte("sealed"), time.Duration(op>>4) * 10 * time.Second}
	case 9:
		return Cancel{}
	case 10:
		return Receipt{}
	case 11:
		return Confirm{c.Digits()}
	case 12:
		return Confirm{c.wrongDigits()}
	default:
		return nil
	}
}

// FuzzApply sends random events at random times, two bytes each: what happens, and after how many half seconds.
func FuzzApply(f *testing.F) {
	f.Add(true, true, []byte{2, 1, 4, 1, 0x17, 1, 10, 1})             // scan, approve, redeem, receipt
	f.Add(false, true, []byte{0, 1, 1, 1, 4, 1, 0x47, 1, 9, 60})      // visit, frame, approve, redeem, cancel
	f.Add(false, true, []byte{1, 1, 3, 1, 0x11, 1, 4, 1, 0x14, 1})    // claim, release, claim by another, approve by both
	f.Add(true, true, []byte{2, 255, 0, 255, 4, 70, 7, 1})            // approval too late
	f.Add(true, true, []byte{2, 1, 0x24, 1, 6, 1, 2, 1, 9, 1})        // approve another order, deny, scan again
	f.Add(true, true, []byte{2, 1, 4, 1, 7, 1, 7, 1, 0xf7, 1, 10, 1}) // redeem, and again
	f.Add(true, false, []byte{2, 1, 0x44, 1, 4, 1, 0x17, 1})          // approve with a session that is not offered
	f.Add(true, true, []byte{2, 1, 0x44, 1, 4, 1, 0x17, 1, 0x44, 1})  // approve with a session, without, redeem, approve with
	f.Fuzz(func(t *testing.T, static, offered bool, script []byte) {
		c, now := pendingWith(Policy{StaticCode: static}), begin
		c.Request.SessionOffered = offered
		redeemed := 0
		script = script[:min(len(script), 200)]
		for ; len(script) >= 2; script = script[2:] {
			now = now.Add(time.Duration(script[1]) * time.Second / 2)
			event := eventOf(c, script[0], now)
			before := c.unchanged()
			next, err := c.Apply(event, now)
			if !reflect.DeepEqual(c, before) {
				t.Fatalf("%T wrote into the challenge that it was given", event)
			}
			if next.Version != c.Version && next.Version != c.Version+1 {
				t.Fatalf("%T made version %d of %d", event, next.Version, c.Version)
			}
			if next.Version == c.Version {
				timedOut := !c.State.Final() && !now.Before(c.End())
				if timedOut && !reflect.DeepEqual(next, c.Tombstone()) || !timedOut && !reflect.DeepEqual(next, c) {
					t.Fatalf("%T kept the version and changed\n%+v\nto\n%+v", event, c, next)
				}
			}
			if err != nil && next.Version != c.Version {
				t.Fatalf("%T was refused with %v and changed the version", event, err)
			}
			if c.State.Final() && (KindOf(err) != Gone || err.(Error).Outcome != c.State) {
				t.Fatalf("%T after the end as %v: %v", event, c.State, err)
			}
			checkMove(t, c, next, event, now)
			if _, redeems := event.(Redeem); redeems && next.Version != c.Version {
				redeemed++
			}
			c = next
		}
		if redeemed > 1 {
			t.Fatalf("redeemed %d times", redeemed)
		}
		if c.State.Final() && c.ID == (ID{}) && (c.FrameKey != nil || c.Claim.Consent != nil || c.Sealed != nil || c.UserCode != "") {
			t.Fatalf("a tombstone holds %+v", c)
		}
	})
}

// checkMove holds one step against what must never happen, whatever the rules say.
func checkMove(t *testing.T, c, next Challenge, event Event, now time.Time) {
	t.Helper()
	if next.ID == (ID{}) { // a tombstone, by time
		return
	}
	// One device holds the claim, and it changes hands only through pending.
	claimed := next.State == Claimed || next.State == Approved || next.State == Redeemed
	if claimed != (next.Claim.Device != "") && !next.State.Final() {
		t.Fatalf("%T: %v with the claim of %q", event, next.State, next.Claim.Device)
	}
	if c.Claim.Device != "" && next.Claim.Device != "" && !reflect.DeepEqual(c.Claim, next.Claim) {
		t.Fatalf("%T changed the claim %+v to %+v", event, c.Claim, next.Claim)
	}
	if c.State != Claimed && c.Session != next.Session {
		t.Fatalf("%T in %v made session %t of %t", event, c.State, next.Session, c.Session)
	}
	if c.State == next.State {
		return
	}
	switch next.State {
	case Approved, Denied:
		var who string
		var says []byte
		switch e := event.(type) {
		case Approve:
			who, says = e.Device, e.Consent
		case Deny:
			who, says = e.Device, e.Consent
		}
		if c.State != Claimed || who != c.Claim.Device || !bytes.Equal(says, c.Claim.Consent) {
			t.Fatalf("%+v made %v of %v, claimed by %+v", event, next.State, c.State, c.Claim)
		}
		if e, _ := event.(Approve); next.Session != e.Session || next.Session && !c.Request.SessionOffered {
			t.Fatalf("%+v made session %t where it was offered %t", event, next.Session, c.Request.SessionOffered)
		}
		if next.State == Approved && now.After(c.ExpiresAt.Add(-DecisionReserve)) {
			t.Fatalf("approved %v before the expiry", c.ExpiresAt.Sub(now))
		}
	case Redeemed:
		if c.State != Approved || next.Claim.Device == "" {
			t.Fatalf("%T redeemed what was %v", event, c.State)
		}
	case Purged:
		if c.State != Approved && c.State != Redeemed {
			t.Fatalf("%T purged what was %v", event, c.State)
		}
	}
}

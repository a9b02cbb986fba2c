package challenge

import (
	"regexp"
	"slices"
	"testing"
	"time"
)

func TestFramesFollowEachOtherAndEachIsAcceptedWhileItIsShown(t *testing.T) {
	c := pending()
	for age := time.Duration(0); age < ScanWindow; age += 1700 * time.Millisecond {
		now := begin.Add(age)
		frames := c.Frames(now, 8)
		left := int((ScanWindow-age-1)/Step) + 1 // steps that have not ended
		if len(frames) != min(8, left) {
			t.Fatalf("at %v there are %d frames, want %d", age, len(frames), min(8, left))
		}
		for i, f := range frames {
			switch {
			case i == 0 && (f.From != 0 || f.Until <= 0 || f.Until > Step):
				t.Fatalf("at %v the first frame is shown from %v until %v", age, f.From, f.Until)
			case i > 0 && (f.From != frames[i-1].Until || f.Until-f.From != Step || f.Code.Step != frames[i-1].Code.Step+1):
				t.Fatalf("at %v frame %d is shown from %v until %v, after %v", age, i, f.From, f.Until, frames[i-1].Until)
			}
			leadsTo(t, c, scanBy(device, f.Code), now.Add(f.From), Claimed)
			leadsTo(t, c, scanBy(device, f.Code), now.Add(f.Until-instant), Claimed)
		}
	}
}

func TestThereAreFramesOnlyWhileThereIsSomethingToScan(t *testing.T) {
	c := pending()
	if frames := c.Frames(begin.Add(ScanWindow), 8); len(frames) != 0 {
		t.Errorf("after the scan window there are the frames %v", frames)
	}
	if frames := c.Frames(begin.Add(-time.Hour), 2); len(frames) != 2 || frames[0].Code.Step != 0 {
		t.Errorf("before the challenge's time there are the frames %v", frames)
	}
	for _, state := range append(slices.Clone(liveStates[1:]), finalStates...) {
		if frames := inState(t, state, begin.Add(time.Minute)).Frames(begin.Add(time.Minute), 8); len(frames) != 0 {
			t.Errorf("%v: there are the frames %v", state, frames)
		}
	}
	static := pendingWith(Policy{StaticCode: true})
	frames := static.Frames(begin.Add(4*time.Minute), 8)
	if len(frames) != 1 || frames[0].Code.String() != static.ID.String() || frames[0].From != 0 || frames[0].Until != time.Minute {
		t.Errorf("a static code is shown as %v", frames)
	}
}

func TestAFrameIsGoodForItsStepOfItsChallengeAlone(t *testing.T) {
	c, other := pending(), pending()
	now := begin.Add(time.Minute)
	step := int(time.Minute / Step)
	seen := map[string]bool{}
	for i := range int(ScanWindow / Step) {
		seen[string(c.mac(i))] = true
		seen[string(other.mac(i))] = true
	}
	if len(seen) != 2*int(ScanWindow/Step) {
		t.Errorf("%d steps have %d codes", 2*int(ScanWindow/Step), len(seen))
	}
	// SECURITY.md §1.2: a code of an earlier step, made to look new.
	refuses(t, c, scanBy(device, Code{ID: c.ID, Step: step, MAC: c.mac(step - 6)}), now, ErrCodeUnknown)
	refuses(t, c, scanBy(device, Code{ID: c.ID, Step: step, MAC: other.mac(step)}), now, ErrCodeUnknown)
	sameKey := other
	sameKey.FrameKey = c.FrameKey
	refuses(t, c, scanBy(device, Code{ID: c.ID, Step: step, MAC: sameKey.mac(step)}), now, ErrCodeUnknown)
	for i := range macLen * 8 {
		mac := c.mac(step)
		mac[i/8] ^= 1 << (i % 8)
		refuses(t, c, scanBy(device, Code{ID: c.ID, Step: step, MAC: mac}), now, ErrCodeUnknown)
	}
	for _, mac := range [][]byte{{}, c.mac(step)[:macLen-1], append(c.mac(step), 0)} {
		refuses(t, c, scanBy(device, Code{ID: c.ID, Step: step, MAC: mac}), now, ErrCodeUnknown)
	}
}

func TestWhoHoldsNoCodeDoesNotLearnThatAnotherWasFirst(t *testing.T) {
	now := begin.Add(time.Minute)
	for _, state := range []State{Claimed, Approved, Redeemed} {
		c := inState(t, state, now)
		refuses(t, c, scanBy(otherDevice, Code{ID: c.ID, MAC: make([]byte, macLen)}), now, ErrCodeUnknown)
		refuses(t, c, scanBy(otherDevice, c.frame(0)), now, ErrClaimedByAnother) // a stale one tells that its holder was there
	}
}

func TestACodeIsWrittenInTheLettersThatMakeSmallQRCodes(t *testing.T) {
	c := pending()
	alphanumeric := regexp.MustCompile(`^[A-Z2-7]{26}\.[0-9]{1,2}\.[A-Z2-7]{13}$`)
	for _, f := range c.Frames(begin, 40) {
		s := f.Code.String()
		if !alphanumeric.MatchString(s) {
			t.Errorf("a code is %q", s)
		}
		code, err := ParseCode(s)
		if err != nil || code.String() != s || code.ID != c.ID || code.Step != f.Code.Step || code.Typed {
			t.Errorf("%q is read as %+v, %v", s, code, err)
		}
	}
	if code, err := ParseCode(c.ID.String()); err != nil || code.ID != c.ID || code.MAC != nil {
		t.Errorf("a static code is read as %+v, %v", code, err)
	}
}

func TestACodeHasOneSpelling(t *testing.T) {
	c := pending()
	id, mac := c.ID.String(), codeEncoding.EncodeToString(c.mac(7))
	for _, s := range []string{
		"", ".", "..", id + ".", id + "..", id + ".7", id + ".7.", id + "." + mac, id + ".7." + mac + ".", id + ".7." + mac + "." + mac,
		id + ".07." + mac, id + ".+7." + mac, id + ".-1." + mac, id + ".36." + mac, id + ".99999999999999999999." + mac,
		id + ". 7." + mac, id + ".7." + mac + "\n", id + ".7." + mac[:12], id + ".7." + mac + "A", id + ".7." + mac[:12] + "=",
		" " + id + ".7." + mac, id[:25] + ".7." + mac, id + "A.7." + mac, id + ".x." + mac,
		"https://qrlogin.test/q/" + id + ".7." + mac,
	} {
		if code, err := ParseCode(s); err != ErrCodeUnknown {
			t.Errorf("%q is read as %+v, %v", s, code, err)
		}
	}
}

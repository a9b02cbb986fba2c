package challenge

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestEveryDraftIsAnother(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		draft, deviceCode, watch := NewDraft(clientOfTest, Policy{}, Request{})
		c := draft.Begin(begin)
		for _, s := range []string{c.ID.String(), deviceCode.Secret, watch.Secret, string(c.FrameKey)} {
			if seen[s] {
				t.Fatalf("%q came twice", s)
			}
			seen[s] = true
		}
		// SECURITY.md §1.3: 128 random bits of id, 256 of every secret, and of those only the hash is kept.
		if len(c.ID) != 16 || len(c.FrameKey) != 32 || len(deviceCode.Secret) != 43 || len(watch.Secret) != 43 {
			t.Fatalf("too short: %v %v %v %v", c.ID, c.FrameKey, deviceCode, watch)
		}
		if !c.DeviceCode.Matches(deviceCode.Secret) || !c.Watch.Matches(watch.Secret) ||
			c.DeviceCode.Matches(watch.Secret) || c.Watch.Matches(deviceCode.Secret) || c.Watch.Matches("") {
			t.Fatal("the hashes are not of the secrets")
		}
		if deviceCode.ID != c.ID || watch.ID != c.ID || draft.ID() != c.ID || draft.UserCode() != c.UserCode {
			t.Fatal("the capabilities are of another challenge")
		}
	}
}

func TestAnIDHasOneSpelling(t *testing.T) {
	id := NewID()
	s := id.String()
	if got, err := ParseID(s); err != nil || got != id || len(s) != 26 {
		t.Fatalf("%q is read as %v, %v", s, got, err)
	}
	for _, spelling := range []string{
		"", s[:25], s + "A", s + "=", s + "\n", s[:10] + "\r\n" + s[10:], " " + s, strings.ToLower(s),
		s[:25] + "1", strings.Repeat("A", 25) + "\x00", strings.Repeat("A", 1000),
		s[:25] + "B", s[:25] + "7", // 26 letters are 130 bits: the last two must be 0
	} {
		if got, err := ParseID(spelling); err != ErrNotFound || got != (ID{}) {
			t.Errorf("%q is read as %v, %v", spelling, got, err)
		}
	}
}

func TestACapabilityIsReadAsItIsWritten(t *testing.T) {
	_, deviceCode, _ := NewDraft(clientOfTest, Policy{}, Request{})
	s := deviceCode.String()
	if got, err := ParseCapability(s); err != nil || got != deviceCode {
		t.Fatalf("%q is read as %v, %v", s, got, err)
	}
	for _, s := range []string{
		"", ".", deviceCode.ID.String(), deviceCode.ID.String() + ".", deviceCode.Secret, "." + deviceCode.Secret,
		s[:len(s)-1], s + "A", "A" + s, strings.ToLower(s), strings.Replace(s, ".", "", 1), strings.Replace(s, ".", "..", 1),
	} {
		if got, err := ParseCapability(s); err != ErrNotFound || got.ID != (ID{}) {
			t.Errorf("%q is read as %v, %v", s, got, err)
		}
	}
}

func TestUserCodesAreOfTheTwentyLetters(t *testing.T) {
	form := regexp.MustCompile(`^[` + userCodeAlphabet + `]{4}-[` + userCodeAlphabet + `]{4}$`)
	letters := map[rune]int{}
	const codes = 20_000
	for range codes {
		code := NewUserCode()
		if !form.MatchString(code) {
			t.Fatalf("a user code is %q", code)
		}
		if got, err := ParseUserCode(code); err != nil || got != code {
			t.Fatalf("%q is read as %q, %v", code, got, err)
		}
		for _, r := range code {
			letters[r]++
		}
	}
	delete(letters, '-')
	if len(letters) != 20 {
		t.Fatalf("of twenty letters %d are used", len(letters))
	}
	// SECURITY.md §4: each is as likely as the next. A byte taken modulo 20 would make the last four rarer: 3/16 of all
	// instead of 1/5, twelve standard deviations away.
	last := 0
	for _, r := range userCodeAlphabet[16:] {
		last += letters[r]
	}
	if share := float64(last) / (8 * codes); share < 0.194 || share > 0.206 {
		t.Errorf("the last four letters of twenty are %.4f of all", share)
	}
}

func TestATypedCodeIsNormalised(t *testing.T) {
	for _, typed := range []string{"WDJB-MJHT", "wdjbmjht", "wdjb mjht", " W D J B . m j h t ", "WDJB_MJHT", "--WDJBMJHT--"} {
		if got, err := ParseUserCode(typed); err != nil || got != "WDJB-MJHT" {
			t.Errorf("%q is read as %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{
		"", "-", "WDJB", "WDJB-MJH", "WDJB-MJHTX", "WDJB-MJHA", "WDJB-MJH1", "WDJB/MJHT", "WDJB-MJHT\n", "ＷDJB-MJHT", "WDJB-MJH\xff",
		strings.Repeat("WDJB", 1000),
	} {
		if got, err := ParseUserCode(typed); err != ErrCodeUnknown || got != "" {
			t.Errorf("%q is read as %q, %v", typed, got, err)
		}
	}
}

func TestIDsAndHashesSurviveAsText(t *testing.T) {
	id, hash := NewID(), HashOf("something")
	idText, _ := id.MarshalText()
	hashText, _ := hash.MarshalText()
	var gotID ID
	var gotHash Hash
	if err := errors.Join(gotID.UnmarshalText(idText), gotHash.UnmarshalText(hashText)); err != nil || gotID != id || gotHash != hash {
		t.Errorf("%s and %s are read as %v and %v, %v", idText, hashText, gotID, gotHash, err)
	}
	if gotID.UnmarshalText([]byte("no id")) == nil || gotHash.UnmarshalText([]byte("no hash")) == nil || gotHash.UnmarshalText(nil) == nil {
		t.Error("what is no id or no hash is read as one")
	}
	if id.Hash() == NewID().Hash() || id.Hash() == (Hash{}) {
		t.Error("ids do not have a hash of their own")
	}
}

func TestWhatIsSealedOpensForItsSecretAndPurposeAlone(t *testing.T) {
	secret := NewSecret()
	sealed, err := Seal(secret, "purpose", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "plain") {
		t.Fatal("it is not encrypted")
	}
	if plain, err := Open(secret, "purpose", sealed); err != nil || string(plain) != "plain" {
		t.Fatalf("opens as %q, %v", plain, err)
	}
	for i := range sealed {
		sealed[i] ^= 1
		if plain, err := Open(secret, "purpose", sealed); err == nil {
			t.Fatalf("altered at byte %d it opens as %q", i, plain)
		}
		sealed[i] ^= 1
	}
	for _, try := range []struct{ secret, purpose string }{{NewSecret(), "purpose"}, {secret, "another purpose"}, {"", "purpose"}, {secret, ""}} {
		if plain, err := Open(try.secret, try.purpose, sealed); err == nil {
			t.Errorf("it opens for another as %q", plain)
		}
	}
	if _, err := Open(secret, "purpose", nil); err == nil {
		t.Error("nothing at all opens")
	}
}

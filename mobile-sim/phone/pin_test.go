package phone

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// atHome returns the folder of an enrolled phone.
func atHome(t *testing.T) (home string) {
	t.Helper()
	fake, _ := start(t)
	home = t.TempDir()
	if _, err := Enroll(t.Context(), enrollment(fake, home)); err != nil {
		t.Fatal(err)
	}
	return home
}

func setPIN(t *testing.T, home, pin string) {
	t.Helper()
	if err := SetPIN(home, pin); err != nil {
		t.Fatal(err)
	}
}

func wantPIN(t *testing.T, home, pin string, want error) {
	t.Helper()
	if err := CheckPIN(home, pin); !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", pin, err, want)
	}
}

func TestAPhoneKnowsItsPIN(t *testing.T) {
	home := atHome(t)
	wantPIN(t, home, "1234", ErrNoPIN)
	setPIN(t, home, "1234")
	wantPIN(t, home, "1234", nil)
	wantPIN(t, home, "1235", ErrPINWrong)
	wantPIN(t, home, "", ErrPINWrong)
	setPIN(t, home, "000000000000")
	wantPIN(t, home, "1234", ErrPINWrong)
	wantPIN(t, home, "000000000000", nil)
}

func TestAPINIsFourToTwelveDigits(t *testing.T) {
	home := atHome(t)
	for _, pin := range []string{"", "123", "1234567890123", "12a4", " 1234", "1234\n", "１２３４", "-123"} {
		if err := SetPIN(home, pin); !errors.Is(err, ErrPINForm) {
			t.Errorf("%q: %v", pin, err)
		}
	}
	wantPIN(t, home, "1234", ErrNoPIN)
}

func TestThePINIsNotInTheFileAndNobodyElseReadsIt(t *testing.T) {
	home := atHome(t)
	setPIN(t, home, "73519284")
	path := filepath.Join(home, enrolledFile)
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	setPIN(t, home, "73519284")
	second, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(first, []byte("73519284")) || bytes.Equal(first, second) {
		t.Errorf("the file is %s\nand then %s", first, second)
	}
}

func TestTenMissesInARowLockThePINUntilThePhoneIsEnrolledAnew(t *testing.T) {
	fake, _ := start(t)
	home := t.TempDir()
	enrol := func() {
		if _, err := Enroll(t.Context(), enrollment(fake, home)); err != nil {
			t.Fatal(err)
		}
	}
	enrol()
	setPIN(t, home, "1234")
	if err := update(home, func(r *record) (err error) { // quick to try
		r.PIN.Rounds = 1
		r.PIN.Hash, err = hashPIN("1234", r.PIN.Salt, 1)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	miss := func(n int) {
		for range n {
			wantPIN(t, home, "0000", ErrPINWrong)
		}
	}
	miss(9)
	wantPIN(t, home, "1234", nil) // and the count begins anew
	miss(9)
	wantPIN(t, home, "0000", ErrPINLocked)
	wantPIN(t, home, "1234", ErrPINLocked)
	if _, err := Open(home); err != nil {
		t.Fatalf("the phone is locked altogether: %v", err)
	}
	enrol()
	wantPIN(t, home, "1234", ErrNoPIN)
}

func TestAnApprovalSaysThatThePINWasAskedForOnlyWhereItWas(t *testing.T) {
	fake, p := start(t)
	for _, pin := range []bool{false, true} {
		c, frame := fake.Challenge(nil)
		claim, err := p.Scan(t.Context(), frame)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Approve(t.Context(), claim, Approval{PIN: pin}); err != nil || fake.Unlocked(c.ID) != pin {
			t.Errorf("%t: %v, %t", pin, err, fake.Unlocked(c.ID))
		}
	}
}

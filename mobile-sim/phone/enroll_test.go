package phone

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qrlogin/mobile-sim/internal/fakeprovider"
)

func TestAnEnrolledPhoneIsOpenedAgain(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	home := filepath.Join(t.TempDir(), "a", "home")
	if _, err := Enroll(t.Context(), enrollment(fake, home)); err != nil {
		t.Fatal(err)
	}
	p, err := Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if account, err := p.Account(t.Context()); err != nil || account.PhoneNumber != "+8613800138000" {
		t.Fatalf("%+v, %v", account, err)
	}
	for path, want := range map[string]os.FileMode{home: 0o700, filepath.Join(home, enrolledFile): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	entries, err := os.ReadDir(home)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the home folder holds %v", entries)
	}
}

func TestOpenRefusesAHomeThatIs(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, file string) error
		says  string
	}{
		"missing":              {func(_ *testing.T, file string) error { return os.RemoveAll(filepath.Dir(file)) }, ErrNotEnrolled.Error()},
		"empty":                {func(_ *testing.T, file string) error { return os.Remove(file) }, ErrNotEnrolled.Error()},
		"readable by a group":  {func(_ *testing.T, file string) error { return os.Chmod(file, 0o640) }, "chmod 600"},
		"readable by everyone": {func(_ *testing.T, file string) error { return os.Chmod(file, 0o604) }, "chmod 600"},
		"damaged":              {func(_ *testing.T, file string) error { return os.WriteFile(file, []byte("{"), 0o600) }, enrolledFile},
		"without a key":        {func(_ *testing.T, file string) error { return os.WriteFile(file, []byte("{}"), 0o600) }, "device key"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			if _, err := Enroll(t.Context(), enrollment(fake, home)); err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(t, filepath.Join(home, enrolledFile)); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(home); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want a word of %q", err, c.says)
			}
		})
	}
}

func TestAWrongCodeEnrolsNothing(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	e := enrollment(fake, t.TempDir())
	e.Code = func(context.Context) (string, error) { return "000000", nil }
	_, err := Enroll(t.Context(), e)
	wantProblem(t, err, "enrollment-code-wrong")
	if _, err := Open(e.Home); !errors.Is(err, ErrNotEnrolled) {
		t.Fatal(err)
	}
}

func TestAFailedEnrolmentLeavesTheEarlierPhone(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	e := enrollment(fake, t.TempDir())
	if _, err := Enroll(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	e.Code = func(context.Context) (string, error) { return "", context.Canceled }
	if _, err := Enroll(t.Context(), e); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p, err := Open(e.Home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnEnrolmentCanBeConfirmedLater(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	e := enrollment(fake, t.TempDir())
	e.Code = func(context.Context) (string, error) { return "", ErrCodeLater }
	if _, err := Enroll(t.Context(), e); !errors.Is(err, ErrCodeLater) {
		t.Fatal(err)
	}
	e = enrollment(fake, e.Home)
	e.Resume = true
	if _, err := Enroll(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if n := count(fake, "POST /phone/enrollments"); n != 1 {
		t.Fatalf("%d messages were sent", n)
	}
	if _, err := Open(e.Home); err != nil {
		t.Fatal(err)
	}
}

func TestAnEnrolmentOfAnotherNumberIsNotTakenUp(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	e := enrollment(fake, t.TempDir())
	e.Code = func(context.Context) (string, error) { return "", ErrCodeLater }
	if _, err := Enroll(t.Context(), e); !errors.Is(err, ErrCodeLater) {
		t.Fatal(err)
	}
	e = enrollment(fake, e.Home)
	e.Resume, e.Number = true, "+8613900139000"
	p, err := Enroll(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if account, err := p.Account(t.Context()); err != nil || account.PhoneNumber != e.Number {
		t.Fatalf("%+v, %v", account, err)
	}
}

func TestAConfirmationWhoseAnswerIsLostCounts(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	fake.Drop("POST /phone/enrollments/…", 1)
	if _, err := Enroll(t.Context(), enrollment(fake, t.TempDir())); err != nil {
		t.Fatal(err)
	}
}

// Each request for a code costs a message.
func TestADroppedRequestForACodeIsNotRepeated(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	fake.Drop("POST /phone/enrollments", 1)
	if _, err := Enroll(t.Context(), enrollment(fake, "")); err == nil {
		t.Fatal("enrolled without an answer")
	}
	if n := count(fake, "POST /phone/enrollments"); n != 1 {
		t.Fatalf("asked for %d codes", n)
	}
}

func TestAProviderWithAnotherNameIsRefused(t *testing.T) {
	fake, other := fakeprovider.New(), fakeprovider.New()
	defer fake.Close()
	defer other.Close()
	fake.SetIssuer(other.URL)
	if _, err := Enroll(t.Context(), enrollment(fake, "")); err == nil || !strings.Contains(err.Error(), other.URL) {
		t.Fatal(err)
	}
	if asked := append(fake.Requests()[1:], other.Requests()...); len(asked) > 0 {
		t.Fatalf("the number was sent all the same: %v", asked)
	}
}

func TestAProviderNeedsHTTPSSaveOnTheLoopback(t *testing.T) {
	for provider, good := range map[string]bool{
		"https://id.example":      true,
		"https://id.example/path": true,
		"http://localhost:9000":   true,
		"http://127.0.0.1:9000":   true,
		"http://127.8.8.8":        true,
		"http://[::1]:9000":       true,
		"http://id.example":       false,
		"http://192.0.2.1":        false,
		"http://localhost.evil":   false,
		"http://127.0.0.1.evil":   false,
		"https://u:p@id.example":  false,
		"https://id.example?a=b":  false,
		"https://id.example#a":    false,
		"ftp://localhost":         false,
		"id.example":              false,
		"":                        false,
		"https://":                false,
	} {
		if err := checkProvider(provider); (err == nil) != good {
			t.Errorf("%q: %v", provider, err)
		}
	}
}

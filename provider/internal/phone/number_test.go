package phone

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"qrlogin/provider/internal/identity"
)

func TestANumberIsReadAsItIsWritten(t *testing.T) {
	for typed, want := range map[string]string{
		"+8613800138000":       "+8613800138000",
		" +86 138 0013 8000 ":  "+8613800138000",
		"+86-138-0013-8000":    "+8613800138000",
		"+86 (138) 0013.8000":  "+8613800138000",
		"+49 1512 3456789":     "+4915123456789",
		"+1 650-253-0000":      "+16502530000",
		"+44 7911\u00a0123456": "+447911123456",
	} {
		if got, err := parseNumber(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}

func TestWhatIsNoInternationalNumberIsRefused(t *testing.T) {
	for _, typed := range []string{
		"", "+", "13800138000", "008613800138000", "+86", "+86138", "+999123456789", "+861380013800000", "+8613800138000x", "+8613800138000;ext=1",
		"+1 800 FLOWERS", "tel:+8613800138000", "+86\x0013800138000", "+८६13800138000", "+;phone-context=+86", "++8613800138000", "+4920100000000000", strings.Repeat(" ", 20) + "+8613800138000",
	} {
		if got, err := parseNumber(typed); !errors.Is(err, identity.ErrInvalidNumber) || got != "" {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// A number that is read is E.164, reads as itself, and has the digits that were written.
func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{
		"+8613800138000", "+86 138 0013 8000", "+1 (650) 253-0000", "+4915123456789", "+", "", "+0", "+39 06 698 12345", "+54 9 11 2345-6789", "+52 1 33 1234 5678",
		"+800 1234 5678", "+8613800138000;ext=1", "+1 800 FLOWERS", "+\u0661\u0662", "+44 (0) 7911 123456", "+8613800138000//", "+4920100000000000",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := parseNumber(typed)
		if err != nil {
			if !errors.Is(err, identity.ErrInvalidNumber) || got != "" {
				t.Fatalf("%q: %q, %v", typed, got, err)
			}
			return
		}
		if !e164.MatchString(got) {
			t.Fatalf("%q became %q", typed, got)
		}
		if again, err := parseNumber(got); err != nil || again != got {
			t.Fatalf("%q became %q, and that %q, %v", typed, got, again, err)
		}
		// A national prefix may go ("+44 (0) 7911…"); nothing may come that was not written.
		written := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, typed)
		if rest := got[1:]; !subsequence(rest, written) {
			t.Fatalf("%q became %q", typed, got)
		}
	})
}

func subsequence(s, of string) bool {
	for _, r := range s {
		i := strings.IndexRune(of, r)
		if i < 0 {
			return false
		}
		of = of[i+1:]
	}
	return true
}

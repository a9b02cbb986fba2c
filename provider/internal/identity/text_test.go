package identity

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestAMaskedNumberIsRecognisableAndNotWhole(t *testing.T) {
	for number, want := range map[string]string{
		"+8613800138000":   "+86…8000",
		"+12025550123":     "+12…0123",
		"+4915112345678":   "+49…5678",
		"+3581234567":      "+35…4567",
		"+123456789012345": "+12…2345", // the longest that E.164 allows
		"":                 "…",
		"+":                "…",
		"+123":             "…",
		"+123456":          "…",
	} {
		if got := MaskNumber(number); got != want {
			t.Errorf("%q: %q, want %q", number, got, want)
		}
	}
}

// SECURITY.md §1.6: a mask must not be a whole number. What is shown does not grow with the number's length.
func TestAMaskNeverShowsAllDigits(t *testing.T) {
	for n := range 16 {
		number := ("+123456789012345")[:n]
		shown := strings.ReplaceAll(MaskNumber(number), "…", "")
		if n > 0 && len(shown) >= n || len(shown) > 7 {
			t.Errorf("%q: %q", number, shown)
		}
	}
}

func TestSafeTextHasNothingThatHidesOrTurnsWhatIsShown(t *testing.T) {
	for text, want := range map[string]bool{
		"":                             true,
		"The shop":                     true,
		"老王的小店":                        true,
		"Café Zoë":                     true,
		"e\u0301":                      true, // a combining accent
		"متجر":                         true, // right to left by itself
		"🛍️ shop":                      true,
		"<b>&amp;'\"":                  true, // to be escaped by who shows it
		"a\u00a0b":                     true,
		"a\x00b":                       false,
		"a\nb":                         false,
		"a\r\nb":                       false,
		"a\tb":                         false,
		"a\x1b[2Jb":                    false, // would clear a terminal
		"a\x7fb":                       false,
		"a\u0085b":                     false,
		"a\u009bb":                     false, // the same as ESC [
		"a\u200bb":                     false, // zero width
		"a\u200eb":                     false,
		"bank\u202egro.live":           false, // right-to-left override
		"a\u2066b\u2069":               false, // isolates
		"a\u2028b":                     false,
		"a\u2029b":                     false,
		"a\ufeffb":                     false,
		"\u3164":                       false, // a Hangul letter that shows nothing
		"\u115f\u1160":                 false,
		"\uffa0":                       false,
		"a\u034fb":                     false, // joins graphemes, unseen
		"\u2800":                       false, // a Braille cell without dots
		"\u2801":                       true,
		"a\ue000b":                     false, // private use
		"a\U000e0041b":                 false, // a tag character
		"a\xffb":                       false,
		"a\xc3":                        false,
		"\xed\xa0\x80":                 false, // a surrogate
		"\xc0\x80":                     false, // NUL, written longer than it is
		"end\u202e":                    false,
		strings.Repeat("long ", 10000): true,
	} {
		if got := SafeText(text); got != want {
			t.Errorf("%+q: %t", text, got)
		}
	}
}

func TestAValidNameIsShortSafeAndTrimmed(t *testing.T) {
	for name, want := range map[string]bool{
		"x":                              true,
		"Ana's phone":                    true,
		strings.Repeat("a", 64):          true,
		strings.Repeat("店", 64):          true, // characters, not bytes
		strings.Repeat("a", 65):          false,
		strings.Repeat("店", 65):          false,
		"":                               false,
		" ":                              false,
		" x":                             false,
		"x ":                             false,
		"\u3000x":                        false, // a wide space
		"x\u00a0":                        false,
		"x\n":                            false,
		"x\u202ey":                       false,
		"\xff":                           false,
		strings.Repeat("a", 63) + "\x00": false,
	} {
		if got := ValidName(name); got != want {
			t.Errorf("%+q: %t", name, got)
		}
	}
}

func FuzzSafeText(f *testing.F) {
	for _, seed := range []string{"", "The shop", "老王", "a\x00", "a\u202eb", "a\u2028", "\xff", "\xed\xa0\x80", " x", "\u3000", "👩‍💻", strings.Repeat("a", 65)} {
		f.Add(seed, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if SafeText(a) {
			if !utf8.ValidString(a) {
				t.Errorf("%+q is not UTF-8", a)
			}
			for _, r := range a {
				if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) {
					t.Errorf("%+q has %U", a, r)
				}
			}
		}
		// What is put together of safe parts is safe, and what has an unsafe part is not.
		if valid := utf8.ValidString(a) && utf8.ValidString(b); valid && SafeText(a+b) != (SafeText(a) && SafeText(b)) {
			t.Errorf("%+q and %+q, apart and together", a, b)
		}
		if ValidName(a) {
			if n := utf8.RuneCountInString(a); !SafeText(a) || n < 1 || n > 64 || strings.TrimSpace(a) != a {
				t.Errorf("%+q is no name", a)
			}
		}
	})
}

package identity

import (
	"unicode"
	"unicode/utf8"
)

// SafeText tells whether a text can be put before a person's eyes as it is: valid UTF-8 without control characters, line
// separators, or marks that turn the direction of what follows (a name could be made to read as another).
func SafeText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return false
		}
	}
	return true
}

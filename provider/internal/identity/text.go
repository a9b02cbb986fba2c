package identity

import (
	"unicode"
	"unicode/utf8"
)

// SafeText tells whether a text can be put before a person's eyes as it is: valid UTF-8 without control characters, line
// separators, marks that turn the direction of what follows (a name could be made to read as another), or letters that show nothing.
func SafeText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if ' ' <= r && r <= '~' {
			continue // most of most texts, and none of these
		}
		if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800' { // a Braille cell without dots
			return false
		}
	}
	return true
}

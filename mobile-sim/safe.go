package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

const longest = 300 // characters of one text from outside

// safe makes a text from outside fit to be shown in one line of a terminal: whatever is not plainly visible (control
// characters with the escape that begins an ANSI sequence, bidirectional overrides, zero-width characters, broken UTF-8)
// becomes U+FFFD, any white space one space, and a text without end gets one.
func safe(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if n++; n > longest {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}

// safeHost shows a host name in ASCII, so that no letter passes for another, and whole: what matters of it is the end.
func safeHost(host string) string {
	quoted := strconv.QuoteToASCII(host)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], " ", `\u0020`)
}

// printJSON prints one JSON object when --json was given. Nothing is lost: what safe would replace is escaped.
func (a *app) printJSON(v any) {
	if !a.json {
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of this program come here
	}
	var b strings.Builder
	for _, r := range string(text) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	_, _ = fmt.Fprintln(a.stdout, b.String())
}

package fetch

import (
	"errors"
	"strings"
	"unicode"
)

// Every error of this package is an ErrFailed. Its text is for the log alone: whether an address was refused, a name unknown or
// a port closed would tell a client what there is in the operator's network, so a client is told the same of all of them.
var (
	ErrFailed  = errors.New("fetch: it failed")
	ErrRefused = errors.New("refused address")
)

// failure is an [ErrFailed], for its cause.
type failure struct{ cause error }

func fail(reason string) error { return failure{errors.New(reason)} }

const maxText = 512 // bytes of an error's text, some of which is the other server's (the names in its certificate, say)

// Error is one line, whatever the other server said.
func (f failure) Error() string {
	text := f.cause.Error()
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "")
	return "fetch: " + strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

func (f failure) Unwrap() []error { return []error{ErrFailed, f.cause} }

package handoffs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// judged is what the checker makes of a text that comes in pieces of this size.
func judged(text string, size int, mediaTypes ...string) error {
	c := checker{mediaTypes: mediaTypes}
	for chunk := range slices.Chunk([]byte(text), size) {
		if err := c.take(chunk); err != nil {
			return err
		}
	}
	return c.end()
}

// as is the header of a good JWE with something else in the place of a part of it.
func (k *kit) as(text, old, replacement string) string {
	k.t.Helper()
	head, rest, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || !strings.Contains(string(raw), old) {
		k.t.Fatalf("%s: %q, %v", old, raw, err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), old, replacement, 1))) + "." + rest
}

func TestWhatIsNoJWEOfThisKindIsMalformedHoweverItIsCut(t *testing.T) {
	k := newKit(t)
	good := k.sealed("text/html", []byte("the plain text"))
	parts := strings.Split(good, ".")
	with := func(part int, text string) string {
		changed := slices.Clone(parts)
		changed[part] = text
		return strings.Join(changed, ".")
	}
	y := `"y":"`
	for what, text := range map[string]string{
		"nothing":                  "",
		"dots":                     "....",
		"plain text":               "<!DOCTYPE NETSCAPE-Bookmark-file-1>",
		"base64url alone":          "PGh0bWw-",
		"four parts":               strings.Join(parts[:4], "."),
		"six parts":                good + ".AAAA",
		"a dot at the end":         good + ".",
		"a line break":             good + "\n",
		"padding":                  good + "=",
		"base64, not base64url":    with(ciphertext, "ab+/"),
		"JSON serialization":       `{"protected":"` + parts[header] + `","iv":"` + parts[initVector] + `"}`,
		"an encrypted key":         with(encryptedKey, "AAAA"),
		"a short vector":           with(initVector, "AAAA"),
		"a long vector":            with(initVector, parts[initVector]+"AAAA"),
		"a ciphertext of no bytes": with(ciphertext, "AAAAA"),
		"a short tag":              with(tag, "AAAA"),
		"a long tag":               with(tag, parts[tag]+"A"),
		"a long header":            k.as(good, "text/html", "text/"+strings.Repeat("x", maxHeader)),
		"a header of no JSON":      with(header, "AAAA"),
		"something behind it":      k.as(good, "}}", `}} {}`),
		"no object":                with(header, base64.RawURLEncoding.EncodeToString([]byte(`["ECDH-ES"]`))),
		"another member":           k.as(good, "{", `{"note":"the plain text",`),
		"apu":                      k.as(good, "{", `{"apu":"AAAA",`),
		"zip":                      k.as(good, "{", `{"zip":"DEF",`),
		"a private key":            k.as(good, y, `"d":"AAAA",`+y),
		"a wrapped key":            k.as(good, `"ECDH-ES"`, `"ECDH-ES+A256KW"`),
		"a shared key":             k.as(good, `"ECDH-ES"`, `"dir"`),
		"another cipher":           k.as(good, "A256GCM", "A128GCM"),
		"another curve":            k.as(good, "P-256", "P-384"),
		"another kind of key":      k.as(good, `"EC"`, `"OKP"`),
		"a point off the curve":    k.as(good, y, y+"AAAA"),
		"no cty":                   k.as(good, `"cty":"text/html",`, ""),
		"a cty of no type":         k.as(good, "text/html", "html"),
		"a cty of nothing":         k.as(good, "text/html", ""),
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			err := judged(text, size)
			if _, malformed := errors.AsType[ErrMalformed](err); !malformed {
				t.Errorf("%s, in pieces of %d: %v", what, size, err)
			}
			if strings.Contains(fmt.Sprint(err), "plain text") {
				t.Errorf("%s: the refusal shows what was sent: %v", what, err)
			}
		}
	}
	for _, size := range []int{1, 7, 1 << 20} {
		if err := judged(good, size); err != nil {
			t.Errorf("a good one, in pieces of %d: %v", size, err)
		}
	}
}

func TestTheMediaTypeIsOneThatThePageReads(t *testing.T) {
	k := newKit(t)
	for _, c := range []struct {
		is    string
		reads []string
		good  bool
	}{
		{"text/html", nil, true},
		{"text/html", []string{"text/html"}, true},
		{"text/html; charset=utf-8", []string{"text/html"}, true},
		{"Text/HTML", []string{"text/plain", "text/html"}, true},
		{"text/html", []string{"text/plain", "TEXT/HTML"}, true},
		{"text/html", []string{"text/plain"}, false},
		{"text/htmlx", []string{"text/html"}, false},
	} {
		if err := judged(k.sealed(c.is, []byte("x")), 100, c.reads...); (err == nil) != c.good {
			t.Errorf("%s, and the page reads %s: %v", c.is, c.reads, err)
		}
	}
}

package handoffs

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"mime"
	"slices"
	"strings"
)

// ErrMalformed says why something is not what a handoff must be, in words that may be shown to the sender.
type ErrMalformed struct{ Reason string }

func (e ErrMalformed) Error() string { return "handoffs: " + e.Reason }

// The parts of a JWE in compact form (RFC 7516 §7.1): five, with a dot between each two.
const (
	header = iota
	encryptedKey
	initVector
	ciphertext
	tag
)

// How long they are in base64url, where that is known: ECDH-ES encrypts no key (RFC 7518 §4.6), and A256GCM has an initialization
// vector of 96 bits and a tag of 128 (§5.3).
const (
	dots          = 4
	maxHeader     = 1024
	initVectorLen = 16
	tagLen        = 22
)

// Longest is how many bytes a handoff has at most that has so many before encryption.
func Longest(plain int64) int64 {
	return maxHeader + initVectorLen + (4*plain+2)/3 + tagLen + dots
}

// checker looks at a handoff as it comes.
type checker struct {
	mediaTypes []string

	header []byte
	part   int
	length int64 // of the part so far
}

// take looks at the next chunk.
func (c *checker) take(chunk []byte) error {
	for {
		piece, rest, ended := bytes.Cut(chunk, []byte("."))
		if !base64url(piece) {
			return ErrMalformed{"a JWE in compact form has dots and base64url, and nothing else"}
		}
		c.length += int64(len(piece))
		if c.part == header {
			if c.length > maxHeader {
				return ErrMalformed{"the header is too long"}
			}
			c.header = append(c.header, piece...)
		}
		if !ended {
			return nil
		}
		if err := c.next(); err != nil {
			return err
		}
		chunk = rest
	}
}

// next judges the part that has ended.
func (c *checker) next() error {
	switch {
	case c.part == header:
		if err := judge(c.header, c.mediaTypes); err != nil {
			return err
		}
	case c.part == encryptedKey && c.length != 0, c.part == initVector && c.length != initVectorLen, c.part == ciphertext && c.length%4 == 1, c.part == tag:
		return ErrMalformed{"the parts are not those of a JWE with ECDH-ES and A256GCM"}
	}
	c.part, c.length = c.part+1, 0
	return nil
}

// end judges the last part, which no dot ends.
func (c *checker) end() error {
	if c.part != tag || c.length != tagLen {
		return ErrMalformed{"it is not complete"}
	}
	return nil
}

var inBase64url = func() (is [256]bool) {
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		is[b] = true
	}
	return is
}()

func base64url(text []byte) bool {
	for _, b := range text {
		if !inBase64url[b] {
			return false
		}
	}
	return true
}

// judge reads a header, which says these four things and nothing else: whatever it says is not encrypted.
func judge(encoded []byte, mediaTypes []string) error {
	raw, err := base64.RawURLEncoding.DecodeString(string(encoded))
	if err != nil {
		return ErrMalformed{"the header is not base64url"}
	}
	var said struct {
		Alg string `json:"alg"`
		Enc string `json:"enc"`
		Cty string `json:"cty"`
		Epk struct {
			Kty string `json:"kty"`
			Crv string `json:"crv"`
			X   string `json:"x"`
			Y   string `json:"y"`
		} `json:"epk"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&said); err != nil || d.InputOffset() != int64(len(raw)) {
		return ErrMalformed{"the header is not a JSON object with alg, enc, epk and cty alone"}
	}
	if said.Alg != "ECDH-ES" || said.Enc != "A256GCM" {
		return ErrMalformed{"it is not encrypted by ECDH-ES and A256GCM"}
	}
	if said.Epk.Kty != "EC" || said.Epk.Crv != "P-256" || !onCurve(said.Epk.X, said.Epk.Y) {
		return ErrMalformed{"epk is no P-256 public key"}
	}
	mediaType, _, err := mime.ParseMediaType(said.Cty)
	if err != nil || !strings.Contains(mediaType, "/") {
		return ErrMalformed{"cty is no media type"}
	}
	if len(mediaTypes) > 0 && !slices.ContainsFunc(mediaTypes, func(t string) bool { return strings.EqualFold(t, mediaType) }) {
		return ErrMalformed{"the page does not read this media type"}
	}
	return nil
}

func onCurve(x, y string) bool {
	point := []byte{4} // uncompressed (SEC 1 §2.3.3)
	for _, coordinate := range []string{x, y} {
		raw, err := base64.RawURLEncoding.DecodeString(coordinate)
		if err != nil || len(raw) != 32 {
			return false
		}
		point = append(point, raw...)
	}
	_, err := ecdh.P256().NewPublicKey(point)
	return err == nil
}

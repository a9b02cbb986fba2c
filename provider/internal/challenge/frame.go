package challenge

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"
)

// macLen is 64 bits: a guess is one request to the provider, and a frame lives for half a minute.
const macLen = 8

// CodePath is between an issuer and a code.
const CodePath = "/q/"

// Code is what a QR code says after the issuer and [CodePath]: "<id>.<step>.<mac>" for a frame, "<id>" for the static code. A typed
// user_code leads to the same thing by another way.
type Code struct {
	ID    ID
	Step  int    // of a frame
	MAC   []byte // of a frame; nil for a static or typed code
	Typed bool   // the person typed the user_code
}

// ParseCode reads the part of a QR code after [CodePath]. It answers [ErrCodeUnknown] for anything but the one spelling
// that [Code.String] writes.
func ParseCode(s string) (Code, error) {
	name, rest, frame := strings.Cut(s, ".")
	id, err := ParseID(name)
	if err != nil {
		return Code{}, ErrCodeUnknown
	}
	if !frame {
		return Code{ID: id}, nil
	}
	number, mac, _ := strings.Cut(rest, ".")
	step, err := strconv.Atoi(number)
	if err != nil || step < 0 || step >= int(ScanWindow/Step) {
		return Code{}, ErrCodeUnknown
	}
	raw, err := codeEncoding.DecodeString(mac)
	if err != nil || len(raw) != macLen {
		return Code{}, ErrCodeUnknown
	}
	code := Code{ID: id, Step: step, MAC: raw}
	if code.String() != s {
		return Code{}, ErrCodeUnknown
	}
	return code, nil
}

// String is the code as it stands in the QR code.
func (c Code) String() string { return c.after("") }

// Link is all that a QR code says: a page of the issuer's, with the code in it.
func (c Code) Link(issuer string) string { return c.after(issuer + CodePath) }

func (c Code) after(start string) string {
	var b [128]byte // has room for most
	text := codeEncoding.AppendEncode(append(b[:0], start...), c.ID[:])
	if c.MAC != nil {
		text = strconv.AppendInt(append(text, '.'), int64(c.Step), 10)
		text = codeEncoding.AppendEncode(append(text, '.'), c.MAC)
	}
	return string(text)
}

// Frame is the QR code's content for one step, with the time in which to show it, relative to the moment it was asked for.
type Frame struct {
	Code        Code
	From, Until time.Duration
}

// Frames is what a browser draws from now on: at most n frames. None are left once the scan window is over. A policy that
// allows the static code has that one, for the rest of the challenge's life.
func (c Challenge) Frames(now time.Time, n int) []Frame {
	if c.State != Pending {
		return nil
	}
	if c.Policy.StaticCode {
		return []Frame{{Code: Code{ID: c.ID}, Until: c.ExpiresAt.Sub(now)}}
	}
	step := max(0, int(now.Sub(c.CreatedAt)/Step))
	mac := c.macs()
	frames := make([]Frame, 0, n)
	for ; len(frames) < n && time.Duration(step)*Step < ScanWindow; step++ {
		from := c.stepStart(step).Sub(now)
		frames = append(frames, Frame{
			Code: Code{ID: c.ID, Step: step, MAC: mac(step)},
			From: max(0, from), Until: from + Step,
		})
	}
	return frames
}

func (c Challenge) stepStart(step int) time.Time { return c.CreatedAt.Add(time.Duration(step) * Step) }

// macs makes the frames' MACs, a step at a time. The key is taken in once: a page is told eight frames.
func (c Challenge) macs() func(step int) []byte {
	h := hmac.New(sha256.New, c.FrameKey)
	says := slices.Concat([]byte("qrlogin frame"), c.ID[:], make([]byte, 8))
	return func(step int) []byte {
		binary.BigEndian.PutUint64(says[len(says)-8:], uint64(step))
		h.Reset()
		h.Write(says)
		return h.Sum(nil)[:macLen]
	}
}

// takes judges what a scan presents: a code that is good now, or one that was when this browser opened it.
func (c Challenge) takes(e Scan, now time.Time) error {
	if c.gave(landed, e.Ticket) || c.IsHere(e.Ticket) {
		return c.proves(e.Code)
	}
	return c.accepts(e.Code, now.Add(-e.Waited))
}

// accepts judges a code against the challenge at the moment it was presented.
func (c Challenge) accepts(code Code, at time.Time) error {
	if code.MAC == nil {
		// SECURITY.md §4: a typed or static code is no way around the rotation.
		if code.Typed && !c.Policy.TypedCode || !code.Typed && !c.Policy.StaticCode {
			return ErrNotAllowed
		}
		return nil
	}
	if err := c.proves(code); err != nil {
		return err
	}
	start := c.stepStart(code.Step)
	// RFC 10027 §6.1.2: short-lived codes. A browser's timers may run a little ahead, so one step early is still in time.
	if at.Before(start.Add(-Step)) || !at.Before(start.Add(c.Policy.frameLife())) || !at.Before(c.CreatedAt.Add(ScanWindow)) {
		return ErrCodeStale
	}
	return nil
}

func (p Policy) frameLife() time.Duration {
	if p.ShortFrames {
		return ShortFrameLife
	}
	return FrameLife
}

// proves tells whether a frame was made for this challenge, however old it is.
func (c Challenge) proves(code Code) error {
	if code.MAC != nil && subtle.ConstantTimeCompare(code.MAC, c.macs()(code.Step)) != 1 {
		return ErrCodeUnknown
	}
	return nil
}

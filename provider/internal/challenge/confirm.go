package challenge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// ConfirmTries is how many times the page may send digits; the last miss denies (RFC 10027 §6.1.16).
const ConfirmTries = 3

// Digits is the four digits that the phone shows after its approval and the page must send. They follow from the frame key and
// the claim, so that they are stored nowhere, the same phone is told the same ones again, and another claim has others.
func (c Challenge) Digits() string {
	h := hmac.New(sha256.New, c.FrameKey)
	h.Write([]byte("qrlogin confirm"))
	h.Write(c.Claim.Consent)
	return fmt.Sprintf("%04d", binary.BigEndian.Uint64(h.Sum(nil))%10_000)
}

// TriesLeft is how often the page may still send digits.
func (c Challenge) TriesLeft() int { return ConfirmTries - c.Misses }

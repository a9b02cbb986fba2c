package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

const (
	nonceStep = time.Minute
	nonceLife = 5 * time.Minute
)

// Nonce is the time in steps, authenticated: no node has to remember it (RFC 9449 §8).
func (v Verifier) Nonce(now time.Time) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.Unix()/int64(nonceStep/time.Second)))
	h := hmac.New(sha256.New, v.NonceKey)
	h.Write([]byte("qrlogin dpop nonce"))
	h.Write(b[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(b[:])[:8+16])
}

func (v Verifier) fresh(nonce string, now time.Time) bool {
	for age := time.Duration(0); age <= nonceLife; age += nonceStep {
		if subtle.ConstantTimeCompare([]byte(nonce), []byte(v.Nonce(now.Add(-age)))) == 1 {
			return true
		}
	}
	return false
}

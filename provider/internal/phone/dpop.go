package phone

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api/proof"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

// How fresh a proof must be (RFC 9449 §11.1): by its own time, or by a nonce for phones whose clock is wrong.
const (
	proofSkew = time.Minute
	nonceStep = time.Minute
	nonceLife = 5 * time.Minute
)

var (
	errProof = web.Problem{Status: http.StatusUnauthorized, Code: "proof-invalid", Title: "The DPoP proof is missing or wrong"}
	errNonce = web.Problem{Status: http.StatusUnauthorized, Code: "proof-nonce", Title: "Make the DPoP proof anew, with the nonce of DPoP-Nonce"}
)

// prove verifies the request's DPoP proof: by which key, for this request, now, once.
func (d *Door) prove(c *gin.Context) (proof.DPoP, error) {
	header := c.Request.Header.Values("DPoP")
	if len(header) != 1 { // RFC 9449 §4.3: exactly one
		return proof.DPoP{}, d.unproven(c, errProof)
	}
	// htu is checked against the issuer, not against the Host header, which anyone may write.
	p, err := proof.VerifyDPoP(header[0], c.Request.Method, d.Issuer+c.Request.URL.EscapedPath())
	if err != nil {
		return proof.DPoP{}, d.unproven(c, errProof)
	}
	now := time.Now()
	life := 2 * proofSkew
	switch {
	case p.Nonce != "":
		if !d.freshNonce(p.Nonce, now) {
			return proof.DPoP{}, d.unproven(c, errNonce)
		}
		life = nonceLife + nonceStep
	case p.IssuedAt.Before(now.Add(-proofSkew)) || p.IssuedAt.After(now.Add(proofSkew)):
		return proof.DPoP{}, d.unproven(c, errNonce)
	}
	// RFC 9449 §11.1: a proof is used once.
	first, err := d.Keys.First(c.Request.Context(), "dpop "+p.Thumbprint+" "+p.ID, life)
	if err != nil {
		return proof.DPoP{}, err
	}
	if !first {
		return proof.DPoP{}, d.unproven(c, errProof.With("this proof has been used"))
	}
	return p, nil
}

// device verifies the proof and finds the enrolled device.
func (d *Door) device(c *gin.Context) (identity.Device, identity.Account, error) {
	p, err := d.prove(c)
	if err != nil {
		return identity.Device{}, identity.Account{}, err
	}
	return d.enrolled(c, p.Thumbprint)
}

func (d *Door) enrolled(c *gin.Context, thumbprint string) (identity.Device, identity.Account, error) {
	device, account, err := d.Devices.Device(c.Request.Context(), thumbprint)
	if err != nil {
		return device, account, err
	}
	if now := time.Now(); now.Sub(device.LastSeenAt) > time.Minute { // a write a minute is enough
		if err := d.Devices.TouchDevice(c.Request.Context(), device.ID, now); err != nil {
			return device, account, err
		}
	}
	return device, account, nil
}

// unproven sets the headers of RFC 9449 §7.1 and §8.
func (d *Door) unproven(c *gin.Context, p web.Problem) error {
	challenge := `DPoP algs="ES256"`
	if p.Code == errNonce.Code {
		challenge = `DPoP error="use_dpop_nonce", algs="ES256"`
	}
	c.Header("WWW-Authenticate", challenge)
	c.Header("DPoP-Nonce", d.nonce(time.Now()))
	return p
}

// nonce is the time in steps, authenticated: no node has to remember it.
func (d *Door) nonce(now time.Time) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.Unix()/int64(nonceStep/time.Second)))
	h := hmac.New(sha256.New, d.NonceKey)
	h.Write([]byte("qrlogin dpop nonce"))
	h.Write(b[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(b[:])[:8+16])
}

func (d *Door) freshNonce(nonce string, now time.Time) bool {
	for age := time.Duration(0); age <= nonceLife; age += nonceStep {
		if subtle.ConstantTimeCompare([]byte(nonce), []byte(d.nonce(now.Add(-age)))) == 1 {
			return true
		}
	}
	return false
}

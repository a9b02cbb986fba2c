package phone

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/dpop"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

var (
	errProof = web.Problem{Status: http.StatusUnauthorized, Code: "proof-invalid", Title: "The DPoP proof is missing or wrong"}
	errNonce = web.Problem{Status: http.StatusUnauthorized, Code: "proof-nonce", Title: "Make the DPoP proof anew, with the nonce of DPoP-Nonce"}
)

// prove verifies the request's DPoP proof. There is no access token beside it: the key is the identity.
func (d *Door) prove(c *gin.Context) (proof.DPoP, error) {
	p, err := d.Proofs.Verify(c.Request.Context(), c.Request, "")
	return p, d.unproven(c, err)
}

// device verifies the proof and finds the enrolled device, which must work.
func (d *Door) device(c *gin.Context) (identity.Device, error) {
	device, err := d.deviceEvenWaiting(c)
	if err == nil {
		err = working(device)
	}
	return device, err
}

// deviceEvenWaiting is device for the little that one may ask that waits.
func (d *Door) deviceEvenWaiting(c *gin.Context) (identity.Device, error) {
	p, err := d.prove(c)
	if err != nil {
		return identity.Device{}, err
	}
	return d.enrolledEvenWaiting(c, p.Thumbprint)
}

// working refuses a device that waits (SECURITY.md §5).
func working(device identity.Device) error {
	wait := device.Waits(time.Now())
	if wait == 0 {
		return nil
	}
	p, _ := web.ProblemOf(identity.ErrDeviceWaiting)
	p.RetryAfter = wait
	return p
}

// enrolled finds the device of a key, which must work.
func (d *Door) enrolled(c *gin.Context, thumbprint string) (identity.Device, error) {
	device, err := d.enrolledEvenWaiting(c, thumbprint)
	if err == nil {
		err = working(device)
	}
	return device, err
}

func (d *Door) enrolledEvenWaiting(c *gin.Context, thumbprint string) (identity.Device, error) {
	device, err := d.Devices.Device(c.Request.Context(), thumbprint)
	if err != nil {
		return device, err
	}
	if now := time.Now(); now.Sub(device.LastSeenAt) > time.Minute { // a write a minute is enough
		if err := d.Devices.TouchDevice(c.Request.Context(), device.ID, now); err != nil {
			return device, err
		}
	}
	return device, nil
}

// counted is device for a request that is held against limits: they are asked together with the proof's use, in one round trip.
func (d *Door) counted(c *gin.Context, limits func(identity.Device) []challenge.Tally) (identity.Device, error) {
	p, use, err := d.Proofs.Judge(c.Request, "")
	if err != nil {
		return identity.Device{}, d.unproven(c, err)
	}
	device, err := d.enrolled(c, p.Thumbprint)
	if err != nil {
		return device, err
	}
	tallies := limits(device)
	counts, err := d.Proofs.Use(c.Request.Context(), use, tallies...)
	if err != nil {
		return device, d.unproven(c, err)
	}
	return device, limit.Judge(c.Request.Context(), d.Keys, tallies, counts)
}

// unproven makes an error of the verifier the phone's to read, with the headers of RFC 9449 §7.1 and §8.
func (d *Door) unproven(c *gin.Context, err error) error {
	p := errProof
	_, wrong := errors.AsType[dpop.ErrProof](err)
	switch {
	case errors.Is(err, dpop.ErrNonce):
		p = errNonce
	case errors.Is(err, dpop.ErrUsed):
		p = errProof.With(dpop.ErrUsed.Reason)
	case !wrong:
		return err
	}
	scheme := `DPoP algs="ES256"`
	if p.Code == errNonce.Code {
		scheme = `DPoP error="use_dpop_nonce", algs="ES256"`
	}
	c.Header("WWW-Authenticate", scheme)
	c.Header("DPoP-Nonce", d.Proofs.Nonce(time.Now()))
	return p
}

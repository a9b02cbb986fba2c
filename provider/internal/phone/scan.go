package phone

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// Wrong typed codes (SECURITY.md §4): eight letters of twenty, and this many tries, leave no chance to a guess; so they are no
// operator's to set.
var (
	typedPerDevice  = challenge.Limit{Max: 5, Window: 10 * time.Minute}
	typedPerAddress = challenge.Limit{Max: 10, Window: 10 * time.Minute}
)

func (d *Door) scan(c *gin.Context) error {
	arrived := time.Now()
	device, err := d.counted(c, d.scans(c))
	if err != nil {
		return err
	}
	text, err := d.presented(c, device)
	var code challenge.Code
	if err == nil {
		code, err = d.readCode(c, device, text)
	}
	if err != nil {
		return d.refusedText(c, device, text, err)
	}
	r, err := challenge.Do(c.Request.Context(), d.Challenges, code.ID, func(r challenge.Record) (challenge.Event, error) {
		event := challenge.Scan{
			Code: code, Ticket: web.Ticket(c, d.Issuer), Waited: time.Since(arrived), Device: device.ID, Account: device.Account,
		}
		var err error
		if r.State == challenge.Pending {
			if err := scannable(c, r, code); err != nil {
				return nil, err
			}
			from := web.Address(c)
			event.Near = d.near(from, r, event.Ticket)
			event.Consent, err = d.consent(c.Request.Context(), from, r, event)
		}
		return event, err
	})
	if err != nil {
		return d.refusedScan(c, device, code.ID, r, err)
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, api.Claim{
		ChallengeId: r.ID.String(),
		Consent:     base64.RawURLEncoding.EncodeToString(r.Claim.Consent),
		ExpiresIn:   max(0, int((r.ExpiresAt.Sub(r.Now)-challenge.DecisionReserve)/time.Second)),
	})
	return nil
}

// readCode finds out what was scanned or typed: a QR code of this issuer, or a user code.
func (d *Door) readCode(c *gin.Context, device identity.Device, text string) (challenge.Code, error) {
	if rest, ok := strings.CutPrefix(text, d.Issuer+challenge.CodePath); ok {
		return challenge.ParseCode(rest)
	}
	typed, err := challenge.ParseUserCode(text)
	if err != nil {
		return challenge.Code{}, err
	}
	// Each try is counted before it is judged, so that many at once are not more than the limit; a right one is given back.
	byDevice, byAddress := "typed device "+device.ID, "typed address "+web.Network(c)
	if err := limit.Count(c.Request.Context(), d.Keys,
		challenge.Tally{Key: byDevice, Limit: typedPerDevice}, challenge.Tally{Key: byAddress, Limit: typedPerAddress}); err != nil {
		return challenge.Code{}, err
	}
	id, err := d.Challenges.Find(c.Request.Context(), typed)
	if errors.Is(err, challenge.ErrNotFound) {
		return challenge.Code{}, challenge.ErrCodeUnknown
	}
	if err != nil {
		return challenge.Code{}, err
	}
	if err := d.Keys.Refund(c.Request.Context(), byDevice, byAddress); err != nil {
		return challenge.Code{}, err
	}
	return challenge.Code{ID: id, Typed: true}, nil
}

// scans is what a scan is held against, or a picture, before anything of it is read (RFC 10027 §6.1.11).
func (d *Door) scans(c *gin.Context) func(identity.Device) []challenge.Tally {
	return func(device identity.Device) []challenge.Tally {
		tallies := []challenge.Tally{
			d.Limits.Of(limit.ScansPerDevice, device.ID), d.Limits.Of(limit.ScansPerAccount, device.Account),
			d.Limits.Of(limit.ScansPerNetwork, web.Network(c)),
		}
		if strings.HasPrefix(web.MediaType(c), "image/") {
			tallies = append(tallies, d.Limits.Of(limit.PicturesPerDevice, device.ID), d.Limits.Of(limit.PicturesPerAccount, device.Account))
		}
		return tallies
	}
}

func (d *Door) release(c *gin.Context) error {
	device, err := d.device(c)
	if err != nil {
		return err
	}
	id, err := challenge.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	var before challenge.Record
	_, err = challenge.Do(c.Request.Context(), d.Challenges, id, func(r challenge.Record) (challenge.Event, error) {
		before = r
		return challenge.Release{Device: device.ID}, nil
	})
	if err == nil {
		err = d.forget(c, before)
	}
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

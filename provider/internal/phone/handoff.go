package phone

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

var (
	errNeedsScan = web.Problem{
		Status: http.StatusUnprocessableEntity, Code: "handoff-needs-scan",
		Title: "The phone itself has to read this code, by its camera or from a picture: the page's key is in it",
	}
	errNotAsked  = web.Problem{Status: http.StatusUnprocessableEntity, Code: "handoff-not-asked", Title: "This site asks for nothing to be handed off"}
	errMissing   = web.Problem{Status: http.StatusUnprocessableEntity, Code: "handoff-missing", Title: "What was approved has not been sent, or something else has"}
	errMalformed = web.Problem{Status: http.StatusUnprocessableEntity, Code: "handoff-malformed", Title: "This is not encrypted as a handoff is"}
	errTooLong   = web.Problem{Status: http.StatusRequestEntityTooLarge, Code: "handoff-too-large", Title: "This is more than may be handed off"}
)

// handOff takes in what a claimed handoff asks for. It goes to the page once the site has redeemed the approval that names it.
func (d *Door) handOff(c *gin.Context) error {
	device, err := d.counted(c, func(device identity.Device) []challenge.Tally {
		return []challenge.Tally{d.Limits.Of(limit.HandoffsPerDevice, device.ID), d.Limits.Of(limit.HandoffsPerAccount, device.Account)}
	})
	if err != nil {
		return err
	}
	id, err := challenge.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	r, err := d.claimedBy(c.Request.Context(), device, id)
	if err != nil {
		return err
	}
	asked, err := details.Of(r.Request.Details)
	if err != nil {
		return err
	}
	if asked.Handoff == nil {
		return errNotAsked
	}
	body, size, err := web.StreamBody(c, "application/jose", handoffs.Longest(d.HandoffLimit))
	if errors.Is(err, web.TooLarge) {
		return errTooLong
	}
	if err != nil {
		return err
	}
	upload := handoffs.Upload{Body: body, Size: size}
	if asked.Handoff.MediaTypes != nil {
		upload.MediaTypes = *asked.Handoff.MediaTypes
	}
	_, err = d.Handoffs.Receive(c.Request.Context(), r, upload)
	if err != nil && !errors.Is(err, challenge.ErrWrongState) {
		return refusedHandoff(err)
	}
	// It was on its way for a while: nothing is kept for a challenge that was let go, decided or over meanwhile.
	if _, ended := d.claimedBy(c.Request.Context(), device, id); ended != nil {
		return errors.Join(ended, d.Handoffs.Remove(context.WithoutCancel(c.Request.Context()), id))
	}
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// claimedBy finds a challenge that this device has claimed and not decided yet.
func (d *Door) claimedBy(ctx context.Context, device identity.Device, id challenge.ID) (challenge.Record, error) {
	r, err := d.Challenges.Get(ctx, id)
	if err == nil {
		err = r.Err()
	}
	switch {
	case err != nil:
		return r, err
	case r.Claim.Device != "" && r.Claim.Device != device.ID:
		return r, challenge.ErrClaimedByAnother
	case r.State != challenge.Claimed:
		return r, challenge.ErrWrongState
	}
	return r, nil
}

func refusedHandoff(err error) error {
	if malformed, ok := errors.AsType[handoffs.ErrMalformed](err); ok {
		return errMalformed.With(malformed.Reason)
	}
	if errors.Is(err, handoffs.ErrBroken) {
		return web.BadRequest.With("the body broke off")
	}
	return err
}

// scannable tells whether what a pending challenge asks for may be answered by a code that came this way: to hand something off, the
// phone needs the page's own word for its key, which is in the code and which no phone tells the provider.
func scannable(c *gin.Context, r challenge.Record, code challenge.Code) error {
	asked, err := details.Of(r.Request.Details)
	if err == nil && asked.Handoff != nil && (code.Typed || strings.HasPrefix(web.MediaType(c), "image/")) {
		err = errNeedsScan
	}
	return err
}

// handedOff tells whether an approval by the device that claimed names what was sent for it, and nothing where nothing was asked for.
func (d *Door) handedOff(ctx context.Context, r challenge.Record, device identity.Device, decision proof.Decision) error {
	if decision.Verdict != proof.Approve || r.Claim.Device != device.ID {
		return nil // the rules say what is wrong with it
	}
	asked, err := details.Of(r.Request.Details)
	switch {
	case err != nil:
		return err
	case asked.Handoff == nil && decision.Handoff != "":
		return errDecision.With("handoff stands beside an approval of none")
	case asked.Handoff == nil:
		return nil
	}
	holds, err := d.Handoffs.Holds(ctx, r.ID, decision.Handoff)
	if err == nil && !holds {
		err = errMissing
	}
	return err
}

// forget removes what was sent for a challenge that will not be approved. r is the challenge while it was.
func (d *Door) forget(c *gin.Context, r challenge.Record) error {
	if len(r.Request.Details) == 0 {
		return nil
	}
	return d.Handoffs.Remove(c.Request.Context(), r.ID)
}

package browser

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

var errDigits = web.Problem{Status: http.StatusUnprocessableEntity, Code: "confirmation-wrong", Title: "These are not the digits that the phone shows"}

// confirm takes the digits that the phone shows (RFC 10027 §6.1.16): who approved is with who looks at the page.
func (d *Door) confirm(c *gin.Context) error {
	if _, err := web.Query(c); err != nil {
		return err
	}
	watch, err := capability(c)
	if err != nil {
		return d.refused(c, err)
	}
	var body api.Confirmation
	if err := web.ReadJSON(c, &body, 4<<10); err != nil {
		return err
	}
	var before challenge.Record
	r, err := challenge.Do(c.Request.Context(), d.Challenges, watch.ID, func(r challenge.Record) (challenge.Event, error) {
		before = r
		return challenge.Confirm{Digits: body.Code}, d.admit(c, watch, r)
	})
	if err == nil && r.State == challenge.Denied {
		err = d.forget(c, watch.ID, before)
	}
	if err == nil {
		err = r.Err()
	}
	switch {
	case err != nil:
		return d.refused(c, err)
	case r.State == challenge.Confirming:
		if r.TriesLeft() == 1 { // not later: who guesses stops short of the end
			d.missed(c, r)
		}
		p := errDigits
		p.TriesLeft = r.TriesLeft()
		return p
	}
	c.Status(http.StatusNoContent)
	return nil
}

// missed tells the owner of the phone that the page did not know the digits, twice: perhaps somebody else is looking at it.
func (d *Door) missed(c *gin.Context, r challenge.Record) {
	d.Log.Warn("alarm", "request_id", web.RequestID(c), "kind", identity.EventConfirmationFailed, "client", r.Client)
	web.Audit(c, d.Audit, d.Log, identity.AuditEvent{
		Kind: identity.EventConfirmationFailed, Account: r.Claim.Account, Client: r.Client,
		Address: r.Browser.Address, UserAgent: r.Browser.UserAgent,
	})
}

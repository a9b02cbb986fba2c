package browser

import (
	"errors"

	"github.com/gin-gonic/gin"

	"qrlogin/api/handoff"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/web"
)

// handOver gives the page what the phone handed off, once the site has redeemed. The challenge itself may be over by then, since its
// window is shorter than what a page may need for five megabytes: its tombstone still knows the capability.
func (d *Door) handOver(c *gin.Context) error {
	if _, err := web.Query(c); err != nil {
		return err
	}
	watch, err := capability(c)
	if err != nil {
		return d.refused(c, err)
	}
	r, err := d.Challenges.Get(c.Request.Context(), watch.ID)
	if err == nil {
		err = d.admit(c, watch, r)
	}
	if err == nil && r.State != challenge.Redeemed && r.State != challenge.Purged {
		if err = r.Err(); err == nil {
			err = challenge.ErrWrongState
		}
	}
	if err != nil {
		return d.refused(c, err)
	}
	found, err := d.Handoffs.Open(c.Request.Context(), watch.ID)
	if errors.Is(err, challenge.ErrNotFound) {
		err = challenge.Error{Kind: challenge.Gone, Outcome: challenge.Purged}
	}
	if err != nil {
		return d.refused(c, err)
	}
	c.Header("Cache-Control", "no-store")
	w, done := web.StreamAnswer(c, "application/jose", found.Size)
	defer done()
	if err := found.Write(c.Request.Context(), w); err != nil {
		// It has begun and cannot be refused any more: it ends short of the length that it announced, and the page sees that.
		d.Log.Debug("a handoff was not taken whole", "request_id", web.RequestID(c), "error", err)
	}
	return nil
}

// forget removes what was handed off. before is the challenge before its end; of one that was over already it is not known whether
// there was anything.
func (d *Door) forget(c *gin.Context, id challenge.ID, before challenge.Record) error {
	if len(before.Request.Details) == 0 && !before.State.Final() {
		return nil
	}
	return d.Handoffs.Remove(c.Request.Context(), id)
}

// fragment is what stands behind a code of a handoff: the thumbprint of the page's key, for the phone alone, and not sent by it. A page
// that draws the code itself takes it from its own key; here it can only be what the site has said.
func fragment(r challenge.Record) (string, error) {
	asked, err := details.Of(r.Request.Details)
	if err != nil || asked.Handoff == nil {
		return "", err
	}
	thumbprint, err := handoff.Thumbprint(asked.Handoff.Jwk)
	return "#" + thumbprint, err
}

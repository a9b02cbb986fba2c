package browser

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/web"
)

// land is what a QR code opens in a phone's browser: it leaves a ticket there if the code is good now, and leads to the web phone,
// which says what is to be said of one that is not. It claims nothing and approves nothing, for robots and previews open links too
// (SECURITY.md §4). There is no fragment in where it leads, so that the browser carries on the one that a handoff's code has: the
// thumbprint of the page's key, which no server is told.
func (d *Door) land(c *gin.Context) error {
	text := c.Param("code")
	code, err := challenge.ParseCode(text)
	if err == nil {
		r, err := d.Challenges.Get(c.Request.Context(), code.ID)
		switch {
		case err == nil:
			if ticket, err := r.Land(code, r.Now); err == nil {
				web.SetTicket(c, d.Issuer, ticket, r.ExpiresAt.Sub(r.Now))
			}
		case challenge.KindOf(err) == 0: // the store, and not the code
			return err
		}
		text = code.String()
	} else {
		text = "" // whatever it is, it is not carried on
	}
	return lead(c, "?q="+text)
}

// landTyped is where a person goes who has a code of letters (verification_uri, RFC 8628 §3.3).
func (d *Door) landTyped(c *gin.Context) error { return lead(c, "#type") }

func lead(c *gin.Context, what string) error {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address holds a code
	h.Set("Location", "/phone"+what)
	c.Status(http.StatusSeeOther)
	return nil
}

package browser

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

var errOrigin = web.Problem{Status: http.StatusForbidden, Code: "origin-not-allowed", Title: "Pages of this origin may not watch this site's challenges"}

// allowOrigin lets pages of the client's registered origins read the answer, and refuses pages of any other. A request
// without an Origin is no page's script. Of a challenge that is gone the client is not known any more: any registered
// origin may learn that.
func (d *Door) allowOrigin(c *gin.Context, r challenge.Record) error {
	origin := c.GetHeader("Origin")
	c.Writer.Header().Add("Vary", "Origin")
	if origin == "" || origin == d.Issuer {
		return nil
	}
	var known bool
	var err error
	if r.State.Final() {
		known, err = d.registered(c)
	} else {
		var client identity.Client
		client, err = d.Clients.Client(c.Request.Context(), r.Client)
		known = err == nil && client.HasOrigin(origin)
		if errors.Is(err, identity.ErrUnknownClient) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	if !known {
		return errOrigin
	}
	allow(c)
	return nil
}

func (d *Door) registered(c *gin.Context) (bool, error) {
	origin := c.GetHeader("Origin")
	if origin == "" {
		return false, nil
	}
	return d.Clients.RegisteredOrigin(c.Request.Context(), origin)
}

func allow(c *gin.Context) {
	c.Header("Access-Control-Allow-Origin", c.GetHeader("Origin"))
	c.Header("Access-Control-Expose-Headers", "Retry-After")
}

// preflight answers for every registered origin alike, since a preflight carries no capability; the request itself is held
// against the challenge's own client.
func (d *Door) preflight(methods string) func(*gin.Context) error {
	return func(c *gin.Context) error {
		c.Writer.Header().Add("Vary", "Origin")
		known, err := d.registered(c)
		if err != nil {
			return err
		}
		if !known {
			return errOrigin
		}
		allow(c)
		c.Header("Access-Control-Allow-Methods", methods)
		c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type")
		c.Header("Access-Control-Max-Age", "600")
		c.Status(http.StatusNoContent)
		return nil
	}
}

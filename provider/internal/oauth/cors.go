package oauth

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/web"
)

// anyOrigin lets every page read what is public anyway.
func anyOrigin(c *gin.Context) { c.Header("Access-Control-Allow-Origin", "*") }

// crossOrigin lets pages of registered origins read the answer: a site that is a program in the browser is a public client, and
// has no backend to ask for it. No cookie plays a part in these requests.
func (d *Door) crossOrigin(c *gin.Context) {
	c.Header("Vary", "Origin")
	origin := c.GetHeader("Origin")
	if origin == "" {
		return
	}
	known, err := d.Clients.RegisteredOrigin(c.Request.Context(), origin)
	if err != nil {
		web.LogFailure(c, d.Log, err)
		return
	}
	if known {
		c.Header("Access-Control-Allow-Origin", origin)
		c.Header("Access-Control-Expose-Headers", "DPoP-Nonce, Retry-After, WWW-Authenticate")
	}
}

// preflight answers a browser that asks for a page whether it may use these methods. For anybody else OPTIONS is a method as wrong
// as others.
func (d *Door) preflight(methods string) gin.HandlerFunc {
	return func(c *gin.Context) {
		d.crossOrigin(c)
		if c.Writer.Header().Get("Access-Control-Allow-Origin") == "" {
			c.Header("Allow", methods)
			d.MethodNotAllowed(c)
			return
		}
		c.Header("Access-Control-Allow-Methods", methods)
		c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, Prefer")
		c.Header("Access-Control-Max-Age", "600")
		c.Status(http.StatusNoContent)
	}
}

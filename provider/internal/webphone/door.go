package webphone

import "github.com/gin-gonic/gin"

//go:generate go run ./bundle

// Mount adds the routes of the app.
func Mount(r gin.IRoutes) {
	r.GET("/phone", page.serve)
	for path, a := range assets {
		r.GET(path, a.serve)
	}
}

// Headers of every answer here. The page runs nothing but its own script, talks to nobody but the provider, is in no frame (so that a
// touch is meant for what is seen), and makes no markup of text: the browser itself refuses (Trusted Types).
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " +
		"connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types qrlogin",
	"X-Frame-Options":              "DENY", // for browsers that do not know frame-ancestors
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy": "camera=(self), otp-credentials=(self), publickey-credentials-create=(self), publickey-credentials-get=(self), " +
		"geolocation=(), microphone=(), payment=(), usb=()",
}

// serve answers an asset. One that is asked for by its hash never changes.
func (a *asset) serve(c *gin.Context) {
	h := c.Writer.Header()
	for name, value := range headers {
		h.Set(name, value)
	}
	h.Set("Cache-Control", "no-cache")
	if c.Request.URL.RawQuery == a.version() {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if a.scope != "" {
		h.Set("Service-Worker-Allowed", a.scope)
	}
	a.Serve(c)
}

package oauth

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/web"
)

// The cookies at the provider's own pages. Both hold 256 random bits.
const (
	browserCookie = "qrlogin-browser" // which browser a transaction belongs to; ends with the browser's own session
	sessionCookie = "qrlogin-session" // "this is my computer"
)

func (d *Door) secure() bool { return strings.HasPrefix(d.Issuer, "https://") }

// setCookie sets a cookie for life; 0 for as long as the browser runs, less than 0 to remove it. SameSite=Lax: the browser comes
// from a site's page, and no site's page posts here in its name.
func (d *Door) setCookie(c *gin.Context, name, value string, life time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // Secure but on the loopback, which may do without TLS
		Name: web.CookieName(d.Issuer, name), Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: d.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// cookieSecret reads one that is shaped as we make them.
func (d *Door) cookieSecret(c *gin.Context, name string) string {
	cookie, err := c.Request.Cookie(web.CookieName(d.Issuer, name))
	if err != nil || !isSHA256(cookie.Value) { // 256 bits in base64url, as a secret is
		return ""
	}
	return cookie.Value
}

func (d *Door) browserSecret(c *gin.Context) string { return d.cookieSecret(c, browserCookie) }

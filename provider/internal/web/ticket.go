package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
)

// CookieName has the prefix that keeps other hosts and plain http from setting the cookie (RFC 6265bis §4.1.3.2). A provider on the
// loopback, which may do without TLS, has to do without it.
func CookieName(issuer, name string) string {
	if strings.HasPrefix(issuer, "https://") {
		return "__Host-" + name
	}
	return name
}

const ticketCookie = "qrlogin-ticket"

// SetTicket leaves a ticket in a phone's browser, where no script can read it, for as long as its challenge lives. SameSite=Strict:
// the web phone's own requests bring it, and no other site's page.
func SetTicket(c *gin.Context, issuer string, t challenge.Ticket, life time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // Secure but on the loopback, which may do without TLS
		Name: CookieName(issuer, ticketCookie), Value: t.String(), Path: "/", MaxAge: max(1, int(life/time.Second)),
		Secure: strings.HasPrefix(issuer, "https://"), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// Ticket is the ticket of this browser, one for nothing if it has none.
func Ticket(c *gin.Context, issuer string) challenge.Ticket {
	cookie, err := c.Request.Cookie(CookieName(issuer, ticketCookie))
	if err != nil {
		return challenge.Ticket{}
	}
	return challenge.ParseTicket(cookie.Value)
}

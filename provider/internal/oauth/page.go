package oauth

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/oauth/pages"
	"qrlogin/provider/internal/web"
)

// page is for what a person's browser asks for: errors are pages.
func (d *Door) page(h func(*gin.Context) error) gin.HandlerFunc { return web.Handle(h, d.failPage) }

// script is for what a hosted page's own script or picture asks for, which has no query: errors are problems.
func (d *Door) script(h func(*gin.Context) error) gin.HandlerFunc {
	return web.Handle(func(c *gin.Context) error {
		if _, err := web.Query(c); err != nil {
			return err
		}
		return h(c)
	}, func(c *gin.Context, err error) {
		switch {
		case errors.Is(err, errTransaction), errors.Is(err, errOtherBrowser):
			err = errNoTransaction
		case errors.Is(err, errForeignPage):
			err = errForeignScript
		}
		web.Fail(d.Log)(c, err)
	})
}

var (
	errForeignPage   = errors.New("oauth: sent by another site's page")
	errForeignScript = web.Problem{Status: http.StatusForbidden, Code: "origin-not-allowed", Title: "This is for the provider's own page"}
)

// ownPage refuses what was not sent by a page of the provider's own (CSRF). The cookie's SameSite says so too; this does not
// depend on it.
func (d *Door) ownPage(h func(*gin.Context) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		switch site := c.GetHeader("Sec-Fetch-Site"); {
		case site == "same-origin":
		case site == "" && c.GetHeader("Origin") == d.Issuer: // a script in a browser older than 2023
		default:
			return errForeignPage
		}
		return h(c)
	}
}

// failPage shows an error that has no place to go but the browser.
func (d *Door) failPage(c *gin.Context, err error) {
	status, kind := http.StatusBadRequest, pages.Malformed
	switch {
	case errors.Is(err, identity.ErrUnknownClient):
		kind = pages.UnknownClient
	case errors.Is(err, errRedirectURI), errors.Is(err, errPostLogoutURI):
		kind = pages.WrongRedirect
	case errors.Is(err, errTransaction), errors.Is(err, challenge.ErrNotFound), challenge.KindOf(err) == challenge.Gone:
		kind = pages.Expired
	case errors.Is(err, errForeignPage):
		status, kind = http.StatusForbidden, pages.Malformed
	case errors.Is(err, errOtherBrowser):
		kind = pages.WrongBrowser
	default:
		e, known := translate(err)
		if !known {
			web.LogFailure(c, d.Log, err)
		}
		if e.RetryAfter > 0 {
			c.Header("Retry-After", web.RetryAfter(e.RetryAfter))
		}
		switch status = e.Status; {
		case status == http.StatusTooManyRequests:
			kind = pages.TooMany
		case status >= http.StatusInternalServerError:
			kind = pages.Internal
		}
	}
	failure := pages.Failure{Page: d.frame(language(c, "")), Kind: kind}
	if err := failure.Write(c, status); err != nil {
		web.LogFailure(c, d.Log, err)
	}
}

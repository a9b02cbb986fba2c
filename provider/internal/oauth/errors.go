package oauth

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

// oauthError is an error as RFC 6749 §5.2 shapes it.
type oauthError struct {
	Status      int
	Code        string
	Description string
	RetryAfter  time.Duration
}

func (e oauthError) Error() string { return e.Code + ": " + e.Description }

func invalidRequest(description string) error {
	return oauthError{Status: http.StatusBadRequest, Code: "invalid_request", Description: description}
}

func invalidClient(description string) oauthError {
	return oauthError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: description}
}

// The answers of RFC 8628 §3.5 and RFC 6749 §5.2.
var (
	errAuthorizationPending = oauthError{Status: http.StatusBadRequest, Code: "authorization_pending", Description: "the phone has not approved yet"}
	errSlowDown             = oauthError{Status: http.StatusBadRequest, Code: "slow_down", Description: "polled too fast; leave 5 seconds more between two polls"}
	errAccessDenied         = oauthError{Status: http.StatusBadRequest, Code: "access_denied", Description: "the login was declined or given up"}
	errExpiredToken         = oauthError{Status: http.StatusBadRequest, Code: "expired_token", Description: "the device_code has expired"}
	errInvalidGrant         = oauthError{Status: http.StatusBadRequest, Code: "invalid_grant", Description: "the code or token is unknown, used, expired, or another client's"}
	errUnsupportedGrant     = oauthError{Status: http.StatusBadRequest, Code: "unsupported_grant_type", Description: "the grant types are authorization_code, refresh_token and urn:ietf:params:oauth:grant-type:device_code"}
	errUnauthorizedClient   = oauthError{Status: http.StatusBadRequest, Code: "unauthorized_client", Description: "this client is registered for the code flow; to show the QR code itself it needs a registered origin"}
	errInvalidScope         = oauthError{Status: http.StatusBadRequest, Code: "invalid_scope", Description: "none of the scopes is this client's to ask for"}
	errTooMany              = oauthError{Status: http.StatusTooManyRequests, Code: "slow_down", Description: "too many requests; come back later"}
	errUnavailable          = oauthError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "the service cannot answer now; try again", RetryAfter: 2 * time.Second}
)

// translate maps every kind of refusal, once.
func translate(err error) (e oauthError, known bool) {
	if e, ok := errors.AsType[oauthError](err); ok {
		return e, true
	}
	if errors.Is(err, web.Unavailable) {
		return errUnavailable, true
	}
	if p, ok := errors.AsType[web.Problem](err); ok { // of reading the body
		return oauthError{Status: p.Status, Code: "invalid_request", Description: cmp.Or(p.Detail, p.Title)}, true
	}
	if errors.Is(err, identity.ErrUnknownClient) {
		return invalidClient("unknown client"), true
	}
	switch challenge.KindOf(err) {
	case challenge.NotFound, challenge.CodeUnknown, challenge.CodeStale, challenge.ClaimedByAnother,
		challenge.NotAllowed, challenge.TooFar, challenge.Outside, challenge.OtherAccount, challenge.ConsentMismatch, challenge.WrongState, challenge.TooLate:
		return errInvalidGrant, true
	case challenge.Gone:
		ended, _ := errors.AsType[challenge.Error](err)
		return outcome(ended.Outcome), true
	case challenge.TooManyRequests: // RFC 8628 §3.5 has the word
		limited, _ := errors.AsType[challenge.Error](err)
		e := errTooMany
		e.RetryAfter = max(limited.RetryAfter, time.Second)
		return e, true
	case challenge.Conflict, challenge.UserCodeTaken, challenge.Full:
		return errUnavailable, true
	}
	for _, gone := range []error{identity.ErrUnknownDevice, identity.ErrUnknownAccount, identity.ErrUnknownLogin, identity.ErrEnded} {
		if errors.Is(err, gone) {
			return errInvalidGrant, true // removed or ended since
		}
	}
	return errUnavailable, false
}

// outcome is what a site is told of a challenge that has ended.
func outcome(s challenge.State) oauthError {
	switch s {
	case challenge.Denied, challenge.Cancelled:
		return errAccessDenied
	case challenge.Expired:
		return errExpiredToken
	default:
		return errInvalidGrant // RFC 10027 §6.1.3: redeemed, and its window is over
	}
}

// fail answers an error. What is not known here is the server's own: logged, and answered without a word of it.
func (d *Door) fail(c *gin.Context, err error) {
	e, known := translate(err)
	if !known {
		web.LogFailure(c, d.Log, err)
	}
	if e.RetryAfter > 0 {
		c.Header("Retry-After", web.RetryAfter(e.RetryAfter))
	}
	switch {
	case c.Writer.Header().Get("WWW-Authenticate") != "": // the endpoint's own
	case e.Code == "invalid_token" || e.Code == "insufficient_scope": // RFC 6750 §3, RFC 9449 §7.1
		c.Header("WWW-Authenticate", fmt.Sprintf(`Bearer realm="qrlogin", error=%q, error_description=%q`, e.Code, e.Description))
		c.Writer.Header().Add("WWW-Authenticate", fmt.Sprintf(`DPoP error=%q, algs="ES256"`, e.Code))
	case e.Code == "invalid_client":
		c.Header("WWW-Authenticate", `Basic realm="qrlogin"`) // RFC 6749 §5.2
	case e.Status == http.StatusUnauthorized: // the proof beside an access token: RFC 9449 §7.1, §9
		c.Header("WWW-Authenticate", fmt.Sprintf(`DPoP error=%q, algs="ES256"`, e.Code))
	}
	body := api.OAuthError{Error: e.Code}
	if e.Description != "" {
		body.ErrorDescription = &e.Description
	}
	c.Header("Cache-Control", "no-store")
	web.Refused(c, e.Code)
	c.JSON(e.Status, body)
}

// MethodNotAllowed answers a wrong method on a path of this door.
func (d *Door) MethodNotAllowed(c *gin.Context) {
	d.fail(c, oauthError{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "this method is not for this endpoint"})
}

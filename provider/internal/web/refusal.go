package web

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
)

// problems maps every kind of refusal, once, for the doors that speak RFC 9457.
var problems = map[challenge.Kind]Problem{
	challenge.NotFound:         {Status: http.StatusNotFound, Code: "not-found", Title: "There is no such challenge"},
	challenge.Gone:             {Status: http.StatusGone, Code: "gone", Title: "This code has been used or has expired"},
	challenge.ClaimedByAnother: {Status: http.StatusConflict, Code: "claimed-by-another", Title: "Another phone has scanned this code"},
	challenge.WrongState:       {Status: http.StatusConflict, Code: "wrong-state", Title: "It is too early or too late for this"},
	challenge.TooLate:          {Status: http.StatusConflict, Code: "too-late", Title: "Too little time is left; scan a new code"},
	challenge.CodeUnknown:      {Status: http.StatusNotFound, Code: "code-unknown", Title: "This is not a code of this provider"},
	challenge.CodeStale:        {Status: http.StatusUnprocessableEntity, Code: "code-stale", Title: "This code is no longer shown; scan the one on the page"},
	challenge.NotAllowed:       {Status: http.StatusForbidden, Code: "not-allowed", Title: "This site wants the moving QR code on its page scanned"},
	challenge.TooFar:           {Status: http.StatusForbidden, Code: "too-far", Title: "This site logs in only who is near the screen that shows the code, and this phone is not in its network"},
	challenge.Outside:          {Status: http.StatusForbidden, Code: "outside", Title: "The code is shown outside the networks that this site allows"},
	challenge.OtherAccount:     {Status: http.StatusForbidden, Code: "other-account", Title: "The site asks for the phone of the person who is logged in there"},
	challenge.ConsentMismatch:  {Status: http.StatusUnprocessableEntity, Code: "consent-mismatch", Title: "The decision is not over what was shown"},
	challenge.Conflict:         Unavailable,
	challenge.UserCodeTaken:    Unavailable,
	challenge.TooManyRequests:  TooManyRequests,
	challenge.Full:             {Status: http.StatusServiceUnavailable, Code: "handoffs-full", Title: "Too much is being handed off now; try again", RetryAfter: 10 * time.Second},
}

// refusals maps those of package identity.
var refusals = map[error]Problem{
	identity.ErrUnknownClient:  {Status: http.StatusGone, Code: "gone", Title: "The site is no longer registered"},
	identity.ErrUnknownDevice:  {Status: http.StatusUnauthorized, Code: "device-unknown", Title: "This phone is not enrolled"},
	identity.ErrUnknownAccount: {Status: http.StatusUnauthorized, Code: "device-unknown", Title: "This phone is not enrolled"},
	identity.ErrWrongCode:      {Status: http.StatusUnprocessableEntity, Code: "enrollment-code-wrong", Title: "The code is wrong or has expired"},
	identity.ErrInvalidNumber:  {Status: http.StatusUnprocessableEntity, Code: "phone-number-invalid", Title: "This is not a phone number that can receive a code"},
	identity.ErrUnknownLogin:   {Status: http.StatusNotFound, Code: "login-unknown", Title: "There is no such login"},
	identity.ErrEnded:          {Status: http.StatusGone, Code: "gone", Title: "This login has ended"},
	identity.ErrDeviceConflict: {Status: http.StatusConflict, Code: "wrong-state", Title: "This device key belongs to another account"},
	identity.ErrDeviceWaiting:  {Status: http.StatusForbidden, Code: "device-waiting", Title: "This phone waits until another one of the account allows it, or a day has passed"},
	identity.ErrNoSuchDevice:   {Status: http.StatusNotFound, Code: "no-such-device", Title: "The account has no such phone"},
	identity.ErrUnknownPasskey: {Status: http.StatusNotFound, Code: "passkey-unknown", Title: "There is no such passkey"},
	identity.ErrPasskeyTaken:   {Status: http.StatusConflict, Code: "wrong-state", Title: "This passkey is registered already"},
	identity.ErrPasskeysFull:   {Status: http.StatusConflict, Code: "passkeys-full", Title: "There are as many passkeys as there may be; remove one first"},
}

// ProblemOf finds the problem that an error is to be answered with; known is false for an error of the server itself.
func ProblemOf(err error) (p Problem, known bool) {
	if p, ok := errors.AsType[Problem](err); ok {
		return p, true
	}
	if e, ok := errors.AsType[challenge.Error](err); ok {
		if p, ok := problems[e.Kind]; ok {
			p.RetryAfter = max(p.RetryAfter, e.RetryAfter)
			return p, true
		}
	}
	for refusal, p := range refusals {
		if errors.Is(err, refusal) {
			return p, true
		}
	}
	return Unavailable, false
}

// Fail answers an error as a problem. What is not known is the server's own: logged, and answered without a word of it.
func Fail(log *slog.Logger) func(*gin.Context, error) {
	return func(c *gin.Context, err error) {
		p, known := ProblemOf(err)
		if !known {
			LogFailure(c, log, err)
		}
		p.Write(c)
	}
}

package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
)

// Problem is an error as RFC 9457 shapes it. It is an error, so that handlers return it.
type Problem struct {
	Status     int
	Code       string // stable; openapi.yaml lists the codes
	Title      string
	Detail     string
	Outcome    string        // with 410, for the holder of the watch capability
	TriesLeft  int           // with confirmation-wrong
	RetryAfter time.Duration // with 429 and 503
}

func (p Problem) Error() string { return p.Code + ": " + p.Title }

// With is the same problem with a detail.
func (p Problem) With(detail string) Problem {
	p.Detail = detail
	return p
}

// The problems that any endpoint may have.
var (
	BadRequest       = Problem{Status: http.StatusBadRequest, Code: "bad-request", Title: "The request is malformed"}
	NotFound         = Problem{Status: http.StatusNotFound, Code: "not-found", Title: "There is nothing here"}
	MethodNotAllowed = Problem{Status: http.StatusMethodNotAllowed, Code: "method-not-allowed", Title: "This method is not for this path"}
	LengthRequired   = Problem{Status: http.StatusLengthRequired, Code: "length-required", Title: "The request does not say how long its body is"}
	TooLarge         = Problem{Status: http.StatusRequestEntityTooLarge, Code: "too-large", Title: "The request is too large"}
	UnsupportedType  = Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported-media-type", Title: "This content type is not for this path"}
	TooManyRequests  = Problem{Status: http.StatusTooManyRequests, Code: "too-many-requests", Title: "Too many requests; come back later"}
	Unavailable      = Problem{Status: http.StatusServiceUnavailable, Code: "unavailable", Title: "The service cannot answer now; try again", RetryAfter: 2 * time.Second}
)

// Write answers a problem.
func (p Problem) Write(c *gin.Context) {
	body := api.Problem{Type: "urn:qrlogin:problem:" + p.Code, Title: p.Title, Status: p.Status, Code: p.Code}
	if p.Detail != "" {
		body.Detail = &p.Detail
	}
	if p.Outcome != "" {
		outcome := api.Outcome(p.Outcome)
		body.Outcome = &outcome
	}
	if p.TriesLeft > 0 {
		body.TriesLeft = &p.TriesLeft
	}
	if p.RetryAfter > 0 {
		c.Header("Retry-After", RetryAfter(p.RetryAfter))
	}
	c.Header("Cache-Control", "no-store")
	Refused(c, p.Code)
	raw, err := json.Marshal(body)
	if err != nil { // strings and a number: cannot be
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Data(p.Status, "application/problem+json", raw)
	c.Abort()
}

// RetryAfter writes a duration as whole seconds, rounded up (RFC 9110 §10.2.3).
func RetryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}

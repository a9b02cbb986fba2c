package web

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/crowd"
)

// Observed is what there is to know of a request that was answered. None of it says who asked, or for whom.
type Observed struct {
	Method, Route string // Route is the pattern, "" for a path that is none
	Status        int
	Took          time.Duration // without Waited
	Waited        time.Duration // for a challenge to change
	Refusal       string        // the error's code in the protocol, "" for none
	Events        []string      // kinds of what was noted
}

// request is all that this package keeps of a request. It stands in for the request's writer, which each handler finds in its context:
// a value of the context's own would be a map for each request.
type request struct {
	gin.ResponseWriter
	seen        Observed
	id, traceID string
	address     string // see [Address]
	began       time.Time
	shed        bool
	timer       *time.Timer              // ends the work on it, nil where its time is not limited
	later       func(*gin.Context) error // goes on with it where it is parked
}

// Unwrap is for [http.ResponseController].
func (r *request) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// of is what is kept of this request, also while it is parked. Whoever asks first begins it; of a request that nobody logs, nobody reads it.
func of(c *gin.Context) *request {
	if r, begun := c.Writer.(*request); begun {
		return r
	}
	r, resumed := crowd.Resumed(c.Request).(*request)
	if !resumed {
		r = &request{began: time.Now()}
	}
	r.ResponseWriter, c.Writer = c.Writer, r
	return r
}

// Parked tells whether the request is handled again later, and answered then.
func Parked(c *gin.Context) bool { return of(c).later != nil }

// Refused notes the code of the error that a request is answered with.
func Refused(c *gin.Context, code string) { of(c).seen.Refusal = code }

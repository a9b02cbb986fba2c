package web

import (
	"time"

	"github.com/gin-gonic/gin"
)

// Observed is what there is to know of a request that was answered. None of it says who asked, or for whom.
type Observed struct {
	Method, Route string // Route is the pattern, "" for a path that is none
	Status        int
	Took          time.Duration // without Waited
	Waited        time.Duration // for a challenge to change
	Refusal       string        // the error's code in the protocol, "" for none
	Events        []string      // kinds of what was noted

	id    string
	began time.Time
	later func(*gin.Context) error // what goes on where the request is parked
}

const observedKey = "qrlogin.observed"

// observed is what is known of this request so far. A request that nobody logs has one that nobody reads.
func observed(c *gin.Context) *Observed {
	if o, ok := c.Value(observedKey).(*Observed); ok {
		return o
	}
	return &Observed{}
}

// Refused notes the code of the error that a request is answered with.
func Refused(c *gin.Context, code string) { observed(c).Refusal = code }

// Parked tells whether the request is handled again later, and answered then.
func Parked(c *gin.Context) bool { return observed(c).later != nil }

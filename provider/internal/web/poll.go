package web

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/crowd"
)

// Outcome is what came of waiting: the challenge as it was seen last; whether another request has the place; and an error of the
// store's, or of the look's.
type Outcome struct {
	Record   *challenge.Record
	Replaced bool
	Err      error
}

// poll is a request that waits for news.
type poll struct {
	waiter *challenge.Waiter
	place  *crowd.Place
	began  time.Time
	then   func(*gin.Context, Outcome) error
}

// errParked is no failure: the request is handled again later, and answered then.
var errParked = errors.New("web: parked")

// Wait waits until the waiter's wait is over, the client has gone, or the place's room closes, and goes on with then. The place is one
// that the waiter ends with, and each look that finds no news must have taken it. The handler returns what Wait returns. A request that
// waits for long is parked meanwhile, and goes on with another context: so then has to use its own.
func Wait(c *gin.Context, w *challenge.Waiter, place *crowd.Place, then func(*gin.Context, Outcome) error) error {
	p := &poll{waiter: w, place: place, began: time.Now(), then: then}
	return p.goOn(c)
}

func (p *poll) goOn(c *gin.Context) error {
	giveTime(c, longestWait+workTime)
	if over, err := p.waiter.Look(c.Request.Context()); over || err != nil {
		return p.end(c, err)
	}
	defer context.AfterFunc(c.Request.Context(), p.waiter.End)()
	patience := time.Duration(0)
	if crowd.MayPark(c.Request) {
		patience = crowd.Patience
	}
	for {
		woken := make(chan struct{})
		p.waiter.Then(func() { close(woken) })
		if !p.place.Sleep(woken, patience) {
			r := of(c)
			r.later = p.goOn
			crowd.Park(c.Writer, c.Request, p.waiter, r)
			r.ResponseWriter = nil // it would keep all that net/http has of the connection
			return errParked
		}
		if over, err := p.waiter.Look(c.Request.Context()); over || err != nil {
			return p.end(c, err)
		}
	}
}

func (p *poll) end(c *gin.Context, err error) error {
	p.waiter.Close()
	of(c).seen.Waited += time.Since(p.began)
	return p.then(c, Outcome{Record: p.waiter.Record(), Replaced: p.place.Leave(), Err: err})
}

// Refine has f see the error, if any, that a handler ends with, also where it comes of waiting.
func Refine(c *gin.Context, err error, f func(*gin.Context, error) error) error {
	if errors.Is(err, errParked) {
		r := of(c)
		goOn := r.later
		r.later = func(c *gin.Context) error { return Refine(c, goOn(c), f) }
		return err
	}
	if err != nil {
		return f(c, err)
	}
	return nil
}

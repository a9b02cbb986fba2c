package crowd

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// ErrTooLong is the cause of the end of a context whose timer has gone off.
var ErrTooLong = errors.New("crowd: it took too long")

// Timed is the request, and the timer that ends its context. The timer stands still: who starts it has to stop it. A connection has one
// request at a time, so the timer and the context that it ends are the connection's, for one request after the other; once it has gone off,
// the connection ends with its answer. A request that came by no [Listener] gets its own.
func Timed(r *http.Request) (*http.Request, *time.Timer) {
	if c := connOf(r); c != nil {
		return r, c.timer
	}
	ctx, timer, _ := timed(r.Context())
	return r.WithContext(ctx), timer
}

func timed(parent context.Context) (context.Context, *time.Timer, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	timer := time.AfterFunc(time.Hour, func() { cancel(ErrTooLong) })
	timer.Stop()
	return ctx, timer, cancel
}

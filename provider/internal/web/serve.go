package web

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/crowd"
)

// Log gives every request an id, logs it by its route's pattern (paths hold ids, queries hold anything), and answers a panic
// with an opaque 500. Then it tells observe. One that is parked is logged and told of once, with its answer.
func Log(log *slog.Logger, observe func(*Observed)) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := of(c)
		if r.id == "" {
			r.id = rand.Text()[:12]
		}
		c.Header("X-Request-Id", r.id)
		c.Header("X-Content-Type-Options", "nosniff")
		defer func() {
			if cause := recover(); cause != nil {
				log.Error("panic", "request_id", r.id, "route", c.FullPath(), "cause", cause, "stack", string(debug.Stack()))
				if !c.Writer.Written() {
					internal.Write(c)
				}
			} else if Parked(c) {
				return
			}
			took := time.Since(r.began)
			seen := &r.seen
			seen.Method, seen.Route, seen.Status, seen.Took = c.Request.Method, c.FullPath(), c.Writer.Status(), took-seen.Waited
			line := []slog.Attr{
				slog.String("request_id", r.id), slog.String("method", seen.Method), slog.String("route", seen.Route),
				slog.Int("status", seen.Status), slog.Duration("took", took),
			}
			if r.traceID != "" {
				line = append(line, slog.String("trace_id", r.traceID))
			}
			log.LogAttrs(c, slog.LevelInfo, "request", line...)
			observe(seen)
		}()
		c.Next()
	}
}

var internal = Problem{Status: 500, Code: "internal", Title: "Something is wrong here; it has been logged"}

// RequestID is the id of this request, for log lines beside the request's own.
func RequestID(c *gin.Context) string { return of(c).id }

// SetTraceID has the request's log line say the trace that the request is a part of. It is for a handler before [Log].
func SetTraceID(c *gin.Context, id string) { of(c).traceID = id }

// Address is where a request comes from: from its connection, or by the word of a trusted proxy.
func Address(c *gin.Context) string {
	r := of(c)
	if r.address == "" {
		r.address = c.ClientIP()
	}
	return r.address
}

// Network names where a request comes from, as the key of a limit: the address, of IPv6 the /56 that a household has (RIPE-690 §4.2):
// by a /64 each, one house would be as many as 256.
func Network(c *gin.Context) string {
	client := Address(c)
	address, err := netip.ParseAddr(client)
	if err != nil || address.Is4() || address.Is4In6() {
		return client
	}
	network, _ := address.WithZone("").Prefix(56) // an IPv6 address has one
	return network.String()
}

// UserAgent is the browser's word for itself, as much of it as is kept.
func UserAgent(c *gin.Context) string {
	agent := c.Request.UserAgent()
	return agent[:min(len(agent), 512)]
}

// Shed has a request refused where it is handled, in that door's own shape, and before anything is done for it.
func Shed(c *gin.Context) { of(c).shed = true }

// Handle makes a gin handler of one that returns its error; fail answers the error in the door's own shape.
func Handle(h func(*gin.Context) error, fail func(*gin.Context, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		h, r := h, of(c)
		if r.later != nil {
			h, r.later = r.later, nil
		}
		var err error
		if r.shed {
			err = Unavailable
		} else {
			err = h(c)
		}
		if err != nil && !errors.Is(err, errParked) {
			if tooLong(c) {
				c.Header("Connection", "close") // see [crowd.Timed]
			}
			fail(c, err)
			c.Abort()
		}
	}
}

// What a request may take, beside the time for its body and for waiting: to be worked on, and in all until its answer has been taken.
const (
	workTime    = 15 * time.Second
	longestWait = 30 * time.Second
	AnswerTime  = 90 * time.Second // for a server's WriteTimeout: bodyTime, longestWait and workTime, and as long again for a slow reader
)

// LimitTime ends the work on a request that takes too long, because a store does not answer, say. It is then answered as any other
// failure of the server's own.
func LimitTime(c *gin.Context) {
	d := workTime
	if c.Request.ContentLength != 0 {
		d += bodyTime
	}
	r := of(c)
	c.Request, r.timer = crowd.Timed(c.Request)
	r.timer.Reset(d)
	defer r.timer.Stop()
	c.Next()
}

func tooLong(c *gin.Context) bool {
	return errors.Is(context.Cause(c.Request.Context()), crowd.ErrTooLong)
}

// giveTime gives a request so much time from now.
func giveTime(c *gin.Context, d time.Duration) {
	if timer := of(c).timer; timer != nil && timer.Stop() {
		timer.Reset(d)
	}
}

// LogFailure logs an error that is the server's own, once, beside the opaque answer that it gets.
func LogFailure(c *gin.Context, log *slog.Logger, err error) {
	if c.Request.Context().Err() != nil && !tooLong(c) {
		return // the client has gone; its errors are the consequence
	}
	log.Error("failed", "request_id", RequestID(c), "route", c.FullPath(), "error", err)
}

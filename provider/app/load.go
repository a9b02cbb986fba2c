package app

import (
	"slices"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/crowd"
	"qrlogin/provider/internal/web"
)

// load is what bounds how much a node takes on at once.
type load struct {
	waiting     *crowd.Room
	work        *crowd.Work
	connections int
	listener    atomic.Pointer[crowd.Listener] // of the last Serve
}

// Load is how much a node has taken on.
type Load struct {
	Waiting, UnderWay, Connections int // now

	// Since the start: what found no place to wait, requests that were refused, connections that were closed for others to have room,
	// and connections that were refused.
	TurnedAway, Shed, Closed, Refused int64
}

// Load tells how much the node has taken on, and what it could not.
func (p *Provider) Load() Load {
	l := Load{
		Waiting: p.load.waiting.Waiting(), TurnedAway: p.load.waiting.TurnedAway(),
		UnderWay: p.load.work.UnderWay(), Shed: p.load.work.Shed(),
	}
	if listener := p.load.listener.Load(); listener != nil {
		l.Connections, l.Closed, l.Refused = listener.Open(), listener.Closed(), listener.Refused()
	}
	return l
}

// beginnings is what begins something that others would be kept waiting for, by the pattern of its route. What goes on with a login
// that has begun is not here.
var beginnings = []string{
	"/device_authorization", "/par", "/authorize", "/authorize/:transaction/challenge",
	"/register", "/phone/enrollments", "/phone/enrollments/passkey/options", "/widget",
}

// shed refuses at once what the node cannot take on.
func shed(work *crowd.Work) gin.HandlerFunc {
	return func(c *gin.Context) {
		done, ok := work.Enter(c.Request, slices.Contains(beginnings, c.FullPath()))
		if !ok {
			web.Shed(c)
			return
		}
		defer done()
		c.Next()
	}
}

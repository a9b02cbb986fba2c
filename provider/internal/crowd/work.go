package crowd

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Work is the requests that are worked on. Make it with [NewWork].
type Work struct {
	most int64
	full error
	n    atomic.Int64
	shed atomic.Int64
}

// NewWork lets so many requests be worked on at a time; of those that only begin something, half as many. What was begun goes on then,
// when more is begun than can be done. full is the error of a body that comes where there is too much.
func NewWork(most int, full error) *Work { return &Work{most: int64(most), full: full} }

// UnderWay is how many are worked on now.
func (w *Work) UnderWay() int { return int(max(0, w.n.Load())) }

// Shed is how many were refused since the start.
func (w *Work) Shed() int64 { return w.shed.Load() }

// Enter begins the work on a request, unless there is too much; begins is whether it only begins something. done ends it. While a body
// is waited for it is nobody's work, and the connection that it comes by may be given up for it. Where so many come at once that there is
// too much then, reading it ends with the work's error instead of [io.EOF].
func (w *Work) Enter(r *http.Request, begins bool) (done func(), ok bool) {
	most := w.most
	if begins {
		most /= 2
	}
	most = max(1, most)
	c := connOf(r)
	if w.n.Add(1) > most && !c.resumes() { // what goes on has been let in
		w.n.Add(-1)
		w.shed.Add(1)
		return nil, false
	}
	c.serve()
	if r.ContentLength != 0 {
		r.Body = &body{ReadCloser: r.Body, conn: c, work: w, most: most, since: time.Now()}
	}
	return func() { c.wait(time.Now()); w.n.Add(-1) }, true
}

// body is one that is on its way.
type body struct {
	io.ReadCloser
	conn  *conn
	work  *Work
	most  int64
	since time.Time // a body that comes bit by bit is no younger for it
	ended bool
}

// Read implements [io.Reader]. Who never calls it is at work all the same.
func (b *body) Read(p []byte) (int, error) {
	b.conn.wait(b.since)
	b.work.n.Add(-1)
	n, err := b.ReadCloser.Read(p)
	under := b.work.n.Add(1)
	b.conn.serve()
	if err == nil || b.ended {
		return n, err
	}
	b.ended = true
	if errors.Is(err, io.EOF) && under > b.most {
		b.work.shed.Add(1)
		return n, b.work.full
	}
	return n, err
}

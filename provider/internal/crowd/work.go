package crowd

import (
	"io"
	"net/http"
	"sync/atomic"
)

// Work is the requests that are worked on. Make it with [NewWork].
type Work struct {
	most int64
	n    atomic.Int64
	shed atomic.Int64
}

// NewWork lets so many requests be worked on at a time; of those that only begin something, half as many. What was begun goes on then,
// when more is begun than can be done.
func NewWork(most int) *Work { return &Work{most: int64(most)} }

// UnderWay is how many are worked on now.
func (w *Work) UnderWay() int { return int(max(0, w.n.Load())) }

// Shed is how many were refused since the start.
func (w *Work) Shed() int64 { return w.shed.Load() }

// Enter begins the work on a request, unless there is too much; begins is whether it only begins something. done ends it. A body that
// has not come yet is nobody's work, and the connection that it comes by may be given up for it.
func (w *Work) Enter(r *http.Request, begins bool) (done func(), ok bool) {
	most := w.most
	if begins {
		most /= 2
	}
	if w.n.Add(1) > max(1, most) {
		w.n.Add(-1)
		w.shed.Add(1)
		return nil, false
	}
	c, _ := r.Context().Value(connKey{}).(*conn)
	if r.ContentLength == 0 {
		c.serve()
		return func() { c.wait(); w.n.Add(-1) }, true
	}
	b := &body{ReadCloser: r.Body, conn: c, work: w}
	w.n.Add(-1)
	c.wait()
	r.Body = b
	return func() { b.arrived(); c.wait(); w.n.Add(-1) }, true
}

// body is one that is on its way.
type body struct {
	io.ReadCloser
	conn *conn
	work *Work
	here bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil { // io.EOF, mostly
		b.arrived()
	}
	return n, err
}

func (b *body) arrived() {
	if !b.here {
		b.here = true
		b.conn.serve()
		b.work.n.Add(1)
	}
}

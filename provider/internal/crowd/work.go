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

// Enter begins the work on a request, unless there is too much; begins is whether it only begins something. done ends it. While its
// handler reads the body, that is nobody's work, and the connection that it comes by may be given up for it.
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
	c.serve()
	if r.ContentLength != 0 {
		r.Body = body{r.Body, c, w}
	}
	return func() { c.wait(); w.n.Add(-1) }, true
}

// body is a request's. What it says of its length counts for nothing: only while somebody waits for more of it is it on its way.
type body struct {
	io.ReadCloser
	conn *conn
	work *Work
}

func (b body) Read(p []byte) (int, error) {
	b.conn.wait()
	b.work.n.Add(-1)
	defer func() {
		b.work.n.Add(1)
		b.conn.serve()
	}()
	return b.ReadCloser.Read(p)
}

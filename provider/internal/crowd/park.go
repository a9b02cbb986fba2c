package crowd

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Patience is how long a request waits before it is parked. Most who log in are quicker, and pay nothing for it.
const Patience = time.Second

// How long a client may take for the answer to a request that was parked, and then for its next request.
const (
	answerTime = 30 * time.Second
	restTime   = 2 * time.Minute
)

// Sleeper is what a parked request waits for: a [challenge.Waiter], say.
type Sleeper interface {
	// Then has wake called, once, when there is reason to handle the request again. It must not block.
	Then(wake func())

	// End says that the client has gone. It is reason enough.
	End()
}

// parked is a request whose handler has returned without an answer.
type parked struct {
	request *http.Request
	sleeper Sleeper
	kept    any
}

func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// MayPark tells whether the request can be parked: it came by a [Listener], all of it, and another may come after it.
func MayPark(r *http.Request) bool {
	if connOf(r) == nil || r.Close || !r.ProtoAtLeast(1, 1) {
		return false
	}
	b, sent := r.Body.(*body)
	return !sent && r.ContentLength == 0 || sent && b.ended
}

// Park parks a request that may be parked: its handler returns without an answer, and is called again when the sleeper wakes. It finds then
// what it kept ([Resumed]), and the body gone.
func Park(w http.ResponseWriter, r *http.Request, s Sleeper, kept any) {
	c := connOf(r)
	if c.parked == nil {
		c.leaveServer(w)
	}
	c.parked = &parked{request: r, sleeper: s, kept: kept}
}

// Resumed is what the handler kept that parked this request; nil for a new one.
func Resumed(r *http.Request) any {
	if c := connOf(r); c.resumes() {
		return c.parked.kept
	}
	return nil
}

// resumes tells whether its request was parked. A request of a test may come without a connection.
func (c *conn) resumes() bool { return c != nil && c.parked != nil }

// leaveServer takes the connection from net/http.
func (c *conn) leaveServer(w http.ResponseWriter) {
	c.listener.apart.Add(1)
	hijacker, _ := w.(http.Hijacker)
	_, buffers, err := hijacker.Hijack()
	if err != nil {
		_ = c.Conn.Close() // nobody is there
		return
	}
	early, _ := buffers.Peek(buffers.Reader.Buffered()) // what is there can be looked at
	c.ahead = bytes.Clone(early)
}

// Parking is the handler with a place for parked requests. net/http keeps ten kilobytes of buffers and a deep stack for each connection
// that it serves, so a parked request is taken from it: what is left is the request, and a small goroutine that listens whether the
// client is still there. With the next request net/http gets the connection back ([Listener.Serve]).
func (l *Listener) Parking(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		if c := connOf(r); c.resumes() {
			c.park(h, w)
		}
	})
}

// apart is a request that net/http does not serve any more.
type apart struct {
	conn    *conn
	handler http.Handler
	request *http.Request
	header  http.Header             // of the answer, so far
	cancel  context.CancelCauseFunc // the request's
	over    chan struct{}           // closed when it was answered

	mu      sync.Mutex
	sleeper Sleeper
	gone    bool // the client
}

// park keeps what it takes to handle the request again.
func (c *conn) park(h http.Handler, w http.ResponseWriter) {
	r := c.parked.request
	ctx, timer, cancel := timed(context.WithoutCancel(r.Context())) // net/http ends its own now
	c.timer = timer
	a := &apart{conn: c, handler: h, request: r.WithContext(ctx), header: w.Header(), cancel: cancel, over: make(chan struct{})}
	a.request.Body, a.request.ContentLength = http.NoBody, 0
	c.parked.request = nil
	c.serve()
	go a.listen()
	a.sleep()
}

// sleep has the request handled again when it is woken.
func (a *apart) sleep() {
	a.mu.Lock()
	a.sleeper = a.conn.parked.sleeper
	gone := a.gone
	a.mu.Unlock()
	if gone {
		a.sleeper.End()
	}
	a.sleeper.Then(func() { go a.serve() })
}

// listen reads the connection of a parked request: its request ends with the client, and what is asked next wakes the connection.
func (a *apart) listen() {
	c := a.conn
	if len(c.ahead) == 0 {
		next := make([]byte, 1)
		if _, err := c.Conn.Read(next); err != nil {
			a.leave()
			<-a.over
			_ = c.Close()
			return
		}
		c.ahead = next
	}
	<-a.over
	c.listener.wake(c)
}

// leave says that the client has gone.
func (a *apart) leave() {
	a.cancel(nil)
	a.mu.Lock()
	a.gone = true
	s := a.sleeper
	a.mu.Unlock()
	if s != nil {
		s.End()
	}
}

// serve handles the request again.
func (a *apart) serve() {
	before := a.conn.parked
	var out answer
	out.header = a.header
	whole := out.serve(a.handler, a.request)
	if a.conn.parked != before {
		a.conn.serve()
		a.sleep()
		return
	}
	a.conn.parked = nil
	a.mu.Lock()
	a.sleeper = nil
	a.mu.Unlock()
	a.send(out, whole)
}

// send sends the answer, and lets the connection rest until the next request.
func (a *apart) send(out answer, whole bool) {
	c := a.conn
	defer c.listener.apart.Done()
	defer close(a.over)
	defer a.cancel(nil)
	last := c.listener.stopping() || out.header.Get("Connection") == "close"
	if !whole || out.send(c, last) != nil || last || !c.listener.rest(c) {
		_ = c.Close()
	}
}

// answer is an [http.ResponseWriter] for a short answer, which is sent when it is whole.
type answer struct {
	header http.Header
	status int
	body   []byte
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, p...)
	return len(p), nil
}

// serve has it written, and tells whether that came to its end. As in net/http, a panic costs no more than its connection.
func (a *answer) serve(h http.Handler, r *http.Request) (whole bool) {
	defer func() { whole = recover() == nil }()
	h.ServeHTTP(a, r)
	return
}

func (a *answer) send(c net.Conn, last bool) error {
	a.WriteHeader(http.StatusOK)
	a.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	response := http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Header: a.header, Close: last,
		ContentLength: int64(len(a.body)), Body: io.NopCloser(bytes.NewReader(a.body)),
	}
	var all bytes.Buffer
	if err := response.Write(&all); err != nil {
		return err
	}
	_ = c.SetWriteDeadline(time.Now().Add(answerTime))
	_, err := c.Write(all.Bytes())
	return err
}

// rest has a connection wait for its next request, unless the listener has stopped.
func (l *Listener) rest(c *conn) bool {
	_ = c.SetDeadline(time.Now().Add(restTime))
	l.mu.Lock()
	defer l.mu.Unlock()
	c.resting = !l.stopped
	return c.resting
}

// wake gives net/http a connection that has asked for more.
func (l *Listener) wake(c *conn) {
	l.mu.Lock()
	rested := c.resting
	c.resting = false
	l.mu.Unlock()
	if rested {
		_ = c.SetDeadline(time.Time{})
		select {
		case l.woken <- c:
			return
		case <-l.stop:
		}
	}
	_ = c.Close()
}

// stopping tells whether a connection ends with its answer.
func (l *Listener) stopping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// Serve has the server answer who comes, and who comes back after a request that was parked.
func (l *Listener) Serve(server *http.Server) error {
	go func() { _ = server.Serve(woken{l}) }()
	return server.Serve(l)
}

// Finish waits until the parked requests are answered; at the end of ctx it closes all connections. It comes after
// [http.Server.Shutdown], which does not know of them.
func (l *Listener) Finish(ctx context.Context) error {
	finished := make(chan struct{})
	go func() { l.apart.Wait(); close(finished) }()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Conn.Close()
	}
	return ctx.Err()
}

// Stop hangs up on those who rest; the others are told that the connection ends with their answer. It comes before
// [http.Server.Shutdown].
func (l *Listener) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.stopped = true
	close(l.stop)
	for c := range l.open {
		if c.resting {
			_ = c.Conn.Close()
		}
	}
}

// woken is the connections that come back, as a listener of their own.
type woken struct{ *Listener }

func (w woken) Accept() (net.Conn, error) {
	select {
	case c := <-w.woken:
		return c, nil
	case <-w.stop:
		return nil, net.ErrClosed
	}
}

func (w woken) Close() error { w.Stop(); return nil }

package crowd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Listener has so many connections open at a time. Where one more comes, those are closed that have kept the node waiting for longest:
// for a request, for its body, or for taking an answer. So a flood of clients that say nothing, or say it slowly, or do not listen, makes
// room for those who have something to ask. Where all are being served, the new one is told to come back. Make it with [Listen].
type Listener struct {
	net.Listener
	most     int
	work     *Work
	refusing chan struct{}
	closed   atomic.Int64 // for others to have room
	refused  atomic.Int64

	woken chan *conn     // that rested, and ask for more
	stop  chan struct{}  // closed when the server stops
	apart sync.WaitGroup // of requests that were parked

	mu      sync.Mutex
	open    map[*conn]struct{}
	stopped bool
}

// Listen bounds what a listener accepts. [Listener.Context] has to be the server's ConnContext, and Enter of the same work
// called for each request.
func Listen(l net.Listener, most int, work *Work) *Listener {
	return &Listener{
		Listener: l, most: most, work: work, refusing: make(chan struct{}, 64), woken: make(chan *conn), stop: make(chan struct{}),
		open: map[*conn]struct{}{},
	}
}

// Open is how many connections are open.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Closed is how many were closed for others since the start, and Refused how many found no place.
func (l *Listener) Closed() int64  { return l.closed.Load() }
func (l *Listener) Refused() int64 { return l.refused.Load() }

type connKey struct{}

// Context lets a request know its connection, and its time be limited ([Timed]).
func (l *Listener) Context(ctx context.Context, c net.Conn) context.Context {
	own, _ := c.(*conn) // of [Listener.Accept]
	ctx, own.timer, _ = timed(ctx)
	own.over = ctx.Done()
	return context.WithValue(ctx, connKey{}, own)
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted := l.admit(c); admitted != nil {
			return admitted, nil
		}
		l.refused.Add(1)
		l.refuse(c)
	}
}

func (l *Listener) admit(c net.Conn) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		l.makeRoom()
	}
	if len(l.open) >= l.most {
		return nil
	}
	admitted := &conn{Conn: c, listener: l}
	admitted.wait(time.Now())
	l.open[admitted] = struct{}{}
	return admitted
}

// idle is a connection and since when it had kept the node waiting, when somebody looked.
type idle struct {
	conn  *conn
	since int64
}

// makeRoom closes the hundredth part of the connections, and at least one: to find them costs a look at all. The caller holds the lock.
func (l *Listener) makeRoom() { l.close(l.idle(), max(1, l.most/100)) }

// idle is those that keep the node waiting, the longest first.
func (l *Listener) idle() []idle {
	var all []idle
	for c := range l.open {
		if since := c.since.Load(); since != 0 {
			all = append(all, idle{c, since})
		}
	}
	slices.SortFunc(all, func(a, b idle) int { return cmp.Compare(a.since, b.since) })
	return all
}

// close closes the first n that still wait: a request may have come since the look.
func (l *Listener) close(all []idle, n int) {
	for _, i := range all {
		if n == 0 {
			return
		}
		if i.conn.since.Load() != i.since {
			continue
		}
		delete(l.open, i.conn)
		_ = i.conn.Conn.Close()
		l.closed.Add(1)
		n--
	}
}

// CloseUnasked closes the connections on which nothing has been asked. Browsers open some ahead, and a server that stops would give each
// five seconds.
func (l *Listener) CloseUnasked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		if !c.asked.Load() {
			delete(l.open, c)
			_ = c.Conn.Close()
		}
	}
}

// refuse says that there is no place. What was asked is not known: the body is an error for whoever reads it, as RFC 9457 and as
// RFC 6749 §5.2 shape one.
func (l *Listener) refuse(c net.Conn) {
	select {
	case l.refusing <- struct{}{}:
	default: // too many even for this
		_ = c.Close()
		return
	}
	go func() {
		defer func() { _ = c.Close(); <-l.refusing }()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err := io.WriteString(c, refusal); err != nil {
			return
		}
		// To close a connection with something unread on it would take the answer back (RFC 9112 §9.6).
		if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			_, _ = io.CopyN(io.Discard, c, 16<<10)
		}
	}()
}

const refusalBody = `{"type":"urn:qrlogin:problem:unavailable","title":"The service cannot answer now; try again","status":503,"code":"unavailable","error":"temporarily_unavailable"}`

var refusal = fmt.Sprintf("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n"+
	"Retry-After: 10\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(refusalBody), refusalBody)

// conn is a connection, and since when its client keeps the node waiting.
type conn struct {
	net.Conn
	listener *Listener
	asked    atomic.Bool     // a request has come
	since    atomic.Int64    // Unix time in nanoseconds; 0 while a request is worked on, or waits
	parked   *parked         // of the request
	ahead    []byte          // read, of the next request
	timer    *time.Timer     // of the request; see [Timed]
	over     <-chan struct{} // closed when it has gone off; nil in a test
	resting  bool            // until the next request, apart from net/http; guarded by the listener's lock
}

// Read implements [net.Conn]. Where the timer has gone off no request is to follow, for its context would have ended.
func (c *conn) Read(p []byte) (int, error) {
	select {
	case <-c.over:
		return 0, io.EOF
	default:
	}
	if len(c.ahead) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// wait says that it is the client's turn, and since when. A request of a test may come without a connection.
func (c *conn) wait(since time.Time) {
	if c != nil {
		c.since.Store(since.UnixNano())
	}
}

// serve says that it is the node's.
func (c *conn) serve() {
	if c != nil {
		c.asked.Store(true)
		c.since.Store(0)
	}
}

// Write implements [net.Conn]. While it lasts the client is to listen, and that is nobody's work.
func (c *conn) Write(p []byte) (int, error) {
	before := c.since.Swap(time.Now().UnixNano())
	defer c.since.Store(before)
	if before == 0 {
		c.listener.work.n.Add(-1)
		defer c.listener.work.n.Add(1)
	}
	return c.Conn.Write(p)
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

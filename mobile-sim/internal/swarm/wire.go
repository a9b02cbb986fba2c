package swarm

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	timeout   = 10 * time.Second // of one request, beside the time that it is held
	hold      = 25 * time.Second // how long the provider holds one (openapi.yaml)
	idle      = 20 * time.Second // after which a connection is not used again: the other side may be closing it
	maxAnswer = 1 << 20          // bytes
)

// node is one address of the provider.
type node struct {
	secure  bool
	host    string // as the URL has it
	address string // with a port
	local   bool   // on the IPv4 loopback, where there are as many addresses to come from as anybody likes
}

func newNode(text string) node {
	u, _ := url.Parse(text) // which has been checked
	n := node{secure: u.Scheme == "https", host: u.Host, address: u.Host}
	if u.Port() == "" {
		n.address = net.JoinHostPort(u.Hostname(), u.Scheme)
	}
	ip := net.ParseIP(u.Hostname())
	n.local = u.Hostname() == "localhost" || ip.To4() != nil && ip.IsLoopback()
	return n
}

// link is one party's way to the nodes: a connection to each, kept as a browser keeps it, all from one address. It is used by one
// goroutine at a time. HTTP/1.1 is spoken here by hand, because net/http holds some 25 kB for every request that waits.
type link struct {
	s     *swarm
	from  net.IP // nil for any
	at    int    // the node to ask
	conns []*conn
}

type conn struct {
	net.Conn
	used  time.Time
	first [256]byte // what waits for the beginning of an answer
}

// source is an address of the loopback for a party, so that limits per network see as many networks as there are, and no address runs
// out of ports. Each kind of party has a block of its own.
func (s *swarm) source(kind byte, i int) net.IP {
	if !s.manySources {
		return nil
	}
	return net.IPv4(127, kind, byte(i>>8), byte(i))
}

func (s *swarm) link(from net.IP) *link {
	return &link{s: s, from: from, conns: make([]*conn, len(s.nodes))}
}

func (l *link) close() {
	for i, c := range l.conns {
		if c != nil {
			_ = c.Close()
			l.conns[i] = nil
		}
	}
}

func (l *link) next() { l.at = (l.at + 1) % len(l.conns) }

// request is one request. headers are whole lines.
type request struct {
	method, path, headers, body string
	hold                        time.Duration // how long it may be held
	sent                        func()        // called once it is written, if not nil
}

// answer is what came of one.
type answer struct {
	status     int
	body       []byte
	nonce      string        // DPoP-Nonce
	retryAfter time.Duration // 0 when nothing is said
	took       time.Duration // of this exchange alone
}

// code is the error in an answer, of RFC 6749 or RFC 9457, or "". It goes to a terminal, and into a table that is to stay small.
func (a answer) code() string {
	var p struct{ Error, Code string }
	_ = json.Unmarshal(a.body, &p)
	code := p.Error + p.Code
	if len(code) > 64 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_-") != "" {
		return ""
	}
	return code
}

// refusal is an answer that is an error.
type refusal struct {
	endpoint string
	answer   answer
}

func (r *refusal) Error() string {
	text := r.endpoint + ": " + strconv.Itoa(r.answer.status)
	if code := r.answer.code(); code != "" {
		text += " " + code
	}
	return text
}

// busy tells a refusal of the moment from one of the request.
func (r *refusal) busy() bool {
	return r.answer.status == http.StatusTooManyRequests || r.answer.status == http.StatusServiceUnavailable
}

// persist asks until somebody answers: the next node at once when a connection fails, and after a pause when all have; and again when a
// node is busy, after the time that it asks for. A node that asks for more time than a login has is taken at its word: that is the end.
// make makes the request anew for each try. unsure is that a request may have been heard whose answer was not.
func (l *link) persist(ctx context.Context, endpoint string, make func() (request, error)) (a answer, unsure bool, err error) {
	for try := 1; ; try++ {
		r, err := make()
		if err != nil {
			return a, unsure, err
		}
		a, sent, err := l.exchange(ctx, r)
		wait := min(25*time.Millisecond<<min(try, 6), time.Second)
		switch {
		case ctx.Err() != nil:
			return a, unsure || sent, context.Cause(ctx)
		case err != nil:
			l.s.tally.failed(endpoint + ": " + kindOf(err))
			unsure = unsure || sent
			l.next()
			if try < len(l.conns) {
				wait = 0
			}
		case a.status == http.StatusTooManyRequests || a.status >= 500:
			refused := &refusal{endpoint, a}
			l.s.tally.failed(refused.Error())
			unsure = unsure || a.status >= 500 // a proxy may say so of a node that has heard
			if a.retryAfter > l.s.Deadline {
				return a, unsure, refused
			}
			wait = max(wait, a.retryAfter)
			l.next()
		default:
			return a, unsure, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return a, unsure, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// exchange is one request and its answer.
func (l *link) exchange(ctx context.Context, r request) (a answer, sent bool, err error) {
	begun := time.Now()
	c := l.conns[l.at]
	if c != nil && begun.Sub(c.used) > idle {
		_ = c.Close()
		c = nil
	}
	if c == nil {
		if c, err = l.dial(ctx); err != nil {
			return a, false, err
		}
	}
	l.conns[l.at] = nil // it is put back when it is good for another
	_ = c.SetDeadline(begun.Add(timeout + r.hold))
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(begun) })
	a, last, sent, err := c.exchange(l.s.hostOf(l.at), r)
	c.used = time.Now()
	if !stop() || err != nil || last {
		_ = c.Close()
	} else {
		l.conns[l.at] = c
	}
	if err == nil {
		a.took = c.used.Sub(begun)
		l.s.answered.Store(c.used.UnixNano())
	}
	return a, sent, err
}

func (l *link) dial(ctx context.Context) (*conn, error) {
	n := l.s.nodes[l.at]
	d := net.Dialer{Timeout: timeout, KeepAlive: -1}
	network := "tcp"
	if n.local && l.from != nil {
		network, d.LocalAddr = "tcp4", &net.TCPAddr{IP: l.from}
	}
	if !n.secure {
		c, err := d.DialContext(ctx, network, n.address)
		return &conn{Conn: c}, err
	}
	config := l.s.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.NextProtos = []string{"http/1.1"}
	c, err := (&tls.Dialer{NetDialer: &d, Config: config}).DialContext(ctx, network, n.address)
	return &conn{Conn: c}, err
}

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 2<<10) }}
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// exchange writes a request and reads its answer; last is that the connection has done with it.
func (c *conn) exchange(host string, r request) (a answer, last, sent bool, err error) {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	b.WriteString(r.method)
	b.WriteByte(' ')
	b.WriteString(r.path)
	b.WriteString(" HTTP/1.1\r\nHost: ")
	b.WriteString(host)
	b.WriteString("\r\n")
	b.WriteString(r.headers)
	if r.method == http.MethodPost {
		b.WriteString("Content-Length: ")
		b.WriteString(strconv.Itoa(len(r.body)))
		b.WriteString("\r\n")
	}
	b.WriteString("\r\n")
	b.WriteString(r.body)
	_, err = c.Write(b.Bytes())
	buffers.Put(b)
	if err != nil {
		return a, true, true, err // a part of it may be there
	}
	if r.sent != nil {
		r.sent()
	}
	n, err := c.Read(c.first[:])
	if err != nil {
		return a, true, true, err
	}
	in := readers.Get().(*bufio.Reader)
	defer readers.Put(in)
	in.Reset(io.MultiReader(bytes.NewReader(c.first[:n]), c.Conn))
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return a, true, true, err
	}
	defer response.Body.Close()
	a.status, a.nonce = response.StatusCode, response.Header.Get("DPoP-Nonce")
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	a.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(a.body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return a, response.Close || in.Buffered() > 0, true, err
}

// kindOf names what became of a connection.
func kindOf(err error) string {
	ne, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many open files"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no port left"
	case isNet && ne.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection dropped"
	default:
		return "connection failed"
	}
}

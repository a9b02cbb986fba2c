package app_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"qrlogin/provider/app"
)

// inBubble runs a test against a whole provider in a bubble whose clock is fake (testing/synctest): minutes pass at once.
// Connections are pipes, and they come from the address that [world.from] says.
func inBubble(t *testing.T, test func(t *testing.T, w *world), change ...func(*app.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{opened: make(chan net.Conn), closed: make(chan struct{})}
		w := newWorldAt(t, l, "http://localhost:9000", change...)
		w.http.Transport.(*http.Transport).DialContext = l.dialFrom("192.0.2.1")
		w.pipes = l
		test(t, w)
	})
}

// from is the same world, seen from another address.
func (w *world) from(address string) *world {
	w.t.Helper()
	transport := &http.Transport{DialContext: w.pipes.dialFrom(address)}
	w.t.Cleanup(transport.CloseIdleConnections)
	other := *w
	other.http = &http.Client{Transport: transport, Timeout: w.http.Timeout, CheckRedirect: noRedirect}
	return &other
}

// pipes is a network of one listener inside the process, without sockets.
type pipes struct {
	opened chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.opened:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 254), Port: 9000} }

func (p *pipes) dialFrom(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case p.opened <- addressed{far, &net.TCPAddr{IP: net.ParseIP(address), Port: 40000}}:
			return near, nil
		case <-p.closed:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// addressed is a connection that comes from an address.
type addressed struct {
	net.Conn
	remote net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }

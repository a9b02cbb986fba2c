package fetch

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
)

// visited is a server on the loopback that counts its connections.
func visited(t *testing.T, tls bool, handler http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, &connections
}

// served is a client that may visit the loopback, and a server there.
func served(t *testing.T, handler http.HandlerFunc) (*Client, string) {
	t.Helper()
	s, _ := visited(t, false, handler)
	return New(true), s.URL
}

var errReached = errors.New("the address was let through")

// resolving is a client that knows names by these answers, one after another, the last for good. It dials nothing: an address
// that is let through fails with errReached.
func resolving(may func(netip.Addr) bool, answers ...[]string) *Client {
	d := dialer(may)
	judge := d.ControlContext
	d.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error {
		if err := judge(ctx, network, address, c); err != nil {
			return err
		}
		return errReached
	}
	var asked atomic.Int32
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			for answerDNS(theirs, func() []string { return answers[min(int(asked.Add(1)), len(answers))-1] }) == nil {
			}
		}()
		return ours, nil
	}}
	return &Client{https: over(d)}
}

// answerDNS answers one question over a stream (RFC 1035 §4.2.2): A records for A, nothing for the rest.
func answerDNS(c net.Conn, addresses func() []string) error {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return err
	}
	m := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, m); err != nil {
		return err
	}
	end := 12
	for m[end] != 0 {
		end += 1 + int(m[end])
	}
	end += 5 // the root, type and class
	kind := binary.BigEndian.Uint16(m[end-4:])
	m = m[:end]
	copy(m[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer without an error, to one question
	if kind == 1 {
		for _, a := range addresses() {
			m = append(m, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // of the name asked for, A, IN, for no time
			m = append(m, netip.MustParseAddr(a).AsSlice()...)
			m[7]++
		}
	}
	_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
	return err
}

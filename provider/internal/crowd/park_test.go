package crowd

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// alarm is a sleeper that a test wakes.
type alarm struct {
	mu    sync.Mutex
	wake  func()
	ended chan struct{}
}

func (a *alarm) Then(wake func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wake = wake
}

func (a *alarm) End() { close(a.ended) }

// ring wakes who sleeps, once somebody does.
func (a *alarm) ring() {
	for {
		a.mu.Lock()
		wake := a.wake
		a.wake = nil
		a.mu.Unlock()
		if wake != nil {
			wake()
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// parking serves a handler, and answers a client's connection.
func parking(t *testing.T, h http.Handler) (*Listener, net.Conn) {
	t.Helper()
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return parkingOn(t, inner, h)
}

func parkingOn(t *testing.T, inner net.Listener, h http.Handler) (*Listener, net.Conn) {
	t.Helper()
	l := Listen(inner, 10, NewWork(10, errFull))
	server := &http.Server{Handler: l.Parking(h), ConnContext: l.Context, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- l.Serve(server) }()
	t.Cleanup(func() {
		l.Stop()
		if err := server.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		<-served
		if err := l.Finish(context.Background()); err != nil {
			t.Error(err)
		}
		for l.Open() > 0 {
			time.Sleep(time.Millisecond)
		}
	})
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return l, c
}

func ask(t *testing.T, c net.Conn) *http.Response {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestAParkedRequestFindsWhatItKeptHoweverOftenItIsParked(t *testing.T) {
	a := &alarm{}
	_, c := parking(t, threeTimes(a))
	askTwice(t, c, a)
}

func TestARequestOverTLSIsParkedToo(t *testing.T) {
	other := httptest.NewTLSServer(http.NotFoundHandler()) // has a certificate
	defer other.Close()
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &alarm{}
	_, c := parkingOn(t, tls.NewListener(inner, &tls.Config{Certificates: other.TLS.Certificates, MinVersion: tls.VersionTLS13}), threeTimes(a))
	roots := x509.NewCertPool()
	roots.AddCert(other.Certificate())
	askTwice(t, tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13}), a)
}

// threeTimes parks each request three times.
func threeTimes(a *alarm) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Passed", r.URL.Path)
		times, _ := Resumed(r).(int)
		if times < 3 {
			Park(w, r, a, times+1)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	})
}

func askTwice(t *testing.T, c net.Conn, a *alarm) {
	t.Helper()
	for range 2 { // the second is a new request
		if _, err := fmt.Fprint(c, "GET /here HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			a.ring()
		}
		if r := ask(t, c); r.StatusCode != http.StatusTeapot || len(r.Header.Values("Passed")) != 4 {
			t.Errorf("%v", r)
		}
	}
}

func TestAPanicInAParkedRequestCostsItsConnectionAlone(t *testing.T) {
	a := &alarm{}
	l, c := parking(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Resumed(r) != nil {
			panic("on purpose")
		}
		Park(w, r, a, true)
	}))
	_, _ = fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	a.ring()
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
		t.Error("it is answered")
	}
	for l.Open() > 0 {
		time.Sleep(time.Millisecond)
	}
}

// RFC 9112 §9.6: who says that it closes does.
func TestAnAnswerThatSaysSoIsTheLastOfItsConnection(t *testing.T) {
	a := &alarm{}
	_, c := parking(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Resumed(r) == nil {
			Park(w, r, a, true)
			return
		}
		w.Header().Set("Connection", "close")
	}))
	_, _ = fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	a.ring()
	answers := bufio.NewReader(c)
	r, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if _, err := answers.ReadByte(); !r.Close || !errors.Is(err, io.EOF) {
		t.Errorf("%v, and then %v", r, err)
	}
}

func TestTheEndOfAClientEndsWhatItsParkedRequestWaitsFor(t *testing.T) {
	a := &alarm{ended: make(chan struct{})}
	gone := make(chan error, 1)
	_, c := parking(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Resumed(r) == nil {
			Park(w, r, a, true)
			return
		}
		gone <- r.Context().Err()
	}))
	_, _ = fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	a.mu.Lock()
	for a.wake == nil {
		a.mu.Unlock()
		time.Sleep(time.Millisecond)
		a.mu.Lock()
	}
	a.mu.Unlock()
	_ = c.Close()
	<-a.ended
	a.ring()
	if err := <-gone; err == nil {
		t.Error("the request goes on")
	}
}

func TestFinishClosesWhatDoesNotEndInTime(t *testing.T) {
	a := &alarm{ended: make(chan struct{})}
	l, c := parking(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Resumed(r) == nil {
			Park(w, r, a, true)
		}
	}))
	_, _ = fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	for l.Open() == 0 || func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.wake == nil }() {
		time.Sleep(time.Millisecond)
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Finish(now); err == nil {
		t.Error("it has not waited")
	}
	<-a.ended
	a.ring()
}

// What is unread of a body would be taken for the next request, and who is not of this listener has no connection to be left with.
func TestNobodyParksWithABodyUnreadOrWithoutAConnection(t *testing.T) {
	r, h, _ := halted(t)
	if _, ok := NewWork(1, errFull).Enter(r, false); !ok {
		t.Fatal("no work")
	}
	go func() {
		for range 2 {
			<-h.asked
			h.come <- struct{}{}
		}
	}()
	buffer := make([]byte, 10)
	for half := range 2 {
		if MayPark(r) {
			t.Errorf("after %d halves", half)
		}
		_, _ = r.Body.Read(buffer)
	}
	if !MayPark(r) {
		t.Error("not when it has been read")
	}
	if MayPark(request(t, "")) {
		t.Error("a request without a connection")
	}
}

func TestAParkedRequestThatGoesOnIsNotShed(t *testing.T) {
	w := NewWork(1, errFull)
	done, _ := w.Enter(request(t, ""), false)
	r, _, c := halted(t)
	r.Body, r.ContentLength = http.NoBody, 0
	if _, ok := w.Enter(r, false); ok {
		t.Fatal("two are worked on")
	}
	c.parked = &parked{}
	again, ok := w.Enter(r, true)
	if !ok || w.UnderWay() != 2 {
		t.Fatalf("what was let in is refused; %d under way", w.UnderWay())
	}
	again()
	done()
	if w.UnderWay() != 0 {
		t.Errorf("%d are kept", w.UnderWay())
	}
}

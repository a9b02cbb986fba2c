package crowd

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"qrlogin/provider/internal/challenge"
)

var errFull = errors.New("too much work")

func request(t *testing.T, body string) *http.Request {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatBeginsIsShedFirst(t *testing.T) {
	w := NewWork(4, errFull)
	var done []func()
	enter := func(begins bool) (entered int) {
		for range 10 {
			if d, ok := w.Enter(request(t, ""), begins); ok {
				done = append(done, d)
				entered++
			}
		}
		return entered
	}
	if n := enter(true); n != 2 {
		t.Errorf("%d of four begin something", n)
	}
	if n := enter(false); n != 2 {
		t.Errorf("%d of the other two go on", n)
	}
	if n := enter(true); n != 0 {
		t.Errorf("%d begin something where there is no room", n)
	}
	if w.UnderWay() != 4 || w.Shed() != 26 {
		t.Errorf("%d under way, %d shed", w.UnderWay(), w.Shed())
	}
	for _, d := range done {
		d()
	}
	if w.UnderWay() != 0 || enter(true) != 2 {
		t.Errorf("%d are kept", w.UnderWay())
	}
}

// halting is a body of two halves: each is asked for on asked and comes by come.
type halting struct {
	asked, come chan struct{}
	halves      int
}

func (h *halting) Read(p []byte) (int, error) {
	h.asked <- struct{}{}
	<-h.come
	if h.halves++; h.halves == 2 {
		return copy(p, "b"), io.EOF
	}
	return copy(p, "a"), nil
}

func (h *halting) Close() error { return nil }

// halted is a request with such a body, by a connection.
func halted(t *testing.T) (*http.Request, *halting, *conn) {
	t.Helper()
	c, h := &conn{}, &halting{asked: make(chan struct{}), come: make(chan struct{})}
	r := request(t, "").WithContext(context.WithValue(t.Context(), connKey{}, c))
	r.Body, r.ContentLength = h, 2
	return r, h, c
}

func TestABodyThatIsWaitedForIsNobodysWork(t *testing.T) {
	w := NewWork(1, errFull)
	r, h, c := halted(t)
	done, ok := w.Enter(r, false)
	if !ok || w.UnderWay() != 1 || c.since.Load() != 0 {
		t.Fatalf("%d under way", w.UnderWay())
	}
	read := make(chan error)
	go func() { _, err := io.ReadAll(r.Body); read <- err }()
	<-h.asked
	first := c.since.Load()
	other, ok := w.Enter(request(t, ""), false)
	if first == 0 || !ok {
		t.Fatal("it is waited for, and nobody else may work")
	}
	other()
	h.come <- struct{}{}
	<-h.asked
	if w.n.Load() != 0 || c.since.Load() != first {
		t.Errorf("for its other half: %d under way, and the wait began anew: %t", w.n.Load(), c.since.Load() != first)
	}
	h.come <- struct{}{}
	if err := <-read; err != nil || w.UnderWay() != 1 || c.since.Load() != 0 {
		t.Errorf("it has come: %d under way, %v", w.UnderWay(), err)
	}
	if _, ok := w.Enter(request(t, "another"), false); ok {
		t.Error("two are worked on")
	}
	if done(); w.n.Load() != 0 || c.since.Load() == 0 {
		t.Errorf("%d are kept", w.n.Load())
	}
}

func TestABodyThatNobodyReadsIsNoWayPastTheBound(t *testing.T) {
	w := NewWork(1, errFull)
	done, ok := w.Enter(request(t, "a body"), false)
	if !ok {
		t.Fatal("no work")
	}
	if _, ok := w.Enter(request(t, "a body"), false); ok {
		t.Error("two are worked on")
	}
	woken, slept := make(chan struct{}), make(chan bool)
	p := NewRoom(1, w).Page(challenge.NewID(), nobody)
	if !p.Take(false) {
		t.Fatal("no place")
	}
	go func() { slept <- p.Sleep(woken, 0) }()
	for w.n.Load() != 0 { // where one waits nobody is at work
		runtime.Gosched()
	}
	close(woken)
	<-slept
	p.Leave()
	if done(); w.n.Load() != 0 {
		t.Errorf("%d are kept", w.n.Load())
	}
}

func TestOfBodiesThatComeAtOnceNoMoreAreWorkedOnThanMay(t *testing.T) {
	w := NewWork(2, errFull)
	var all []*halting
	var done []func()
	read := make(chan error)
	for range 10 {
		r, h, _ := halted(t)
		d, ok := w.Enter(r, false)
		if !ok {
			t.Fatal("a body that is waited for is work")
		}
		all, done = append(all, h), append(done, d)
		go func() { _, err := io.ReadAll(r.Body); read <- err }()
		<-h.asked
	}
	for _, h := range all { // half of each changes nothing
		h.come <- struct{}{}
		<-h.asked
	}
	full := 0
	for i, h := range all {
		h.come <- struct{}{}
		switch err := <-read; {
		case err == nil:
		case errors.Is(err, errFull) && i >= 2:
			full++
		default:
			t.Errorf("body %d: %v", i, err)
		}
	}
	if full != 8 || w.Shed() != 8 {
		t.Errorf("%d have too much work, %d were shed", full, w.Shed())
	}
	for _, d := range done {
		d()
	}
	if w.n.Load() != 0 {
		t.Errorf("%d are kept", w.n.Load())
	}
}

package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
)

// served is a world whose requests go to the provider's own server, as a program runs it.
type served struct {
	*world
	stop func()     // as SIGTERM does
	done chan error // what Serve answers
}

func serve(t *testing.T, w *world) served {
	t.Helper()
	l := &pipes{opened: make(chan net.Conn), closed: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	s := served{stop: stop, done: make(chan error, 1)}
	go func() { s.done <- w.provider.Serve(ctx, l) }()
	own := *w
	own.pipes = l
	s.world = own.from("192.0.2.1")
	return s
}

// background sends a request and answers later.
func (w *world) background(r *http.Request) chan answer {
	answered := make(chan answer, 1)
	go func() {
		a, err := w.try(r)
		if err != nil {
			a.Body = []byte(err.Error())
		}
		answered <- a
	}()
	return answered
}

func TestAtTheStopEverybodyWhoWaitsIsAnswered(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		const n = 20
		var watching, holding []chan answer
		for range n {
			started := s.start()
			view, _ := s.watch(started, 0)
			r := s.byWatch(http.MethodGet, started, "")
			r.URL.RawQuery = fmt.Sprintf("after=%d", view.Version)
			r.Header.Set("User-Agent", "Browser/1.0")
			watching = append(watching, s.background(r))
			holding = append(holding, s.background(s.pollRequest("shop", shopSecret, started, "wait=25")))
		}
		synctest.Wait() // all of them wait
		began := time.Now()
		s.stop()
		for i := range n {
			a := <-watching[i]
			var view api.ChallengeView
			if a.Status != http.StatusOK {
				t.Fatalf("a browser: %d %s", a.Status, a.Body)
			}
			if a.decode(t, &view); view.State != api.ChallengeStatePending {
				t.Errorf("a browser: %s", a.Body)
			}
			(<-holding[i]).wants(t, "a site", http.StatusBadRequest, "authorization_pending")
		}
		if err := <-s.done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took >= 10*time.Second {
			t.Errorf("stopping took %s", took)
		}
		if _, err := s.try(s.request(http.MethodGet, "/jwks", nil)); err == nil {
			t.Error("a new connection was accepted")
		}
	})
}

func TestAConnectionOnWhichNothingIsAskedDoesNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		for range 2 {
			c, err := s.pipes.dialFrom("192.0.2.1")(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		synctest.Wait()
		s.stop()
		if err := <-s.done; err != nil {
			t.Error(err)
		}
	})
}

func TestAtTheStopWhatIsUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		p.approve(started)
		s := serve(t, w)
		r := s.pollRequest("shop", shopSecret, started, "wait=25")
		slow := &slowBody{Reader: strings.NewReader(readAll(t, r.Body)), wait: 3 * time.Second}
		r.Body, r.GetBody = slow, nil
		answered := s.background(r)
		synctest.Wait()
		s.stop()
		if a := <-answered; a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if err := <-s.done; err != nil {
			t.Error(err)
		}
	})
}

func TestAClientThatNeverEndsDoesNotKeepTheProviderFromStopping(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		c := s.dial(t)
		defer c.Close()
		fmt.Fprintf(c, "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\na")
		synctest.Wait()
		began := time.Now()
		s.stop()
		<-s.done
		if took := time.Since(began); took >= 10*time.Second {
			t.Errorf("stopping took %s", took)
		}
	})
}

// dial opens a connection for a client that speaks HTTP as it likes.
func (s served) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := s.pipes.dialFrom("192.0.2.1")(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// RFC 10027 §6.1.11: whoever sends slowly, or not at all, does not hold a connection for long.
func TestABodyThatNeverComesEndsTheConnection(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		started := s.start()
		for _, head := range []string{
			"POST /token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
			"POST /phone/scans HTTP/1.1\r\nContent-Type: application/json\r\n", // refused for want of a proof
			"POST /phone/decisions HTTP/1.1\r\nContent-Type: application/json\r\n",
			"POST /nowhere HTTP/1.1\r\n",
			"GET /jwks HTTP/1.1\r\n",
			"GET /challenges/" + started.ChallengeId + " HTTP/1.1\r\nAuthorization: Bearer " + started.Watch + "\r\n",
			"DELETE /challenges/AAAAAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\n",
		} {
			name, _, _ := strings.Cut(head, " HTTP")
			c := s.dial(t)
			began := time.Now()
			fmt.Fprint(c, head+"Host: localhost:9000\r\nContent-Length: 100\r\n\r\n{")
			if err := c.SetReadDeadline(began.Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Errorf("%s: not answered: %v", name, err)
			} else if response.StatusCode >= 500 {
				t.Errorf("%s: %s", name, response.Status)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("%s: the connection was held for %s", name, took)
			}
			c.Close()
		}
		s.stop()
		if err := <-s.done; err != nil {
			t.Error(err)
		}
	})
}

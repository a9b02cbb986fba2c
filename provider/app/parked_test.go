package app_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/crowd"
)

// A request that waits for longer than crowd.Patience is taken from net/http. Nobody outside can tell.

const longer = crowd.Patience + 2*time.Second

// client is one connection, whose owner speaks HTTP as it likes.
type client struct {
	t *testing.T
	net.Conn
	reader *bufio.Reader
}

func (s served) client(t *testing.T) client {
	t.Helper()
	c := s.dial(t)
	return client{t, c, bufio.NewReader(c)}
}

func (c client) ask(r *http.Request) {
	c.t.Helper()
	if err := r.Write(c); err != nil {
		c.t.Fatal(err)
	}
}

// answered reads an answer. It fails the test if there is none.
func (c client) answered() answer {
	c.t.Helper()
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Close { // which net/http takes out of the header
		response.Header.Set("Connection", "close")
	}
	return answer{Status: response.StatusCode, Header: response.Header, Body: []byte(readAll(c.t, response.Body))}
}

// closed tells whether the provider has closed the connection.
func (c client) closed() bool {
	if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return true
	}
	_, err := c.reader.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// end stops the provider.
func (s served) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// shown is a test whose provider is served, and has shown a code to a page that has seen this version of it.
func shown(t *testing.T, test func(t *testing.T, s served, started api.DeviceAuthorization, version int64)) {
	t.Helper()
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		started := s.start()
		view, _ := s.watch(started, 0)
		test(t, s, started, view.Version)
		s.end(t)
	})
}

func (s served) wantWaiting(t *testing.T, n int) {
	t.Helper()
	synctest.Wait()
	if l := s.provider.Load(); l.Waiting != n || l.UnderWay != 0 {
		t.Errorf("%d are to wait: %+v", n, l)
	}
}

func TestAParkedPageIsToldOfItsPhoneAndItsConnectionGoesOn(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		p, started := s.rawPhone().enrolled("+8613800138000"), s.start()
		view, _ := s.watch(started, 0)
		c := s.client(t)
		r := s.watching(started, view.Version)
		r.Header.Set("Origin", "http://localhost:8080")
		c.ask(r)
		time.Sleep(longer)
		s.wantWaiting(t, 1)

		claim := p.claim(started)
		a := c.answered()
		if a.decode(t, &view); a.Status != http.StatusOK || view.State != api.ChallengeStateClaimed {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		for name, value := range map[string]string{
			"Access-Control-Allow-Origin": "http://localhost:8080", "Vary": "Origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Type": "application/json; charset=utf-8", "Date": time.Now().UTC().Format(http.TimeFormat), "Connection": "",
		} {
			if got := a.Header.Values(name); strings.Join(got, "|") != value {
				t.Errorf("%s: %q", name, got)
			}
		}
		if line := regexp.MustCompile("request_id=" + a.Header.Get("X-Request-Id") + " .*"); fmt.Sprint(line.FindAllString(logs.String(), -1)) !=
			"["+line.FindString(logs.String())+"]" || !strings.HasSuffix(line.FindString(logs.String()), "took="+longer.String()) {
			t.Errorf("%s is not logged once: %s", line, &logs)
		}

		// The next request on the same connection is parked in turn, and the one after it is not.
		c.ask(s.watching(started, view.Version))
		time.Sleep(longer)
		s.wantWaiting(t, 1)
		p.decide(claim, proof.Approve)
		if a := c.answered(); !strings.Contains(string(a.Body), `"approved"`) {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		c.ask(s.request(http.MethodGet, "/jwks", nil))
		if a := c.answered(); a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		s.wantWaiting(t, 0)
		s.end(t)
	}, func(c *app.Config) { c.Log = slog.New(slog.NewTextHandler(&logs, nil)) })
}

func TestAParkedSiteGetsItsTokens(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		p, started := s.rawPhone().enrolled("+8613800138000"), s.start()
		r := s.pollRequest("shop", shopSecret, started, "wait=25")
		r.Header.Set("Origin", "http://localhost:8080")
		site := s.background(r)
		time.Sleep(longer)
		s.wantWaiting(t, 1)
		p.approve(started)
		a := <-site
		a.wants(t, "the tokens", http.StatusOK, "")
		for name, value := range map[string]string{
			"Preference-Applied": "wait=25", "Cache-Control": "no-store", "Vary": "Origin", "Access-Control-Allow-Origin": "http://localhost:8080",
		} {
			if got := a.Header.Values(name); strings.Join(got, "|") != value {
				t.Errorf("%s: %q", name, got)
			}
		}
		s.end(t)
	})
}

func TestAParkedSiteIsRefusedAndCountedAsAnyOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		started := s.start()
		first := s.background(s.pollRequest("shop", shopSecret, started, "wait=25"))
		time.Sleep(longer)
		second := s.background(s.pollRequest("shop", shopSecret, started, "wait=25"))
		(<-first).wants(t, "the one that was replaced", http.StatusBadRequest, "slow_down")
		s.cancel(started)
		(<-second).wants(t, "the other", http.StatusBadRequest, "access_denied")
		s.wantWaiting(t, 0)
		s.end(t)
	})
}

func TestAParkedPageIsAnsweredWhenItsTimeIsOver(t *testing.T) {
	shown(t, func(t *testing.T, s served, started api.DeviceAuthorization, version int64) {
		c := s.client(t)
		began := time.Now()
		c.ask(s.watching(started, version))
		if a := c.answered(); a.Status != http.StatusOK || time.Since(began) != 25*time.Second {
			t.Errorf("after %s: %d %s", time.Since(began), a.Status, a.Body)
		}
	})
}

func TestWhoLeavesWhileParkedLeavesItsPlace(t *testing.T) {
	shown(t, func(t *testing.T, s served, started api.DeviceAuthorization, version int64) {
		c := s.client(t)
		c.ask(s.watching(started, version))
		time.Sleep(longer)
		s.wantWaiting(t, 1)
		c.Close()
		s.wantWaiting(t, 0)
		if l := s.provider.Load(); l.Connections != 1 { // the world's own
			t.Errorf("%+v", l)
		}
	})
}

func TestAtTheStopTheParkedAreAnsweredAndWhoRestsIsHungUpOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		parked := func() (client, api.DeviceAuthorization) {
			started := s.start()
			view, _ := s.watch(started, 0)
			c := s.client(t)
			c.ask(s.watching(started, view.Version))
			time.Sleep(longer)
			return c, started
		}
		resting, cancelled := parked()
		s.cancel(cancelled)
		resting.answered()
		waiting, started := parked()
		site := s.background(s.pollRequest("shop", shopSecret, started, "wait=25"))
		time.Sleep(longer)
		s.wantWaiting(t, 2)

		began := time.Now()
		s.stop()
		if a := waiting.answered(); a.Status != http.StatusOK || a.Header.Get("Connection") != "close" {
			t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
		}
		(<-site).wants(t, "the site", http.StatusBadRequest, "authorization_pending")
		if err := <-s.done; err != nil || time.Since(began) > time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if !resting.closed() || !waiting.closed() {
			t.Error("a connection is left")
		}
	})
}

func TestAConnectionRestsForTwoMinutesAfterAParkedRequest(t *testing.T) {
	shown(t, func(t *testing.T, s served, started api.DeviceAuthorization, version int64) {
		c := s.client(t)
		for range 2 {
			c.ask(s.watching(started, version))
			c.answered() // after 25 s
			time.Sleep(119 * time.Second)
		}
		c.ask(s.request(http.MethodGet, "/jwks", nil))
		c.answered()
		c.ask(s.watching(s.start(), 1))
		c.answered()
		time.Sleep(121 * time.Second)
		if !c.closed() {
			t.Error("it rests for ever")
		}
	})
}

func TestWhatIsAskedBehindAParkedRequestIsAnsweredAfterIt(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"at once": 0, "once it is parked": longer} {
		t.Run(name, func(t *testing.T) {
			shown(t, func(t *testing.T, s served, started api.DeviceAuthorization, version int64) {
				c := s.client(t)
				c.ask(s.watching(started, version))
				time.Sleep(wait)
				next, cancel := s.request(http.MethodGet, "/jwks", nil), s.byWatch(http.MethodDelete, started, "")
				go func() { _ = next.Write(c) }()
				time.AfterFunc(2*longer, func() { _, _ = s.try(cancel) })
				if a := c.answered(); !strings.Contains(string(a.Body), `"cancelled"`) {
					t.Errorf("first: %d %s", a.Status, a.Body)
				}
				if a := c.answered(); !strings.Contains(string(a.Body), `"keys"`) {
					t.Errorf("then: %d %s", a.Status, a.Body)
				}
			})
		})
	}
}

// watchBy asks as a page does, by another protocol or with more than a page says.
func (s served) watchBy(t *testing.T, protocol, more string, started api.DeviceAuthorization, version int64) client {
	t.Helper()
	c := s.client(t)
	fmt.Fprintf(c, "GET /challenges/%s?after=%d %s\r\nHost: x\r\nUser-Agent: Browser/1.0\r\nAuthorization: Bearer %s\r\n%s",
		started.ChallengeId, version, protocol, started.Watch, more)
	time.Sleep(longer)
	s.wantWaiting(t, 1)
	if a := c.answered(); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"pending"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	return c
}

// What is left unread of a body would be taken for the next request.
func TestARequestWithABodyIsParkedWithoutIt(t *testing.T) {
	shown(t, func(t *testing.T, s served, started api.DeviceAuthorization, version int64) {
		for _, body := range []string{
			"Content-Length: 22\r\n\r\nGET /jwks HTTP/1.1\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n16\r\nGET /jwks HTTP/1.1\r\n\r\n\r\n0\r\n\r\n",
		} {
			c := s.watchBy(t, "HTTP/1.1", body, started, version)
			c.ask(s.request(http.MethodGet, "/nowhere", nil))
			if a := c.answered(); a.Status != http.StatusNotFound {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
	})
}

func TestAClientThatTakesOneAnswerAConnectionIsNotParked(t *testing.T) {
	shown(t, func(t *testing.T, s served, started api.DeviceAuthorization, version int64) {
		for protocol, more := range map[string]string{"HTTP/1.0": "\r\n", "HTTP/1.1": "Connection: close\r\n\r\n"} {
			if c := s.watchBy(t, protocol, more, started, version); !c.closed() {
				t.Errorf("%q: the connection is left", protocol)
			}
		}
	})
}

// Phones decide, clients leave and time passes, all while requests come to be parked.
func TestOfManyThatAreParkedAndWokenAtOnceEachIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := tcp(t)
	const n = 64
	var started [n]api.DeviceAuthorization
	var pages [n]chan answer
	for i := range started {
		started[i] = w.start()
		view, _ := w.watch(started[i], 0)
		r := w.watching(started[i], view.Version)
		if i%4 == 0 { // leaves about when it is parked
			ctx, cancel := context.WithTimeout(t.Context(), crowd.Patience+time.Duration(i-n/2)*time.Millisecond)
			t.Cleanup(cancel)
			r = r.WithContext(ctx)
		}
		pages[i] = w.background(r)
	}
	time.Sleep(crowd.Patience - n/2*time.Millisecond)
	for i := range started {
		if i%2 == 1 {
			w.cancel(started[i])
		}
	}
	for i := range started {
		if i%2 == 1 {
			if a := <-pages[i]; !strings.Contains(string(a.Body), `"cancelled"`) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
	}
	for i := range started {
		if i%4 == 2 {
			w.cancel(started[i])
			if a := <-pages[i]; !strings.Contains(string(a.Body), `"cancelled"`) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
	}
	awaitWaiting(t, 0, w)
}

package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
)

// What a node does when too many come (docs/operate.md): it says so at once, and who has begun goes on.

func withWaitingLimit(n int) func(*app.Config) { return func(c *app.Config) { c.WaitingLimit = n } }

// watching is a page's request that waits, unless there is news.
func (w *world) watching(started api.DeviceAuthorization, after int64) *http.Request {
	w.t.Helper()
	r := w.byWatch(http.MethodGet, started, "")
	r.URL.RawQuery = fmt.Sprintf("after=%d", after)
	r.Header.Set("User-Agent", "Browser/1.0")
	return r
}

// fill has so many pages wait.
func (w *world) fill(n int) (all []chan answer) {
	w.t.Helper()
	for range n {
		started := w.start()
		view, _ := w.watch(started, 0)
		all = append(all, w.background(w.watching(started, view.Version)))
		synctest.Wait()
	}
	return all
}

func TestAPageThatFindsNoPlaceToWaitIsToldAtOnceAndItsLoginGoesOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p, started := w.rawPhone().enrolled("+8613800138000"), w.start()
		view, _ := w.watch(started, 0)
		waiting := w.fill(8)
		began := time.Now()
		r := w.watching(started, view.Version)
		r.Header.Set("Origin", "http://localhost:8080")
		a := w.do(r)
		a.wants(t, "the ninth", http.StatusServiceUnavailable, "waiting-full")
		if a.Header.Get("Retry-After") != "10" || a.Header.Get("Access-Control-Allow-Origin") == "" || !time.Now().Equal(began) {
			t.Errorf("after %s: %v", time.Since(began), a.Header)
		}
		if l := w.provider.Load(); l.Waiting != 8 || l.TurnedAway != 1 {
			t.Errorf("%+v", l)
		}
		// News is told, and a phone that has scanned finds its page and its site waiting.
		claim := p.claim(started)
		view, _ = w.watch(started, view.Version)
		if view.State != api.ChallengeStateClaimed {
			t.Fatalf("%+v", view)
		}
		page := w.background(w.watching(started, view.Version))
		synctest.Wait()
		if l := w.provider.Load(); l.Waiting != 9 {
			t.Errorf("a login that has begun does not wait: %+v", l)
		}
		p.decide(claim, proof.Approve)
		if a := <-page; !strings.Contains(string(a.Body), `"approved"`) {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		w.poll(started, "wait=25").wants(t, "the tokens", http.StatusOK, "")
		for i, a := range waiting {
			if a := <-a; a.Status != http.StatusOK || time.Since(began) < 25*time.Second {
				t.Errorf("page %d, after %s: %d %s", i, time.Since(began), a.Status, a.Body)
			}
		}
	}, withWaitingLimit(8))
}

// RFC 8628 §3.5: it is what any client does that knows nothing of waiting.
func TestASiteThatFindsNoPlaceToWaitPolls(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p, started := w.rawPhone().enrolled("+8613800138000"), w.start()
		waiting := w.fill(1)
		began := time.Now()
		for _, want := range []string{"authorization_pending", "authorization_pending", "slow_down"} { // see pace
			a := w.poll(started, "wait=25")
			a.wants(t, "a poll", http.StatusBadRequest, want)
			if a.Header.Get("Preference-Applied") != "" {
				t.Error("it says that it has waited")
			}
		}
		if !time.Now().Equal(began) {
			t.Errorf("it waited for %s", time.Since(began))
		}
		p.approve(started)
		w.poll(started, "wait=25").wants(t, "the tokens", http.StatusOK, "")
		<-waiting[0]
	}, withWaitingLimit(1))
}

func TestAPageThatAsksAnewTakesItsOwnPlace(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		view, _ := w.watch(started, 0)
		site := w.background(w.pollRequest("shop", shopSecret, started, "wait=25"))
		synctest.Wait()
		began := time.Now()
		last := w.background(w.watching(started, view.Version))
		for range 100 {
			synctest.Wait()
			next := w.background(w.watching(started, view.Version))
			if a := <-last; a.Status != http.StatusOK {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			last = next
		}
		synctest.Wait()
		if l := w.provider.Load(); l.Waiting != 2 || !time.Now().Equal(began) {
			t.Errorf("after %s: %+v", time.Since(began), l)
		}
		<-last
		<-site
		if l := w.provider.Load(); l.Waiting != 0 {
			t.Errorf("%+v", l)
		}
	}, withWaitingLimit(2))
}

func TestTheHostedPageThatFindsNoPlaceAsksAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		v := w.visitor()
		path := v.hosted(asking())
		started := v.challenge(path)
		waiting := w.fill(1)
		began := time.Now()
		a := v.post(path+"/finish", jsonType, fmt.Sprintf(`{"challenge_id":%q}`, started.ChallengeId))
		if a.Status != http.StatusAccepted || !time.Now().Equal(began) {
			t.Errorf("after %s: %d %s", time.Since(began), a.Status, a.Body)
		}
		<-waiting[0]
	}, withWaitingLimit(1))
}

func TestWhatIsTooMuchWorkIsRefusedAtOnceInTheShapeOfItsPath(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	gateway := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer gateway.Close()
	w := newWorld(t, func(c *app.Config) {
		c.SMS, c.SMSSecret, c.RequestLimit = "webhook:"+gateway.URL, gatewaySecret, 1
	})
	held := w.background(w.enrolls(oneNumber))
	for w.provider.Load().UnderWay < 1 {
		runtime.Gosched()
	}
	for _, r := range []struct{ method, path, says string }{
		{"POST", "/device_authorization", "temporarily_unavailable"}, {"POST", "/token", "temporarily_unavailable"}, {"GET", "/userinfo", "temporarily_unavailable"},
		{"GET", "/authorize?" + asking().Encode(), ""}, {"GET", "/end_session", ""}, {"GET", "/challenges/" + nobodysChallenge, "unavailable"},
		{"POST", "/phone/scans", "unavailable"}, {"GET", "/widget", "unavailable"},
	} {
		a := w.do(w.request(r.method, r.path, nil))
		a.wants(t, r.path, http.StatusServiceUnavailable, r.says)
		if a.Header.Get("Retry-After") == "" || r.says == "" && !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %v", r.path, a.Header)
		}
	}
	if l := w.provider.Load(); l.Shed != 8 {
		t.Errorf("%+v", l)
	}
	close(release)
	<-held
	w.start()
}

// tcp serves a world by its own server on a real port, and answers the world as seen there.
func tcp(t *testing.T, change ...func(*app.Config)) *world {
	t.Helper()
	w := newWorld(t, change...)
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.provider.Serve(ctx, l) }()
	own := *w
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		},
	}
	own.http = &http.Client{Transport: transport, Timeout: 40 * time.Second, CheckRedirect: noRedirect}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &own
}

// raw opens a connection and says something on it.
func (w *world) raw(says string) net.Conn {
	w.t.Helper()
	c, err := w.http.Transport.(*http.Transport).DialContext(w.t.Context(), "tcp", "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, says)
	return c
}

// tokens is what a site is answered that has waited since it began, or asks again: on a slow machine a flood takes longer than one wait.
func (w *world) tokens(a answer, began time.Time, started api.DeviceAuthorization) answer {
	w.t.Helper()
	if a.error() == "authorization_pending" && time.Since(began) > 25*time.Second {
		return w.poll(started, "wait=25")
	}
	return a
}

// A flood of connections that say nothing, or slowly, or do not listen, is ten times what may be open.
func TestWhoKeepsTheNodeWaitingMakesRoomForALoginAndCostsBoundedMemory(t *testing.T) {
	t.Parallel()
	const most = 100
	const body = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na"
	for name, says := range map[string]string{
		"half a body that nobody reads": "GET /phone/app.js HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na",
		"silent":                        "", "half a header": "GET /jwks HTTP/1.1\r\nHost:", "half a body": body,
		"deaf": strings.Repeat("GET /phone/app.js HTTP/1.1\r\nHost: x\r\n\r\n", 100), // more than the system's own buffers take
		"idle": "GET /jwks HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			flood := 10 * most
			if name == "deaf" {
				flood = 3 * most // megabytes each
			}
			w := tcp(t, func(c *app.Config) { c.ConnectionLimit = most })
			p, started := w.rawPhone().enrolled("+8613800138000"), w.start()
			view, _ := w.watch(started, 0)
			began := time.Now()
			page := w.background(w.watching(started, view.Version))
			site := w.background(w.pollRequest("shop", shopSecret, started, "wait=25"))
			awaitWaiting(t, 2, w)
			before := runtime.NumGoroutine()
			for range flood {
				w.raw(says)
			}
			for l := w.provider.Load(); l.Closed < int64(flood-most) || l.UnderWay > 0; l = w.provider.Load() { // all have come, and none of it is work
				if time.Since(began) > 2*time.Minute {
					t.Fatalf("%+v", l)
				}
				time.Sleep(time.Millisecond)
			}
			if more := runtime.NumGoroutine() - before; more > 4*most {
				t.Errorf("%d goroutines more", more)
			}
			p.approve(started)
			if a := <-page; a.Status != http.StatusOK {
				t.Errorf("the page: %d %s", a.Status, a.Body)
			}
			w.tokens(<-site, began, started).wants(t, "the site", http.StatusOK, "")
			if l := w.provider.Load(); l.Connections > most || l.Shed != 0 {
				t.Errorf("%+v", l)
			}
		})
	}
}

func TestAConnectionForWhichThereIsNoRoomIsToldToComeBack(t *testing.T) {
	t.Parallel()
	w := tcp(t, func(c *app.Config) { c.ConnectionLimit = 4 })
	started := w.start()
	view, _ := w.watch(started, 0)
	for i := range 4 { // all of them wait, and may
		if i > 0 {
			started = w.start()
			view, _ = w.watch(started, 0)
		}
		r := w.watching(started, view.Version)
		var request strings.Builder
		if err := r.Write(&request); err != nil {
			t.Fatal(err)
		}
		w.raw(request.String())
		awaitWaiting(t, i+1, w)
	}
	response, err := http.ReadResponse(bufio.NewReader(w.raw("GET /jwks HTTP/1.1\r\nHost: x\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(response.Body)
	a := answer{Status: response.StatusCode, Header: response.Header, Body: said}
	if a.Status != http.StatusServiceUnavailable || !strings.Contains(string(said), `"code":"unavailable"`) || a.Header.Get("Retry-After") != "10" || !strings.Contains(string(said), `"error":"temporarily_unavailable"`) {
		t.Errorf("%v %s", a.Header, said)
	}
	if l := w.provider.Load(); l.Connections != 4 || l.Refused != 1 || l.Closed == 0 {
		t.Errorf("%+v", l)
	}
}

// Ten times as many codes as all sites may begin, by two of them, while logins are under way.
func TestAFloodOfCodesLeavesTheLoginsAlreadyBegunUnharmed(t *testing.T) {
	t.Parallel()
	const logins, most = 8, 100
	w := tcp(t, func(c *app.Config) {
		c.WaitingLimit = 4 * logins
		c.Limits = []string{fmt.Sprintf("challenges-in-all=%d/10m", most), fmt.Sprintf("challenges-per-client=%d/10m", most*3/4)}
	})
	var started [logins]api.DeviceAuthorization
	var pages, tokens [logins]chan answer
	var phones [logins]rawPhone
	began := time.Now()
	for i := range started {
		phones[i] = w.rawPhone().enrolled(fmt.Sprintf("+86138%04d8000", i))
		started[i] = w.start()
		view, _ := w.watch(started[i], 0)
		pages[i] = w.background(w.watching(started[i], view.Version))
		tokens[i] = w.background(w.pollRequest("shop", shopSecret, started[i], "wait=25"))
	}
	var flood sync.WaitGroup
	var mu sync.Mutex
	begun, refused := map[string]int{}, 0
	for i := range 64 {
		client, secret := "shop", shopSecret
		if i%2 == 1 {
			client, secret = "other", otherSecret
		}
		flood.Go(func() {
			for range 10 * most / 64 {
				a, err := w.try(w.begins(client, secret))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				switch {
				case a.Status == http.StatusOK:
					begun[client]++
				case a.Status == http.StatusTooManyRequests && a.error() == "slow_down" && a.Header.Get("Retry-After") != "":
					refused++
				default:
					t.Errorf("%d %s", a.Status, a.Body)
				}
				mu.Unlock()
				if a.Status == http.StatusOK { // and its page waits
					var one api.DeviceAuthorization
					a.decode(t, &one)
					_, _ = w.watch(one, 0)
				}
			}
		})
	}
	for i, p := range phones {
		p.approve(started[i])
		if a := <-pages[i]; a.Status != http.StatusOK {
			t.Errorf("page %d: %d %s", i, a.Status, a.Body)
		}
		w.tokens(<-tokens[i], began, started[i]).wants(t, "a site", http.StatusOK, "")
	}
	flood.Wait()
	if begun["shop"]+begun["other"] != most-logins || begun["other"] == 0 || begun["shop"] > most*3/4-logins || refused < 8*most {
		t.Errorf("%v begun, %d refused", begun, refused)
	}
}

// A client that asks and does not take the answer is given up, also where there is room for it.
func TestAnAnswerThatNobodyTakesEndsTheConnection(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := serve(t, w)
		c := s.dial(t)
		defer c.Close()
		fmt.Fprint(c, "GET /jwks HTTP/1.1\r\nHost: localhost:9000\r\n\r\n")
		synctest.Wait()
		if l := s.provider.Load(); l.Connections != 1 {
			t.Fatalf("%+v", l)
		}
		time.Sleep(91 * time.Second)
		if l := s.provider.Load(); l.Connections != 0 {
			t.Errorf("%+v", l)
		}
		s.stop()
		if err := <-s.done; err != nil {
			t.Error(err)
		}
	})
}

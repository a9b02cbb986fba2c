package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/crowd"
)

// oneConn is a listener with one connection, inside the process.
type oneConn struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (l oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l oneConn) Close() error   { close(l.closed); return nil }
func (l oneConn) Addr() net.Addr { return &net.UnixAddr{} }

// streaming serves handlers on a fake clock, to a client that has one connection.
func streaming(t *testing.T, h func(c *gin.Context), client func(conn net.Conn), more ...gin.HandlerFunc) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		gin.SetMode(gin.ReleaseMode)
		engine := gin.New()
		engine.Any("/", append([]gin.HandlerFunc{LimitBodyTime, h}, more...)...)
		l := oneConn{make(chan net.Conn, 1), make(chan struct{})}
		near, far := net.Pipe()
		l.conn <- far
		server := &http.Server{Handler: engine}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(l) }()
		client(near)
		_ = near.Close()
		synctest.Wait()
		_ = server.Close()
		<-done
	})
}

const half = 320 << 10

func TestABodyThatComesTooSlowlyIsCutOff(t *testing.T) {
	for _, c := range []struct {
		wait time.Duration // between the halves
		cut  bool
	}{{24 * time.Second, false}, {26 * time.Second, true}} { // 15 s, and 10 s for 640 KiB
		var read error
		streaming(t, func(c *gin.Context) {
			body, size, err := StreamBody(c, "application/jose", 1<<20)
			if err != nil || size != 2*half {
				t.Errorf("%d bytes, %v", size, err)
				return
			}
			_, read = io.Copy(io.Discard, body)
			c.Status(http.StatusNoContent)
		}, func(conn net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			_, _ = fmt.Fprintf(conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\nContent-Length: %d\r\n\r\n", 2*half)
			_, _ = io.WriteString(conn, strings.Repeat("A", half))
			time.Sleep(c.wait)
			_, _ = io.WriteString(conn, strings.Repeat("A", half))
			synctest.Wait()
		})
		if (read != nil) != c.cut {
			t.Errorf("a body with a pause of %s: %v", c.wait, read)
		}
	}
}

func TestAnAnswerThatIsTakenTooSlowlyIsCutOff(t *testing.T) {
	for _, c := range []struct {
		wait time.Duration
		cut  bool
	}{{24 * time.Second, false}, {26 * time.Second, true}} {
		var written error
		streaming(t, func(c *gin.Context) {
			w, done := StreamAnswer(c, "application/jose", 2*half)
			defer done()
			_, written = io.WriteString(w, strings.Repeat("A", 2*half))
		}, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			_, _ = io.CopyN(io.Discard, conn, half)
			time.Sleep(c.wait)
			_, _ = io.CopyN(io.Discard, conn, half+100)
			synctest.Wait()
		})
		if (written != nil) != c.cut {
			t.Errorf("an answer with a pause of %s: %v", c.wait, written)
		}
	}
}

func TestABodyIsStreamedIfItSaysWhatItIsAndHowLong(t *testing.T) {
	for want, change := range map[Problem]func(*http.Request){
		UnsupportedType.With("expected application/jose"): func(r *http.Request) { r.Header.Set("Content-Type", "text/html") },
		LengthRequired: func(r *http.Request) { r.ContentLength = -1 },
		TooLarge:       func(r *http.Request) { r.ContentLength = 1001 },
		{}:             func(*http.Request) {},
	} {
		c, _ := gin.CreateTestContext(&discard{})
		c.Request, _ = http.NewRequestWithContext(t.Context(), http.MethodPut, "/", strings.NewReader(strings.Repeat("A", 1000)))
		c.Request.Header.Set("Content-Type", "application/jose")
		change(c.Request)
		body, size, err := StreamBody(c, "application/jose", 1000)
		if want == (Problem{}) && (err != nil || size != 1000 || body == nil) || want != (Problem{}) && err != want {
			t.Errorf("%d bytes, %v, want %v", size, err, want)
		}
	}
}

// discard is nobody who waits for an answer.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// noNews is a store of a challenge that does not change.
type noNews struct{ challenge.Store }

func (noNews) Await(context.Context, challenge.ID, uint64, func()) (challenge.Record, func(), error) {
	now := time.Now()
	return challenge.Record{Challenge: challenge.Challenge{ExpiresAt: now.Add(time.Hour)}, Now: now}, func() {}, nil
}

func TestWorkThatTakesTooLongEndsAndIsAnsweredAsTheServersOwnFailure(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		wait    bool
		want    time.Duration
	}{
		"work":                   {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, workTime},
		"work after a body":      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", false, bodyTime + workTime},
		"work after a long wait": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true, longestWait + workTime},
	} {
		var logs strings.Builder
		log := slog.New(slog.NewTextHandler(&logs, nil))
		streaming(t, func(g *gin.Context) {
			began := time.Now()
			LimitTime(g)
			if took := time.Since(began); took != c.want {
				t.Errorf("%s: it took %s", name, took)
			}
		}, func(conn net.Conn) {
			_, _ = io.WriteString(conn, c.request)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !response.Close {
				t.Errorf("%s: %v", name, response)
			}
		}, func(g *gin.Context) {
			silent := func(g *gin.Context, _ Outcome) error {
				<-g.Request.Context().Done() // a store that does not answer
				return fmt.Errorf("the store: %w", g.Request.Context().Err())
			}
			h := func(g *gin.Context) error { return silent(g, Outcome{}) }
			if c.wait {
				w := challenge.NewWaiter(noNews{}, challenge.ID{}, challenge.Latest, longestWait, func(challenge.Record) (bool, error) { return false, nil })
				h = func(g *gin.Context) error {
					return Wait(g, w, crowd.NewRoom(1, crowd.NewWork(1, nil)).Page(challenge.ID{}, w.End), silent)
				}
			}
			Handle(h, Fail(log))(g)
		})
		if !strings.Contains(logs.String(), "the store") {
			t.Errorf("%s: nobody is told: %s", name, &logs)
		}
	}
}

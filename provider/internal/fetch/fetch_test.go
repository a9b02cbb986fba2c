package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func anyAddress(netip.Addr) bool { return true }

func TestAPublicAddressIsLetThrough(t *testing.T) {
	if _, err := resolving(public, []string{"1.1.1.1"}).Get(t.Context(), "https://site.example/jwks"); !errors.Is(err, errReached) {
		t.Error(err)
	}
}

func TestANameThatBecomesPrivateIsRefused(t *testing.T) {
	c := resolving(public, []string{"1.1.1.1"}, []string{"127.0.0.1"})
	if _, err := c.Get(t.Context(), "https://rebound.example/"); !errors.Is(err, errReached) {
		t.Fatalf("the first time: %v", err)
	}
	if _, err := c.Get(t.Context(), "https://rebound.example/"); !errors.Is(err, ErrRefused) {
		t.Errorf("the second time: %v", err)
	}
}

func TestOfSeveralAddressesThePrivateOnesAreNotTried(t *testing.T) {
	mixed := []string{"10.0.0.1", "192.168.0.1", "127.0.0.1"}
	if _, err := resolving(public, mixed).Get(t.Context(), "https://mixed.example/"); !errors.Is(err, ErrRefused) || errors.Is(err, errReached) {
		t.Error(err)
	}
}

func TestNoSpellingOfAPrivateAddressReachesIt(t *testing.T) {
	s, connections := visited(t, true, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "127.0.0.1.", "localhost", "localhost.",
		"LOCALHOST", "localtest.example", "0.0.0.0", "0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "169.254.169.254", "169.254.169.254.", "[fd00:ec2::254]", "[fe80::1%25lo]",
		"10.0.0.1", "192.168.0.1", "１２７.0.0.1", "127。0。0。1",
	} {
		c := resolving(public, []string{"127.0.0.1"}) // the worst that a resolver can make of a spelling
		for _, scheme := range []string{"https", "http"} {
			if _, err := c.Get(t.Context(), scheme+"://"+host+":"+port+"/"); !errors.Is(err, ErrFailed) || errors.Is(err, errReached) {
				t.Errorf("%s://%s: %v", scheme, host, err)
			}
			if _, err := netip.ParseAddr(host); err == nil || host[0] == '[' || host == "localhost" {
				c = New(false) // nobody else needs to be asked
			}
			if status, err := c.PostForm(t.Context(), scheme+"://"+host+":"+port+"/", nil); !errors.Is(err, ErrFailed) || errors.Is(err, errReached) || status != 0 {
				t.Errorf("%s://%s: %d, %v", scheme, host, status, err)
			}
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestWherePrivateAddressesAreAllowedHTTPIsForTheLoopbackAlone(t *testing.T) {
	s, _ := visited(t, false, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		if _, err := New(true).Get(t.Context(), "http://"+host+":"+port+"/"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"10.0.0.1", "169.254.169.254", "0.0.0.0", "192.0.2.1", "[fd00:ec2::254]"} {
		if _, err := New(true).Get(t.Context(), "http://"+host+":"+port+"/"); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestWhatIsNoHTTPSURLIsRefused(t *testing.T) {
	for _, target := range []string{
		"", "http://site.example/", "ftp://site.example/", "file:///etc/passwd", "gopher://site.example/", "//site.example/", "https:///x",
		"https:site.example", "https://user:secret@site.example/", "https://site.example:port/", "https://a b/", "\x00", "data:,x",
	} {
		_, err := resolving(anyAddress, []string{"1.1.1.1"}).Get(t.Context(), target)
		if !errors.Is(err, ErrFailed) || errors.Is(err, errReached) {
			t.Errorf("%q: %v", target, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells a password: %v", err)
		}
	}
}

func TestHTTPSReachesAPrivateAddressWhereThatIsAllowed(t *testing.T) {
	s, _ := visited(t, true, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	c := New(true)
	if _, err := c.Get(t.Context(), s.URL); !errors.Is(err, ErrFailed) {
		t.Errorf("an unknown authority's certificate was taken: %v", err)
	}
	c.https.Transport.(*http.Transport).TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	if d, err := c.Get(t.Context(), s.URL); err != nil || string(d.Body) != "x" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestADocumentComesWithItsType(t *testing.T) {
	c, at := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "qrlogin" || len(r.Cookies()) > 0 || r.Header.Get("Accept") != "image/png, image/jpeg" {
			t.Errorf("it is asked with %v", r.Header)
		}
		w.Header().Set("Content-Type", "Image/PNG; x=y")
		w.Header().Set("Set-Cookie", "a=b")
		fmt.Fprint(w, "picture")
	})
	for range 2 {
		d, err := c.Get(t.Context(), at, "image/png", "image/jpeg")
		if err != nil || string(d.Body) != "picture" || d.Type != "image/png" {
			t.Errorf("%+v, %v", d, err)
		}
	}
}

func TestADocumentOfAnotherTypeIsRefused(t *testing.T) {
	for _, kind := range []string{"text/html", "image/svg+xml", "", "image/png/", "image/*"} {
		c, at := served(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			fmt.Fprint(w, "x")
		})
		if d, err := c.Get(t.Context(), at, "image/png"); !errors.Is(err, ErrFailed) || d.Body != nil {
			t.Errorf("%q: %+v, %v", kind, d, err)
		}
		if d, err := c.Get(t.Context(), at); err != nil || string(d.Body) != "x" {
			t.Errorf("%q, and any is taken: %+v, %v", kind, d, err)
		}
	}
}

func TestAnAnswerThatIsNotOKIsNoDocument(t *testing.T) {
	for _, status := range []int{201, 204, 206, 304, 400, 404, 500} {
		c, at := served(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if d, err := c.Get(t.Context(), at); !errors.Is(err, ErrFailed) || d.Body != nil {
			t.Errorf("%d: %+v, %v", status, d, err)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	target, connections := visited(t, false, func(http.ResponseWriter, *http.Request) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		c, at := served(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) })
		if d, err := c.Get(t.Context(), at); !errors.Is(err, ErrFailed) || d.Body != nil {
			t.Errorf("%d: %+v, %v", status, d, err)
		}
		if got, err := c.PostForm(t.Context(), at, url.Values{"a": {"b"}}); err != nil || got != status {
			t.Errorf("%d: %d, %v", status, got, err)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("it was followed %d times", n)
	}
}

func TestABodyIsWholeOrRefused(t *testing.T) {
	for size, fits := range map[int]bool{0: true, maxBody: true, maxBody + 1: false} {
		c, at := served(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, size)) })
		if d, err := c.Get(t.Context(), at); (err == nil) != fits || fits && len(d.Body) != size || !fits && d.Body != nil {
			t.Errorf("%d bytes: %d, %v", size, len(d.Body), err)
		}
	}
	c, at := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "half")
	})
	if d, err := c.Get(t.Context(), at); !errors.Is(err, ErrFailed) || d.Body != nil {
		t.Errorf("a body that breaks off: %+v, %v", d, err)
	}
}

func TestAnEndlessBodyEnds(t *testing.T) {
	c, at := served(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	if d, err := c.Get(t.Context(), at); !errors.Is(err, ErrFailed) || d.Body != nil {
		t.Errorf("%d bytes, %v", len(d.Body), err)
	}
	if status, err := c.PostForm(t.Context(), at, nil); err != nil || status != 200 {
		t.Errorf("%d, %v", status, err)
	}
}

func TestAnEndlessHeaderIsRefused(t *testing.T) {
	c, at := served(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 2*maxHeader)) })
	if _, err := c.Get(t.Context(), at); !errors.Is(err, ErrFailed) {
		t.Error(err)
	}
}

func TestWhatIsPackedStaysPacked(t *testing.T) {
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	packer.Write(make([]byte, 8<<20))
	packer.Close()
	c, at := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("it is asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	})
	if d, err := c.Get(t.Context(), at); err != nil || !bytes.Equal(d.Body, bomb.Bytes()) {
		t.Errorf("%d bytes, %v", len(d.Body), err)
	}
}

// A byte a second: no wait for one read is long, but the whole is.
func TestASlowServerIsLeftAfterFiveSeconds(t *testing.T) {
	for _, head := range []string{"", "HTTP/1.1 200 OK\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			c := New(true)
			c.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					defer theirs.Close()
					theirs.Read(make([]byte, 4096)) // the request
					for _, err := io.WriteString(theirs, head); err == nil; time.Sleep(time.Second) {
						_, err = io.WriteString(theirs, "x")
					}
				}()
				return ours, nil
			}
			start := time.Now()
			if d, err := c.Get(t.Context(), "http://slow.example/"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrFailed) || d.Body != nil {
				t.Errorf("%+v, %v", d, err)
			}
			if took := time.Since(start); took != 5*time.Second {
				t.Errorf("it took %v", took)
			}
			time.Sleep(2 * time.Second) // so that the server notices
		})
	}
}

func TestACallerThatGivesUpIsNotHeld(t *testing.T) {
	c, at := served(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, at); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrFailed) {
		t.Error(err)
	}
}

func TestAFormIsPosted(t *testing.T) {
	c, at := served(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || string(body) != "logout_token=a.b" || r.UserAgent() != "qrlogin" {
			t.Errorf("%s %v %s", r.Method, r.Header, body)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	if status, err := c.PostForm(t.Context(), at, url.Values{"logout_token": {"a.b"}}); err != nil || status != http.StatusTeapot {
		t.Errorf("%d, %v", status, err)
	}
}

// A proxy would dial in our place; the environment is not asked for one.
func TestNoProxyIsUsed(t *testing.T) {
	for _, c := range []*http.Client{New(true).http, New(true).https, New(false).https} {
		if c.Transport.(*http.Transport).Proxy != nil || c.Jar != nil {
			t.Error("a proxy or a cookie jar")
		}
	}
}

func TestAnErrorIsOneShortLine(t *testing.T) {
	for _, text := range []string{"a\nb", "a\r\n\x1b[31m\u202eb", strings.Repeat("é", 4000), "\xff\xfe"} {
		err := failure{errors.New(text)}
		if s := err.Error(); len(s) > maxText+20 || strings.ContainsAny(s, "\r\n\x1b\u202e") || !utf8.ValidString(s) || !errors.Is(err, ErrFailed) {
			t.Errorf("%q", s)
		}
	}
}

package fetch

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The bounds of one exchange. A body past them is an error, and never a part of itself.
const (
	timeout   = 5 * time.Second // in all, from the name's resolution to the body's end
	maxBody   = 256 << 10
	maxHeader = 16 << 10
	maxConns  = 4 // to one host
)

// Client fetches by https. Where private addresses are allowed it also speaks http, to the loopback alone.
type Client struct {
	https, http *http.Client // http is nil where it is not spoken
}

// New makes a client. allowPrivate is the operator's word that sites lie in the provider's own network.
func New(allowPrivate bool) *Client {
	if !allowPrivate {
		return &Client{https: over(dialer(public))}
	}
	return &Client{https: over(dialer(func(netip.Addr) bool { return true })), http: over(dialer(loopback))}
}

// dialer judges the address that is dialled: the name has been resolved, and nobody resolves it again (DNS rebinding).
func dialer(may func(netip.Addr) bool) *net.Dialer {
	return &net.Dialer{Timeout: timeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err != nil || !may(at.Addr()) {
			return ErrRefused
		}
		return nil
	}}
}

func over(d *net.Dialer) *http.Client {
	return &http.Client{
		Timeout: timeout,
		// A redirect is an answer like any other: registered is the one URL, and a redirect to http would be another door.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ // without a Proxy: it would dial in our place, and check nothing
			DialContext:            d.DialContext,
			TLSHandshakeTimeout:    timeout,
			DisableCompression:     true, // what unfolds on reading has no bound
			DisableKeepAlives:      true, // a minute lies between two requests to a host
			MaxConnsPerHost:        maxConns,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
}

// Document is what was fetched.
type Document struct {
	Body []byte
	Type string // media type without parameters, "" when the server named none
}

// Get fetches a document of one of the media types, or of any when none is named. Every error is an [ErrFailed].
func (c *Client) Get(ctx context.Context, target string, accept ...string) (Document, error) {
	response, err := c.do(ctx, http.MethodGet, target, nil, "Accept", strings.Join(accept, ", "))
	if err != nil {
		return Document{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Document{}, fail(fmt.Sprintf("%s answers %d", target, response.StatusCode))
	}
	d := Document{}
	d.Type, _, _ = mime.ParseMediaType(response.Header.Get("Content-Type"))
	if len(accept) > 0 && !slices.Contains(accept, d.Type) {
		return Document{}, fail(fmt.Sprintf("%s is %q", target, d.Type))
	}
	d.Body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return Document{}, failure{err}
	}
	if len(d.Body) > maxBody {
		return Document{}, fail(fmt.Sprintf("%s is longer than %d bytes", target, maxBody))
	}
	return d, nil
}

// PostForm posts a form and answers the status; what else there is to the answer is not read. Every error is an [ErrFailed].
func (c *Client) PostForm(ctx context.Context, target string, form url.Values) (status int, err error) {
	response, err := c.do(ctx, http.MethodPost, target, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func (c *Client) do(ctx context.Context, method, target string, body io.Reader, header, value string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, failure{err}
	}
	var client *http.Client
	switch request.URL.Scheme {
	case "https":
		client = c.https
	case "http":
		client = c.http
	}
	if client == nil || request.URL.Host == "" || request.URL.User != nil {
		return nil, fail(request.URL.Redacted() + " is no URL to fetch")
	}
	request.Header.Set("User-Agent", "qrlogin")
	if value != "" {
		request.Header.Set(header, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, failure{err}
	}
	return response, nil
}

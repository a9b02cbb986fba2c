package phone

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

const (
	timeout   = 15 * time.Second // of one request, answer included
	slowest   = 64 << 10         // bytes a second: what is uploaded may take longer by this
	maxAnswer = 16 << 20         // bytes of one answer; an export is the longest
	maxTries  = 3                // of one request whose connection drops
	pause     = 200 * time.Millisecond
)

// transport sends the requests of the generated client: each with a fresh proof, none redirected, every answer bounded.
type transport struct {
	client http.Client
	issuer string
	key    *ecdsa.PrivateKey

	mu    sync.Mutex
	nonce string // the newest DPoP-Nonce
}

func newTransport(issuer string, key *ecdsa.PrivateKey, client *http.Client) *transport {
	t := &transport{issuer: issuer, key: key}
	if client != nil {
		t.client = *client
	}
	if t.client.Timeout == 0 {
		t.client.Timeout = timeout
	}
	// A proof is good for one URL, and what a phone sends is for its own provider alone.
	t.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return t
}

// Do sends one request, and once more when the provider asks for a nonce (RFC 9449 section 8).
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	resp, err := t.send(req, body)
	if err != nil || !asksForNonce(resp) {
		return resp, err
	}
	return t.send(req, body)
}

func (t *transport) send(req *http.Request, body []byte) (*http.Response, error) {
	req = req.Clone(req.Context())
	if body != nil || req.Method == http.MethodGet {
		// net/http sends again on its own what has GetBody, and a GET that has no body (an empty one it does not write): the
		// second would carry a used jti.
		req.Body, req.GetBody = io.NopCloser(bytes.NewReader(body)), nil
	}
	if t.needsProof(req.URL) {
		jws, err := proof.SignDPoP(t.key, req.Method, req.URL.String(), t.newestNonce(), time.Now())
		if err != nil {
			return nil, err
		}
		req.Header.Set("DPoP", jws)
	}
	client := t.client
	client.Timeout += time.Duration(len(body)/slowest) * time.Second
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the provider's answer: %w", err)
	}
	if len(text) > maxAnswer {
		return nil, fmt.Errorf("the provider's answer is longer than %d bytes", maxAnswer)
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	if nonce := resp.Header.Get("DPoP-Nonce"); nonce != "" {
		t.mu.Lock()
		t.nonce = nonce
		t.mu.Unlock()
	}
	return resp, nil
}

// needsProof tells the requests that carry a DPoP proof: those to the phone's door, save a decision, which is itself
// signed.
func (t *transport) needsProof(u *url.URL) bool {
	path := strings.TrimPrefix(u.String(), t.issuer)
	return strings.HasPrefix(path, "/phone/") && path != "/phone/decisions"
}

func (t *transport) newestNonce() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nonce
}

// asksForNonce looks into an answer and leaves it readable.
func asksForNonce(resp *http.Response) bool {
	if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("DPoP-Nonce") == "" {
		return false
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(text))
	var p api.Problem
	return err == nil && json.Unmarshal(text, &p) == nil && p.Code == "proof-nonce"
}

// persist calls again while the connection drops. It is for requests that the provider takes twice from the same device
// without harm. It returns how often it called.
func persist(ctx context.Context, call func() error) (tries int, err error) {
	for tries = 1; ; tries++ {
		err = call()
		if err == nil || !dropped(err) || tries == maxTries {
			return tries, err
		}
		select {
		case <-ctx.Done():
			return tries, err
		case <-time.After(time.Duration(tries) * pause):
		}
	}
}

// dropped tells a connection that failed from an answer, a timeout and a cancelled context.
func dropped(err error) bool {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() || errors.Is(err, context.Canceled) {
		return false
	}
	_, op := errors.AsType[*net.OpError](err)
	return op || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

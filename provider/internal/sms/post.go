package sms

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// newClient makes a client that goes where the operator said, on whatever address, and nowhere else: a redirect is an answer as any
// other that is not a 2xx.
func newClient() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post sends a request and reads the answer. Its errors leave the URL out, which may have a secret in it. Where there never was a
// connection, nothing has been sent; as soon as there is one, [ErrMayBeSent].
func post(client *http.Client, r *http.Request) (status int, body []byte, err error) {
	var connected atomic.Bool // a connection may come when nobody waits for it any more
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	response, err := client.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	switch {
	case err != nil && connected.Load():
		return 0, nil, fmt.Errorf("no answer: %w", ErrMayBeSent)
	case err != nil:
		return 0, nil, fmt.Errorf("no connection: %w", reason(err))
	}
	defer response.Body.Close()
	body, _ = io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // the status counts
	return response.StatusCode, body, nil
}

// reason is the part of a client's error that says why there is no connection, and no URL.
func reason(err error) error {
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return failed.Err
	}
	if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return failed
	}
	return errors.New("none in time, or no TLS")
}

// answered is the error of an answer that is not a 2xx. By a 5xx something is wrong over there, before it went out or after.
func answered(status int) error {
	if status >= http.StatusInternalServerError {
		return fmt.Errorf("answered %d: %w", status, ErrMayBeSent)
	}
	return fmt.Errorf("answered %d", status)
}

func taken(status int) bool { return status/100 == 2 }

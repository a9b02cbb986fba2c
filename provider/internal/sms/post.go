package sms

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// newClient makes a client that goes where the operator said, on whatever address, and nowhere else: a redirect is an answer as any
// other that is not a 2xx.
func newClient() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post sends a request and reads the answer. Its errors leave the URL out, which may have a secret in it.
func post(client *http.Client, r *http.Request) (status int, body []byte, err error) {
	response, err := client.Do(r)
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" {
		return 0, nil, fmt.Errorf("no connection: %w", failed.Err)
	}
	if err != nil {
		return 0, nil, ErrMayBeSent
	}
	defer response.Body.Close()
	body, _ = io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // the status counts
	return response.StatusCode, body, nil
}

func taken(status int) bool { return status/100 == 2 }

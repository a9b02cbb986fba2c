package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// healthCommand is for where nothing else can ask: a container that holds the provider alone.
type healthCommand struct {
	OperatorListen string        `default:"127.0.0.1:9001" placeholder:"HOST:PORT" help:"Where the server's operator listens, as for serve; an address that stands for all is asked on this machine (${default})."`
	Ready          bool          `help:"Ask whether it can serve now (/readyz), which takes its stores, and not only whether it lives (/healthz)."`
	Timeout        time.Duration `default:"3s" help:"How long an answer may take (${default})."`
}

// Run answers nil when the server says that it is well.
func (h *healthCommand) Run(ctx context.Context, out io.Writer) error {
	host, port, err := net.SplitHostPort(h.OperatorListen)
	if err != nil {
		return fmt.Errorf("operator-listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	path := "/healthz"
	if h.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	// Not the default client: a proxy that the environment names has no business here.
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10)) // the status counts
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.4096s", path, response.Status, said)
	}
	_, err = fmt.Fprintf(out, "%s\n", said)
	return err
}

package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"qrlogin/provider/app"
)

// embedded is a provider inside this process: one node, or two that share a Redis and a database behind a proxy. Once it
// listens, the shop knows it by its issuer alone.
type embedded struct {
	issuer  string
	parts   []func(context.Context) error // run side by side until the context is done
	closers []func() error                // in the order of opening; closed in reverse
}

// embed opens a provider with the site as its client, in the network of lan unless that is nil.
func embed(ctx context.Context, o options, in *lan, client app.Client, console io.Writer, log *slog.Logger) (_ *embedded, err error) {
	e := &embedded{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	public, err := listen(ctx, "the provider", "--provider-listen", o.ProviderListen)
	if err != nil {
		return nil, err
	}
	e.closing(public)
	e.issuer = localURL(public)
	if in != nil {
		e.issuer, public = in.url(public), tls.NewListener(public, in.tls)
	}
	config := app.Config{
		Issuer: e.issuer, Store: o.Store, Data: o.Data, SMS: "console", Console: console, Log: log,
		ConsoleAnywhere: in != nil, // the terminal is that of who tries it out, and the accounts are nobody's
		Clients:         []app.Client{client},
	}
	if o.Nodes == 1 {
		return e, e.node(ctx, config, public)
	}

	if config.Store == "memory" || config.Store == "miniredis" {
		if config.Store, err = e.startRedis(); err != nil {
			return nil, err
		}
	}
	if config.Data == "" {
		if config.Data, err = os.MkdirTemp("", "relyingparty-demo-"); err != nil {
			return nil, fmt.Errorf("a folder for the two nodes: %w", err)
		}
		e.closers = append(e.closers, func() error { return os.RemoveAll(config.Data) })
	}
	var behind [2]*url.URL
	for i := range behind {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("a port for a node: %w", err)
		}
		e.closing(l)
		behind[i] = &url.URL{Scheme: "http", Host: l.Addr().String()}
		named := config
		named.Log = log.With("node", string(rune('A'+i)))
		if err := e.node(ctx, named, l); err != nil {
			return nil, err
		}
	}
	e.parts = append(e.parts, func(ctx context.Context) error {
		// Not in a hurry: the nodes answer those who wait.
		return serveHTTP(ctx, public, split(behind[0], behind[1]), false)
	})
	return e, nil
}

func (e *embedded) node(ctx context.Context, c app.Config, l net.Listener) error {
	p, err := app.New(ctx, c)
	if err != nil {
		return fmt.Errorf("the provider: %w", err)
	}
	e.closers = append(e.closers, p.Close)
	e.parts = append(e.parts, func(ctx context.Context) error { return p.Serve(ctx, l) })
	return nil
}

// split is the proxy before two nodes: what phones call goes to one, everything else to the other.
func split(browsers, phones *url.URL) http.Handler {
	to := func(node *url.URL) http.Handler {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 64
		return &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(node)
				r.Out.Host = r.In.Host
			},
			Transport: transport,
			ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // browsers that hang up
		}
	}
	first, second := to(browsers), to(phones)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/phone/") {
			second.ServeHTTP(w, r)
			return
		}
		first.ServeHTTP(w, r)
	})
}

// startRedis starts a Redis inside this process, for both nodes, by its listener: its in-process pipe holds up pipelines.
func (e *embedded) startRedis() (string, error) {
	m := miniredis.NewMiniRedis()
	password := rand.Text()
	m.RequireAuth(password)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return "", fmt.Errorf("start miniredis: %w", err)
	}
	e.closers = append(e.closers, func() error { m.Close(); return nil })
	e.parts = append(e.parts, func(ctx context.Context) error {
		const tick = time.Second
		t := time.NewTicker(tick)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				m.FastForward(tick) // keys do not expire by themselves
			case <-ctx.Done():
				return nil
			}
		}
	})
	return "redis://:" + password + "@" + m.Addr() + "/0", nil
}

// run serves until ctx is done or one part fails, which ends the others.
func (e *embedded) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(e.parts))
	var all sync.WaitGroup
	for i, part := range e.parts {
		all.Go(func() {
			defer stop()
			errs[i] = part(ctx)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// closing remembers a listener; that a server has closed it by then is no error.
func (e *embedded) closing(l net.Listener) {
	e.closers = append(e.closers, func() error { _ = l.Close(); return nil })
}

func (e *embedded) close() error {
	var errs []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = append(errs, e.closers[i]())
	}
	e.closers = nil
	return errors.Join(errs...)
}

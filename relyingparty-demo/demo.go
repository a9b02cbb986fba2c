package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"qrlogin/provider/app"
	"qrlogin/relyingparty-demo/kiosk"
	"qrlogin/relyingparty-demo/shop"
)

// demo is what one command runs: the shop, and a provider unless that is somewhere else.
type demo struct {
	url      string
	issuer   string
	listener net.Listener
	shop     *shop.Shop
	provider *embedded      // nil for a provider somewhere else
	machine  *kiosk.Machine // nil without one
	lan      *lan           // nil on this machine alone
}

// start opens everything in the order in which it can fail for a reason that a person can mend: folder, ports, stores.
// console is where the codes appear that an SMS would carry.
func start(ctx context.Context, o options, console, errOut io.Writer) (_ *demo, err error) {
	if o.Data != "" {
		if info, err := os.Stat(o.Data); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("--data=%s is not a folder; make it first", o.Data)
		}
	}
	d := &demo{url: o.URL, issuer: o.Provider}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if o.LAN.on {
		if d.lan, err = openLAN(o.LAN); err != nil {
			return nil, err
		}
		o.Listen, o.ProviderListen = d.lan.at(o.Listen), d.lan.at(o.ProviderListen)
	}
	if d.listener, err = listen(ctx, "the shop", "--listen", o.Listen); err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	switch {
	case d.lan != nil:
		d.url, roots = d.lan.url(d.listener), d.lan.roots
		d.listener = tls.NewListener(d.listener, d.lan.tls)
	case d.url == "":
		d.url = localURL(d.listener)
	}
	id, secret := o.ClientID, o.ClientSecret
	if d.issuer == "" {
		client := clientFor(o, d.url)
		if d.provider, err = embed(ctx, o, d.lan, client, console, logger(errOut, o.Verbose)); err != nil {
			return nil, err
		}
		d.issuer, id, secret = d.provider.issuer, client.ID, client.Secret
	}
	log := logger(errOut, o.Verbose || !o.Play && !o.Kiosk.on) // who logs in is what a person wants to see, unless there is a screen
	d.shop, err = shop.New(shop.Config{
		URL: d.url, Issuer: d.issuer, ClientID: id, ClientSecret: secret, Data: o.Data, Roots: roots, Log: log, Machine: o.Kiosk.on,
	})
	if err == nil && o.Kiosk.on {
		d.machine = kiosk.New(d.shop, o.Kiosk.ID, o.Kiosk.Place, log)
		d.shop.Mount("/kiosk", d.machine.Handler())
	}
	return d, err
}

// clientFor is what the embedded provider knows of the site: the shop, or a machine, which nobody logs in to before they buy.
func clientFor(o options, at string) app.Client {
	c := app.Client{
		ID: "demo-shop", Name: shop.Merchant, Secret: randomSecret(), Origins: []string{at}, RedirectURIs: []string{at + "/login/callback"},
		DetailTypes: []string{"order", "handoff"}, Policy: app.Policy{Preset: o.Policy},
	}
	if o.Kiosk.on {
		c.ID, c.Name, c.DetailTypes = "kiosk", shop.Merchant+" "+o.Kiosk.ID, []string{"order"}
		c.Policy.Orders, c.Policy.Confirmation = "anybody", "none" // a screen in a terminal takes no digits
	}
	return c
}

// run serves until ctx is done or something fails, then stops the shop, and after it the provider that it talks to.
func (d *demo) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	providerCtx, stopProvider := context.WithCancel(context.WithoutCancel(ctx))
	defer stopProvider()
	stopped := make(chan error, 1)
	go func() {
		defer stop()
		if d.provider == nil {
			<-providerCtx.Done()
			stopped <- nil
			return
		}
		stopped <- d.provider.run(providerCtx)
	}()
	err := serveHTTP(ctx, d.listener, d.shop.Handler(), true)
	stopProvider()
	return errors.Join(err, <-stopped, d.close())
}

func (d *demo) close() error {
	var errs []error
	if d.listener != nil {
		_ = d.listener.Close() // the server may have done so
	}
	if d.shop != nil {
		errs = append(errs, d.shop.Close())
	}
	if d.provider != nil {
		errs = append(errs, d.provider.close())
	}
	return errors.Join(errs...)
}

// serveHTTP serves until ctx is done, then lets what is under way end within 8 s. With hurry, the contexts of waiting requests
// end at once, so that a handler that waits for something answers now.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, hurry bool) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute, // longer than any wait: its end would end the request
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // what browsers do wrong
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	if hurry {
		cancel()
	}
	grace, end := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer end()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("stop %s: %w", l.Addr(), err), server.Close())
	}
	return nil
}

// listen says in one line what is wrong with an address, and which flag gives another.
func listen(ctx context.Context, who, flag, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s cannot listen on %s: the port is in use; choose another with %s", who, address, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen on %s: %w; choose another with %s", who, address, err, flag)
	}
	return l, nil
}

// localURL is how a browser on this machine reaches a listener.
func localURL(l net.Listener) string {
	return fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
}

func logger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// randomSecret is a client secret that only this process knows: 256 random bits.
func randomSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

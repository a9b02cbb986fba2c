package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/browser"
	"qrlogin/provider/internal/clientkeys"
	"qrlogin/provider/internal/crowd"
	"qrlogin/provider/internal/dpop"
	"qrlogin/provider/internal/fetch"
	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/memstore"
	"qrlogin/provider/internal/metrics"
	"qrlogin/provider/internal/oauth"
	"qrlogin/provider/internal/passkey"
	"qrlogin/provider/internal/phone"
	"qrlogin/provider/internal/place"
	"qrlogin/provider/internal/redisstore"
	"qrlogin/provider/internal/signout"
	"qrlogin/provider/internal/sms"
	"qrlogin/provider/internal/sqlstore"
	"qrlogin/provider/internal/token"
	"qrlogin/provider/internal/tracing"
	"qrlogin/provider/internal/web"
	"qrlogin/provider/internal/webphone"
)

// Provider is an identity provider, ready to serve.
type Provider struct {
	log     *slog.Logger
	handler http.Handler
	operate http.Handler
	load    load
	traces  *tracing.Traces // nil: none
	closers []func() error  // in the order of opening; closed in reverse
}

// New opens the stores and wires the doors. The caller closes the provider.
func New(ctx context.Context, c Config) (_ *Provider, err error) {
	if c, err = c.complete(); err != nil {
		return nil, err
	}
	limits, err := limit.Parse(c.Limits)
	if err != nil {
		return nil, err
	}
	p := &Provider{log: c.Log}
	defer func() {
		if err != nil {
			_ = p.Close()
		}
	}()

	if p.traces, err = tracing.Open(ctx, c.Log); err != nil {
		return nil, err
	}
	var trace []sqlstore.Trace
	if p.traces != nil {
		p.closers = append(p.closers, p.traces.Close)
		trace = append(trace, p.traces.Statement)
	}
	db, err := c.openDatabase(ctx, trace...)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, db.Close, sweep(db, c.Log))
	if err := putClients(ctx, c, db); err != nil {
		return nil, err
	}
	opened, err := p.openStore(ctx, c, db)
	if err != nil {
		return nil, err
	}
	m := metrics.New()
	store := m.Store(opened)
	sender, err := p.openSender(c)
	if err != nil {
		return nil, err
	}
	places, err := p.openPlaces(c)
	if err != nil {
		return nil, err
	}
	master, err := openMasterKey(c.MasterKey)
	if err != nil {
		return nil, err
	}
	mint, err := p.openMint(ctx, c, master, db)
	if err != nil {
		return nil, err
	}
	numbers, err := openNumbers(ctx, master, db)
	if err != nil {
		return nil, err
	}
	nonceKey, err := db.Secret(ctx, "dpop nonce")
	if err != nil {
		return nil, err
	}

	handleKey, err := db.Secret(ctx, "passkey user handle")
	if err != nil {
		return nil, err
	}

	p.load.connections = c.ConnectionLimit
	p.load.work = crowd.NewWork(c.RequestLimit, web.Unavailable)
	p.load.waiting = crowd.NewRoom(c.WaitingLimit, p.load.work)
	challenges := p.traces.Waits(store)
	box := handoffs.Box{Contents: store, Keys: store}
	proofs := dpop.Verifier{Issuer: c.Issuer, Keys: store, NonceKey: nonceKey}
	outside := fetch.New(c.AllowPrivateNetworks)
	signOut := p.openSignOut(c, db, mint, outside)
	site := &oauth.Door{
		Issuer: c.Issuer, Challenges: challenges, Keys: store, Handoffs: box, Limits: limits, Clients: db, Logins: db, Mint: mint, DPoP: proofs, SignOut: signOut,
		Waiting:    p.load.waiting,
		Assertions: &clientkeys.Verifier{Fetch: outside, First: store.First}, Fetch: outside, Audit: db,
		Redelivery: *c.Redelivery, Log: c.Log,
		RegistrationToken: c.RegistrationToken, Registrar: db, CheckJWKS: clientkeys.ParseJWKS, EnsureKey: mint.Keeper.Ensure,
	}
	page := &browser.Door{
		Issuer: c.Issuer, Challenges: challenges, Keys: store, Handoffs: box, Limits: limits, Clients: db, Audit: db, Waiting: p.load.waiting, Log: c.Log,
	}
	device := &phone.Door{
		Issuer: c.Issuer, Challenges: challenges, Keys: store, Handoffs: box, HandoffLimit: c.HandoffLimit, Limits: limits, Clients: db, Devices: db,
		Audit: db, Numbers: numbers, SMS: m.SMS(sender), Countries: c.Countries, Logins: db, SignOut: signOut, Proofs: proofs, Places: places, Log: c.Log,
		Passkeys: passkey.New(c.Issuer, handleKey), Credentials: db,
	}
	p.observe(c, m, opened, db)
	p.handler, err = route(c, m, p.traces, p.load.work, site, page, device)
	return p, err
}

// route is the whole surface in one look.
func route(c Config, m *metrics.Metrics, traces *tracing.Traces, work *crowd.Work, site *oauth.Door, page *browser.Door, device *phone.Door) (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.ContextWithFallback = true // a waiting handler ends with its client
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = false // one spelling of each path
	r.UseRawPath = true             // an escaped slash is part of a name
	r.RemoteIPHeaders = []string{"X-Forwarded-For"}
	// SECURITY.md §6: an address comes from the connection, or from a trusted proxy; anybody can write a header.
	if err := r.SetTrustedProxies(c.TrustedProxies); err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	if traces != nil {
		r.Use(traces.Requests(c.Issuer))
	}
	r.Use(web.Log(c.Log, m.Request), shed(work), web.LimitBodyTime, web.LimitTime)
	if len(c.TrustedProxies) == 0 {
		r.Use(unnamedProxy(c.Log))
	}
	site.Mount(r)
	page.Mount(r)
	device.Mount(r)
	webphone.Mount(r)
	r.NoRoute(func(c *gin.Context) { web.NotFound.Write(c) })
	r.NoMethod(func(c *gin.Context) {
		if slices.Contains(oauth.Endpoints, c.Request.URL.Path) {
			site.MethodNotAllowed(c)
			return
		}
		web.MethodNotAllowed.Write(c)
	})
	return r, nil
}

func (p *Provider) openStore(ctx context.Context, c Config, db *sqlstore.DB) (metrics.ShortLived, error) {
	if c.Store == "memory" {
		store := memstore.New()
		store.Room = c.HandoffRoom
		p.closers = append(p.closers, store.Close)
		return store, nil
	}
	url := c.Store
	if c.Store == "miniredis" {
		c.Log.Warn("store miniredis keeps everything inside this process; it is for trying out the Redis path, not for production")
		embedded, stop, err := redisstore.Embedded(c.Log)
		if err != nil {
			return nil, err
		}
		p.closers = append(p.closers, func() error { stop(); return nil })
		url = embedded
	}
	store, err := redisstore.New(ctx, url, c.Log)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, store.Close)
	store.Room = c.HandoffRoom
	if p.traces != nil {
		store.Trace(p.traces.Commands)
	}
	id, err := db.ID(ctx)
	if err != nil {
		return nil, err
	}
	return store, store.Bind(ctx, id)
}

// openSignOut makes what ends logins. Its deliveries outlive the requests, and are given a moment when the provider closes.
func (p *Provider) openSignOut(c Config, db *sqlstore.DB, mint *token.Mint, post signout.Post) *signout.Ender {
	ender := &signout.Ender{Store: db, Clients: db, Mint: mint, Post: post, Log: c.Log}
	p.closers = append(p.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), deliveryTime)
		defer cancel()
		ender.Close(ctx)
		return nil
	})
	return ender
}

// openSender makes what sends codes, and says what to look after.
func (p *Provider) openSender(c Config) (*sms.Sender, error) {
	sender, err := sms.Open(sms.Config{By: c.SMS, From: c.SMSFrom, Secret: c.SMSSecret, Issuer: c.Issuer, Console: c.Console})
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, sender.Close)
	if sms.Paid(c.SMS) && !loopback(c.Issuer) && len(c.Countries) == 0 {
		c.Log.Warn("codes are sent to numbers of every country, which invites fraud with paid messages; name those that you serve with --countries")
	}
	return sender, nil
}

// openPlaces answers nil, which finds nothing, where there is no file.
func (p *Provider) openPlaces(c Config) (*place.Places, error) {
	if c.Places == "" {
		return nil, nil
	}
	places, err := place.Open(c.Places, c.Log)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, places.Close)
	return places, nil
}

// openMint makes the mint and has its keys kept.
func (p *Provider) openMint(ctx context.Context, c Config, master *masterKey, db *sqlstore.DB) (*token.Mint, error) {
	subjectKey, err := db.Secret(ctx, "pairwise subject")
	if err != nil {
		return nil, err
	}
	mint, err := token.NewMint(c.Issuer, subjectKey)
	if err != nil {
		return nil, err
	}
	keys, err := openKeys(ctx, c, master, db, mint)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, keys.Close)
	return mint, nil
}

// Handler is the provider's whole HTTP surface.
func (p *Provider) Handler() http.Handler { return p.handler }

// How long stopping may take, all in all under 10 s.
const (
	shutdownTime = 5 * time.Second // for the requests under way
	unaskedTime  = time.Second     // for the first request on a new connection
	deliveryTime = 2 * time.Second // for telling sites of logouts; then there is tracing.FlushTime
)

// Serve answers requests until ctx is done. Then it stops in order: no new connection, an answer for everyone who waits, the
// end of what is under way. It does not close the provider.
func (p *Provider) Serve(ctx context.Context, l net.Listener) error {
	listener := crowd.Listen(l, connections(p.load.connections), p.load.work)
	p.load.listener.Store(listener)
	server := &http.Server{
		Handler:           listener.Parking(p.handler),
		ConnContext:       listener.Context,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      web.AnswerTime,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- listener.Serve(server) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	p.log.Info("stopping: waiting requests are answered, then the rest is finished")
	listener.Stop()
	p.load.waiting.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	defer time.AfterFunc(unaskedTime, listener.CloseUnasked).Stop()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if err = errors.Join(err, listener.Finish(grace)); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// Close closes what New opened, the last first.
func (p *Provider) Close() error {
	if p.load.waiting != nil {
		p.load.waiting.Close()
	}
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	p.closers = nil
	return errors.Join(errs...)
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"qrlogin/provider/app"
)

type serveCommand struct {
	databaseFlags
	Issuer       string        `default:"http://localhost:9000" placeholder:"URL" help:"Public URL of this provider, without a path. Sites and phones are bound to it: it cannot be changed later. https, unless on the loopback (${default})."`
	Listen       string        `default:"localhost:9000" placeholder:"HOST:PORT" help:"Where to listen (${default})."`
	Operator     string        `name:"operator-listen" placeholder:"HOST:PORT" help:"Where to answer the operator: /healthz, /readyz, /metrics (docs/observe.md). Whoever reaches it is answered: keep it off the public network. Without it, nowhere."`
	Store        string        `default:"memory" placeholder:"STORE" help:"Where challenges live for their five minutes: memory, for one process; redis://HOST:PORT, for several, also rediss for TLS, redis-sentinel and redis-cluster (docs/operate.md, Redis); miniredis, to try the Redis path with nothing installed; or file:PATH of one (${default})."`
	SMS          string        `name:"sms" default:"console" placeholder:"SENDER" help:"How the code reaches a phone number at enrolment: console prints it (loopback issuers alone); file:PATH appends a JSON line for another program to send; webhook:URL posts it to a program of yours, signed; twilio:ACCOUNT_SID has Twilio send it. docs/operate.md, Sending codes (${default})."`
	SMSFrom      string        `name:"sms-from" placeholder:"SENDER" help:"With twilio: the number that sends (+15005550006), or the SID of a messaging service (MG…)."`
	SMSSecret    string        `name:"sms-secret" placeholder:"SECRET" help:"With webhook: what signs the requests, whsec_ and base64 of 24 to 64 random bytes. With twilio: the auth token. Or file:PATH. Put it into a file or the environment, not on a command line, which every user of the machine can read."`
	Countries    []string      `placeholder:"CODE" help:"Send codes to numbers of these countries alone, such as CN,DE (ISO 3166). Set it to those that you serve before a gateway sends for you: fraud with paid messages picks the dear ones. Without it, all."`
	Redelivery   time.Duration `default:"10s" help:"How long a site that lost the answer may fetch the same tokens again; 0s turns it off (${default})."`
	HandoffLimit int64         `name:"handoff-limit" default:"5242880" placeholder:"BYTES" help:"How much a phone may hand off to a page, before encryption (${default})."`
	HandoffRoom  int64         `name:"handoff-room" default:"268435456" placeholder:"BYTES" help:"How much all handoffs that wait for their pages may take, encrypted, over all nodes. Past it a phone is told to come back (${default})."`
	Waiting      int           `name:"waiting-limit" default:"16000" placeholder:"N" help:"How many requests may wait at this node: a browser with a code, or a site for its tokens, some 20 kB each. Past it they ask again and again instead. docs/operate.md, When too many come (${default})."`
	Requests     int           `name:"request-limit" default:"1000" placeholder:"N" help:"How many requests this node works on at once; of those that only begin something, half as many. Past it the answer is 503 with Retry-After (${default})."`
	Connections  int           `name:"connection-limit" default:"24000" placeholder:"N" help:"How many connections may be open to this node. Past it those are closed that say or hear nothing for longest. The system must allow as many open files, and 256 more (${default})."`
	KeyRotation  time.Duration `default:"720h" help:"How long a signing key signs before the next one does; 0s for never (${default})."`
	MasterKey    string        `placeholder:"KEY" help:"The private signing keys lie sealed under it: 32 random characters or more, or file:PATH. Put it into a file or the environment, not on a command line, which every user of the machine can read."`
	Clients      string        `placeholder:"FILE" help:"A YAML file of sites that are registered, or replaced, at start: docs/clients.md."`
	Register     string        `name:"registration-token" placeholder:"TOKEN" help:"Let programs that have this token register sites (RFC 7591): at least 32 random characters, or file:PATH. Set it in the environment: a command line can be seen by others on the machine."`
	Proxies      []string      `name:"trusted-proxies" placeholder:"CIDR" help:"Reverse proxies in front of this provider, whose X-Forwarded-For says where a browser or phone is; addresses or networks, separated by commas."`
	Limits       []string      `name:"limit" placeholder:"NAME=MAX/WINDOW" help:"How often something may be done, such as scans-per-device=60/10m, where the default does not fit; once for each limit, or separated by commas. Past it the answer is 429 with Retry-After. docs/operate.md lists the limits, and so does the refusal of a name that is none."`
	Private      bool          `name:"allow-private-networks" help:"Fetch and post what sites register (jwks_uri, logo_uri, backchannel_logout_uri) on private addresses too, and by http on the loopback: for sites in your own network."`
	Places       string        `placeholder:"FILE" help:"A file in MaxMind's format that says in which city an address is (GeoLite2 City, DB-IP City Lite, …): docs/operate.md. Read from the next start on when it changes."`
	LogFormat    string        `default:"text" enum:"text,json" help:"text or json (${default})."`
	LogLevel     slog.Level    `default:"info" help:"debug, info, warn or error (${default})."`
}

// Run serves until ctx is done.
func (s *serveCommand) Run(ctx context.Context) error {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, options)
	if s.LogFormat == "json" {
		handler = slog.NewJSONHandler(os.Stderr, options)
	}
	log := slog.New(handler)

	// The port first: a second start on the same machine fails before it touches the data.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use; choose another with --listen", s.Listen)
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	var operator net.Listener
	if s.Operator != "" {
		if operator, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.Operator); err != nil {
			return fmt.Errorf("listen for the operator: %w", err)
		}
		defer operator.Close()
	}
	provider, err := app.New(ctx, app.Config{
		Issuer: s.Issuer, Store: s.Store, Database: s.Database, Data: s.Data, SMS: s.SMS, SMSFrom: s.SMSFrom, SMSSecret: s.SMSSecret, Countries: s.Countries, Redelivery: &s.Redelivery, Log: log,
		HandoffLimit: s.HandoffLimit, HandoffRoom: s.HandoffRoom, WaitingLimit: s.Waiting, RequestLimit: s.Requests, ConnectionLimit: s.Connections, KeyRotation: &s.KeyRotation, MasterKey: s.MasterKey,
		Limits: s.Limits, TrustedProxies: s.Proxies, AllowPrivateNetworks: s.Private, ClientsFile: s.Clients, RegistrationToken: s.Register,
		Places: s.Places,
	})
	if err != nil {
		return err
	}
	log.Info("serving", "issuer", s.Issuer, "listen", listener.Addr().String(), "store", kindOf(s.Store), "data", cmp.Or(kindOf(s.Database), s.Data))
	stopped := make(chan error, 1)
	over, stop := context.WithCancel(context.WithoutCancel(ctx)) // the operator is answered to the end
	go func() {
		if operator == nil {
			stopped <- nil
			return
		}
		stopped <- provider.ServeOperator(over, operator)
	}()
	ballast := app.Ballast()
	err = provider.Serve(ctx, listener)
	runtime.KeepAlive(ballast)
	stop()
	return errors.Join(err, <-stopped, provider.Close())
}

// kindOf leaves out of the address of a store or database what may be a password.
func kindOf(store string) string {
	for i, r := range store {
		if r == ':' {
			return store[:i]
		}
	}
	return store
}

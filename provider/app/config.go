package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/redisstore"
	"qrlogin/provider/internal/sqlstore"
)

// DefaultRedelivery is how long a redeemed device_code answers the same bytes again, unless Config says otherwise.
const DefaultRedelivery = 10 * time.Second

// DefaultKeyRotation is how long a signing key signs, unless Config says otherwise.
const DefaultKeyRotation = 30 * 24 * time.Hour

// How much phones may hand off, unless Config says otherwise.
const (
	DefaultHandoffLimit = 5 << 20
	DefaultHandoffRoom  = 256 << 20
)

// How much one node takes on at once, unless Config says otherwise: docs/operate.md, When too many come.
const (
	DefaultWaitingLimit    = 16_000
	DefaultRequestLimit    = 1000
	DefaultConnectionLimit = 24_000
)

// Config is what a provider is made of. Its zero values are good for trying out, save Issuer.
type Config struct {
	Issuer     string         // public URL of the provider: an origin, https unless it is on the loopback
	Store      string         // where challenges live: "memory" (default), "miniredis", or redis://… as docs/operate.md, Redis, says; or file:PATH of that
	Database   string         // where accounts live: postgres://…, or file:PATH of that; "" is SQLite
	Data       string         // folder of the SQLite file; "" keeps accounts in memory
	SMS        string         // how enrolment codes are sent: "console" (default; loopback issuers alone), file:PATH, webhook:URL or twilio:ACCOUNT_SID
	Console    io.Writer      // where "console" prints; default os.Stderr
	Redelivery *time.Duration // default DefaultRedelivery; 0 turns redelivery off
	Log        *slog.Logger   // default: text to os.Stderr
	Clients    []Client       // registered, or updated, at start

	SMSFrom   string   // with twilio: the number, or the SID of the messaging service, that sends
	SMSSecret string   // with webhook: what signs the requests; with twilio: the auth token; or file:PATH
	Countries []string // ISO 3166 codes of the countries whose numbers codes are sent to; empty for all

	// ConsoleAnywhere allows SMS "console" for an issuer that is not on the loopback. Whoever reads Console can then add a phone to
	// any number: for a demonstration in one's own network, whose accounts are nobody's.
	ConsoleAnywhere bool

	KeyRotation *time.Duration // default DefaultKeyRotation; 0 for never, otherwise at least 2 h
	MasterKey   string         // the private signing keys lie sealed under it: 32 characters or more, or file:PATH; "" seals nothing

	HandoffLimit int64 // bytes that a phone may hand off to a page, before encryption; 0 for DefaultHandoffLimit
	HandoffRoom  int64 // bytes that all handoffs may take, encrypted, over all nodes; 0 for DefaultHandoffRoom

	WaitingLimit    int // requests that wait at this node; 0 for DefaultWaitingLimit
	RequestLimit    int // requests that are worked on at this node; 0 for DefaultRequestLimit
	ConnectionLimit int // connections that are open to this node; 0 for DefaultConnectionLimit

	Limits []string // NAME=MAX/WINDOW, such as scans-per-device=60/10m; the others are as docs/operate.md says

	// TrustedProxies is the addresses or CIDRs of the reverse proxies in front, whose X-Forwarded-For is believed.
	TrustedProxies []string

	// AllowPrivateNetworks lets the provider fetch and post what clients register (jwks_uri, logo_uri, backchannel_logout_uri) on
	// addresses that are not public.
	AllowPrivateNetworks bool

	Places string // a file in MaxMind's format that says where addresses are, see docs/operate.md; "" for none

	ClientsFile       string // a YAML file of more of them, see docs/clients.md; "" for none
	RegistrationToken string // lets programs register clients (RFC 7591): at least 32 characters, or file:PATH of them; "" lets nobody
}

// maxHandoff is where a page that has to hold one whole comes to its end.
const maxHandoff = 1 << 30

// mostAtOnce is more than any machine takes.
const mostAtOnce = 10_000_000

// complete fills in the defaults and refuses what cannot work, in one clear line each.
func (c Config) complete() (Config, error) {
	if err := checkIssuer(c.Issuer); err != nil {
		return c, err
	}
	var err error
	if c.Store, err = secretOf("store", cmp.Or(c.Store, "memory")); err != nil {
		return c, err
	}
	kind, _, found := strings.Cut(c.Store, "://")
	if !found && strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz") != "" { // the wrong file may hold anything, a password too
		kind = "…"
	}
	if c.Store != "memory" && c.Store != "miniredis" && !slices.Contains(redisstore.Schemes, kind) {
		return c, fmt.Errorf("store %q is not memory, miniredis or redis://HOST:PORT; docs/operate.md has the others", kind)
	}
	if c.SMS == "" {
		c.SMS = "console"
	}
	if c.SMS == "console" && !loopback(c.Issuer) && !c.ConsoleAnywhere {
		return c, fmt.Errorf("sms console is for an issuer on the loopback; %s needs file:PATH, webhook:URL or twilio:ACCOUNT_SID", c.Issuer)
	}
	if c.SMSSecret, err = secretOf("sms secret", c.SMSSecret); err != nil {
		return c, err
	}
	regions := phonenumbers.GetSupportedRegions()
	for _, country := range c.Countries {
		if !regions[country] {
			return c, fmt.Errorf("country %q is not an ISO 3166 code such as DE", country)
		}
	}
	if c.Console == nil {
		c.Console = os.Stderr
	}
	if c.Redelivery == nil {
		d := DefaultRedelivery
		c.Redelivery = &d
	}
	if *c.Redelivery < 0 || *c.Redelivery > time.Minute {
		return c, fmt.Errorf("redelivery %s is not between 0 and 1m", *c.Redelivery)
	}
	if c.KeyRotation == nil {
		d := DefaultKeyRotation
		c.KeyRotation = &d
	}
	if *c.KeyRotation != 0 && *c.KeyRotation < 2*keyLead {
		return c, fmt.Errorf("key rotation %s is neither 0 nor at least 2h", *c.KeyRotation)
	}
	if c.HandoffLimit == 0 {
		c.HandoffLimit = DefaultHandoffLimit
	}
	if c.HandoffRoom == 0 {
		c.HandoffRoom = DefaultHandoffRoom
	}
	if c.HandoffLimit < 0 || c.HandoffLimit > maxHandoff {
		return c, fmt.Errorf("handoff limit %d is not between 1 and %d bytes", c.HandoffLimit, maxHandoff)
	}
	if longest := handoffs.Longest(c.HandoffLimit); c.HandoffRoom < longest {
		return c, fmt.Errorf("handoff room %d has no place for one handoff of the limit, which takes %d bytes when it is encrypted", c.HandoffRoom, longest)
	}
	c.WaitingLimit = cmp.Or(c.WaitingLimit, DefaultWaitingLimit)
	c.RequestLimit = cmp.Or(c.RequestLimit, DefaultRequestLimit)
	c.ConnectionLimit = cmp.Or(c.ConnectionLimit, DefaultConnectionLimit)
	for name, n := range map[string]int{"waiting": c.WaitingLimit, "request": c.RequestLimit, "connection": c.ConnectionLimit} {
		if n < 1 || n > mostAtOnce {
			return c, fmt.Errorf("%s limit %d is not between 1 and %d", name, n, mostAtOnce)
		}
	}
	if c.RegistrationToken, err = secretOf("registration token", c.RegistrationToken); err != nil {
		return c, err
	}
	if t := c.RegistrationToken; t != "" && (len(t) < 32 || strings.Trim(t, token68) != "") {
		return c, errors.New("the registration token is not at least 32 letters, digits, - and _: make one with openssl rand -hex 32")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return c, nil
}

// openDatabase opens what Database and Data say.
func (c Config) openDatabase(ctx context.Context, trace ...sqlstore.Trace) (*sqlstore.DB, error) {
	if c.Database != "" {
		url, err := secretOf("database", c.Database)
		if err != nil {
			return nil, err
		}
		return sqlstore.OpenPostgres(ctx, url, trace...)
	}
	return sqlstore.Open(ctx, c.Data, trace...)
}

// openKept is openDatabase for a command, of which nothing would be left in memory.
func (c Config) openKept(ctx context.Context) (*sqlstore.DB, error) {
	if c.Database == "" && c.Data == "" {
		return nil, errors.New("no data folder and no database: what is done in memory is forgotten at once")
	}
	return c.openDatabase(ctx)
}

// secretOf reads a secret that is given as it is, or as file:PATH.
func secretOf(what, spec string) (string, error) {
	path, isFile := strings.CutPrefix(spec, "file:")
	if !isFile {
		return spec, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	secret := strings.TrimSpace(string(content)) // an editor ends a file with a line break
	if secret == "" {
		return "", fmt.Errorf("%s: %s is empty", what, path)
	}
	return secret, nil
}

// token68 is what a bearer token is made of (RFC 6750 §2.1).
const token68 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/="

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if issuer == "" || err != nil || u.Host == "" || u.Scheme+"://"+u.Host != issuer || strings.ToLower(issuer) != issuer {
		return fmt.Errorf("issuer %q is not an origin such as https://login.example", issuer)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(issuer)) {
		return fmt.Errorf("issuer %s is not https; http is for the loopback alone", issuer)
	}
	return nil
}

func loopback(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

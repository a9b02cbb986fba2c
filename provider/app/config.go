package app

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"qrlogin/provider/internal/identity"
)

// DefaultRedelivery is how long a redeemed device_code answers the same bytes again, unless Config says otherwise.
const DefaultRedelivery = 10 * time.Second

// DefaultKeyRotation is how long a signing key signs, unless Config says otherwise.
const DefaultKeyRotation = 30 * 24 * time.Hour

// Config is what a provider is made of. Its zero values are good for trying out, save Issuer.
type Config struct {
	Issuer     string         // public URL of the provider: an origin, https unless it is on the loopback
	Store      string         // where challenges live: "memory" (default), "miniredis", or redis://… (rediss://, unix://)
	Data       string         // folder of the SQLite file; "" keeps accounts in memory
	SMS        string         // how enrolment codes are sent: "console" (default; loopback issuers alone), or file:PATH
	Console    io.Writer      // where "console" prints; default os.Stderr
	Redelivery *time.Duration // default DefaultRedelivery; 0 turns redelivery off
	Log        *slog.Logger   // default: text to os.Stderr
	Clients    []Client       // registered, or updated, at start

	KeyRotation *time.Duration // default DefaultKeyRotation; 0 for never, otherwise at least 2 h
	MasterKey   string         // the private signing keys lie sealed under it: 32 characters or more, or file:PATH; "" seals nothing
}

// Client is a site to register.
type Client struct {
	ID       string
	Secret   string   // 256 random bits, in any writing; "" makes a public client
	Name     string   // shown on the phone; default ID
	Origins  []string // whose pages show the code, as "https://shop.example"
	Scopes   []string // default openid and phone
	Sector   string   // sites of one sector see the same sub; default the first origin's host
	StaticQR bool     // the site may show codes that do not rotate
}

// complete fills in the defaults and refuses what cannot work, in one clear line each.
func (c Config) complete() (Config, error) {
	if err := checkIssuer(c.Issuer); err != nil {
		return c, err
	}
	if c.Store == "" {
		c.Store = "memory"
	}
	kind, _, _ := strings.Cut(c.Store, "://")
	if !slices.Contains([]string{"memory", "miniredis", "redis", "rediss", "unix"}, kind) {
		return c, fmt.Errorf("store %q is not memory, miniredis or redis://HOST:PORT", c.Store)
	}
	if c.SMS == "" {
		c.SMS = "console"
	}
	if c.SMS == "console" && !loopback(c.Issuer) {
		return c, fmt.Errorf("sms console is for an issuer on the loopback; %s needs file:PATH", c.Issuer)
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
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return c, nil
}

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

// NewClient checks a site's registration and makes the record of it.
func NewClient(c Client) (identity.Client, error) {
	if c.Name == "" {
		c.Name = c.ID
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid", "phone"}
	}
	if c.ID == "" || len(c.ID) > 128 || strings.ContainsFunc(c.ID, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return identity.Client{}, fmt.Errorf("client id %q is not 1 to 128 printable ASCII characters without spaces", c.ID)
	}
	if !identity.ValidName(c.Name) {
		return identity.Client{}, fmt.Errorf("client %s: the name is not 1 to 64 printable characters", c.ID)
	}
	for _, origin := range c.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || u.Scheme != "https" && u.Scheme != "http" {
			return identity.Client{}, fmt.Errorf("client %s: origin %q is not like https://shop.example", c.ID, origin)
		}
		if u.Scheme == "http" && !loopback(origin) {
			return identity.Client{}, fmt.Errorf("client %s: origin %s is not https; http is for the loopback alone", c.ID, origin)
		}
	}
	for _, scope := range c.Scopes {
		if !slices.Contains([]string{"openid", "phone"}, scope) {
			return identity.Client{}, fmt.Errorf("client %s: scope %q is not openid or phone", c.ID, scope)
		}
	}
	record := identity.Client{
		ID: c.ID, Name: c.Name, Origins: c.Origins, Scopes: c.Scopes, Sector: c.Sector, StaticQR: c.StaticQR,
		CreatedAt: time.Now(),
	}
	if c.Secret != "" {
		record.SecretHash = identity.HashSecret(c.Secret)
	}
	return record, nil
}

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/clientkeys"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
)

// Client is a site to register.
type Client struct {
	ID      string
	Secret  string // 256 random bits, in any writing; a client without secret and keys is public
	JWKS    []byte // its public keys (RFC 7517), for private_key_jwt
	JWKSURI string // where it publishes them instead
	Name    string // shown on the phone; default ID

	Origins                []string // whose pages show the code, as "https://shop.example"
	RedirectURIs           []string // where the code of the code flow may go
	PostLogoutRedirectURIs []string // where the browser may go after a logout
	BackchannelLogoutURI   string   // where the site is told of logouts
	LogoURI                string   // shown on the hosted page

	Scopes       []string // default openid and phone; offline_access for refresh tokens
	Resources    []string // audiences that it may ask for (RFC 8707)
	DetailTypes  []string // what it may ask for beyond a login, order and handoff (RFC 9396 §10); default none
	Sector       string   // sites of one sector see the same sub; default the first page's host
	SigningAlg   string   // of its ID tokens, ES256 or RS256; default ES256
	Policy       Policy   // how strict the site is
	PKCEOptional bool     // the code flow works without PKCE; never for a public client
	RequirePAR   bool     // the site must push its authorization requests (RFC 9126)
}

// Policy is how strict a site is with the codes that it shows, and with what a login gives out. Its zero value is the preset
// "standard".
type Policy = identity.Policy

// minSecret is 128 random bits in base64: a secret is stored under a fast hash, so it must not be guessable (ADR 0002).
const minSecret = 22

// NewClient checks a site's registration and makes the record of it.
func NewClient(c Client) (identity.Client, error) {
	record := identity.Client{
		ID: c.ID, Name: cmp.Or(c.Name, c.ID), CreatedAt: time.Now(), JWKS: c.JWKS, JWKSURI: c.JWKSURI,
		Origins: c.Origins, RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
		BackchannelLogoutURI: c.BackchannelLogoutURI, LogoURI: c.LogoURI,
		Scopes: c.Scopes, Resources: c.Resources, DetailTypes: c.DetailTypes, Sector: c.Sector, SigningAlg: cmp.Or(c.SigningAlg, "ES256"),
		Policy: c.Policy, PKCEOptional: c.PKCEOptional, RequirePAR: c.RequirePAR,
	}
	if len(c.Scopes) == 0 {
		record.Scopes = []string{"openid", "phone"}
	}
	if c.Secret != "" {
		record.SecretHash = identity.HashSecret(c.Secret)
	}
	if err := record.Check(); err != nil {
		return identity.Client{}, fmt.Errorf("client %.128q: %w", c.ID, err)
	}
	if len(c.JWKS) > 0 {
		if err := clientkeys.ParseJWKS(c.JWKS); err != nil {
			return identity.Client{}, fmt.Errorf("client %q: jwks: %w", c.ID, err)
		}
	}
	if c.Secret != "" && len(c.Secret) < minSecret {
		return identity.Client{}, fmt.Errorf(
			"client %q: the secret is shorter than %d characters; make a random one with openssl rand -hex 32", c.ID, minSecret)
	}
	return record, nil
}

// putClients registers the clients of the configuration and of its file: all of them, or none if one cannot be.
func putClients(ctx context.Context, c Config, db *sqlstore.DB) error {
	clients := c.Clients
	if c.ClientsFile != "" {
		more, err := readClients(c.ClientsFile)
		if err != nil {
			return err
		}
		clients = slices.Concat(clients, more)
	}
	records := make([]identity.Client, 0, len(clients))
	for _, client := range clients {
		record, err := NewClient(client)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	for _, record := range records {
		if err := db.PutClient(ctx, record); err != nil {
			return err
		}
	}
	return nil
}

// Registry is the registered clients in a provider's database, for the command line. It may be used while a server runs on the same
// one; the server sees a new client with its next request, and another change within a second.
type Registry struct{ db *sqlstore.DB }

// Errors of a registry.
var (
	ErrUnknownClient = identity.ErrUnknownClient
	ErrClientExists  = errors.New("this client id is taken")
)

// OpenRegistry opens the database of a provider: of its configuration, Database and Data count. The folder is made if its parent exists.
func OpenRegistry(ctx context.Context, c Config) (*Registry, error) {
	db, err := c.openKept(ctx)
	if err != nil {
		return nil, err
	}
	return &Registry{db: db}, nil
}

// Add registers a client and answers its new secret, which is stored as a hash and cannot be had again; "" for a public one
// and for one with keys.
func (r *Registry) Add(ctx context.Context, c Client, public bool) (secret string, err error) {
	keys := len(c.JWKS) > 0 || c.JWKSURI != ""
	if public && keys {
		return "", fmt.Errorf("client %q: a public client has no keys", c.ID)
	}
	if !public && !keys {
		secret = challenge.NewSecret()
		c.Secret = secret
	}
	record, err := NewClient(c)
	if err != nil {
		return "", err
	}
	switch _, err := r.db.Client(ctx, c.ID); {
	case err == nil:
		return "", fmt.Errorf("client %s: %w", c.ID, ErrClientExists)
	case !errors.Is(err, identity.ErrUnknownClient):
		return "", err
	}
	return secret, r.db.PutClient(ctx, record)
}

// Registered is a client as the registry has it: without its secret, which nobody knows.
type Registered struct {
	Client
	Authentication string // "secret", "keys", or "none" for a public client
	CreatedAt      time.Time
}

// Client is one of them; [ErrUnknownClient].
func (r *Registry) Client(ctx context.Context, id string) (Registered, error) {
	record, err := r.db.Client(ctx, id)
	if err != nil {
		return Registered{}, err
	}
	return registered(record), nil
}

// List is all clients.
func (r *Registry) List(ctx context.Context) ([]Registered, error) {
	records, err := r.db.Clients(ctx)
	if err != nil {
		return nil, err
	}
	clients := make([]Registered, 0, len(records))
	for _, c := range records {
		clients = append(clients, registered(c))
	}
	return clients, nil
}

func registered(c identity.Client) Registered {
	r := Registered{CreatedAt: c.CreatedAt, Authentication: "secret", Client: Client{
		ID: c.ID, JWKS: c.JWKS, JWKSURI: c.JWKSURI, Name: c.Name,
		Origins: c.Origins, RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
		BackchannelLogoutURI: c.BackchannelLogoutURI, LogoURI: c.LogoURI,
		Scopes: c.Scopes, Resources: c.Resources, DetailTypes: c.DetailTypes, Sector: c.Sector, SigningAlg: c.SigningAlg,
		Policy: c.Policy, PKCEOptional: c.PKCEOptional, RequirePAR: c.RequirePAR,
	}}
	switch {
	case c.HasKeys():
		r.Authentication = "keys"
	case c.Public():
		r.Authentication = "none"
	}
	return r
}

// Remove forgets a client; [ErrUnknownClient]. Its challenges end unredeemed.
func (r *Registry) Remove(ctx context.Context, id string) error { return r.db.RemoveClient(ctx, id) }

// Close closes the data folder.
func (r *Registry) Close() error { return r.db.Close() }

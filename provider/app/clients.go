package app

import (
	"context"
	"errors"
	"fmt"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
)

// Registry is the registered clients of a provider's data folder, for the command line. It may be used while a server runs
// on the same folder; the server sees a change with its next request.
type Registry struct{ db *sqlstore.DB }

// Errors of a registry.
var (
	ErrUnknownClient = identity.ErrUnknownClient
	ErrClientExists  = errors.New("this client id is taken")
)

// OpenRegistry opens the data folder, which is made if its parent exists.
func OpenRegistry(ctx context.Context, data string) (*Registry, error) {
	if data == "" {
		return nil, errors.New("no data folder: without one, clients would be forgotten at once")
	}
	db, err := sqlstore.Open(ctx, data)
	if err != nil {
		return nil, err
	}
	return &Registry{db: db}, nil
}

// Add registers a client and answers its new secret, which is stored as a hash and cannot be had again; "" for a public one.
func (r *Registry) Add(ctx context.Context, c Client, public bool) (secret string, err error) {
	if !public {
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

// List is all clients, without their secrets, which nobody knows.
func (r *Registry) List(ctx context.Context) ([]Client, error) {
	records, err := r.db.Clients(ctx)
	if err != nil {
		return nil, err
	}
	clients := make([]Client, 0, len(records))
	for _, c := range records {
		clients = append(clients, Client{ID: c.ID, Name: c.Name, Origins: c.Origins, Scopes: c.Scopes, Sector: c.Sector, StaticQR: c.StaticQR})
	}
	return clients, nil
}

// Remove forgets a client; [ErrUnknownClient]. Its challenges end unredeemed.
func (r *Registry) Remove(ctx context.Context, id string) error { return r.db.RemoveClient(ctx, id) }

// Close closes the data folder.
func (r *Registry) Close() error { return r.db.Close() }

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"qrlogin/provider/internal/identity"
)

// Client answers the client by its id, as it is now: another process may have changed it a moment ago, so nothing is cached.
// [identity.ErrUnknownClient].
func (db *DB) Client(ctx context.Context, id string) (identity.Client, error) {
	c, err := scanClient(db.client.QueryRowContext(hot(ctx), id))
	if errors.Is(err, sql.ErrNoRows) {
		return identity.Client{}, identity.ErrUnknownClient
	}
	if err != nil {
		return identity.Client{}, fmt.Errorf("sqlstore: client: %w", err)
	}
	return c, nil
}

const selectClient = `SELECT id, name, secret_hash, origins, scopes, sector, static_qr, created_at FROM clients`

func scanClient(r row) (identity.Client, error) {
	var c identity.Client
	var origins, scopes string
	var at int64
	err := r.Scan(&c.ID, &c.Name, &c.SecretHash, &origins, &scopes, &c.Sector, &c.StaticQR, &at)
	c.Origins, c.Scopes, c.CreatedAt = split(origins), split(scopes), fromMillis(at)
	return c, err
}

// PutClient inserts the client, or replaces all of it but the time of its creation.
func (db *DB) PutClient(ctx context.Context, c identity.Client) error {
	origins, err := join(c.Origins)
	if err != nil {
		return fmt.Errorf("sqlstore: client %q: origin %w", c.ID, err)
	}
	scopes, err := join(c.Scopes)
	if err != nil {
		return fmt.Errorf("sqlstore: client %q: scope %w", c.ID, err)
	}
	if len(c.SecretHash) == 0 {
		c.SecretHash = nil
	}
	err = db.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO clients (id, name, secret_hash, origins, scopes, sector, static_qr, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO UPDATE SET
				name = excluded.name, secret_hash = excluded.secret_hash, origins = excluded.origins,
				scopes = excluded.scopes, sector = excluded.sector, static_qr = excluded.static_qr`,
			c.ID, c.Name, c.SecretHash, origins, scopes, c.Sector, c.StaticQR, millis(c.CreatedAt))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM client_origins WHERE client = $1`, c.ID); err != nil {
			return err
		}
		for _, origin := range c.Origins {
			_, err := tx.ExecContext(ctx, `INSERT INTO client_origins (origin, client) VALUES ($1, $2) ON CONFLICT DO NOTHING`, origin, c.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sqlstore: client %q: %w", c.ID, err)
	}
	return nil
}

// RemoveClient forgets the client and its origins. [identity.ErrUnknownClient].
func (db *DB) RemoveClient(ctx context.Context, id string) error {
	result, err := db.write.ExecContext(ctx, `DELETE FROM clients WHERE id = $1`, id)
	return changedOne(result, err, "remove client", identity.ErrUnknownClient)
}

// Clients answers every client, by id.
func (db *DB) Clients(ctx context.Context) ([]identity.Client, error) {
	rows, err := db.read.QueryContext(ctx, selectClient+` ORDER BY id`)
	list, err := all(rows, err, scanClient)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: clients: %w", err)
	}
	return list, nil
}

// RegisteredOrigin tells whether pages of this origin belong to any client.
func (db *DB) RegisteredOrigin(ctx context.Context, origin string) (bool, error) {
	var found bool
	if err := db.origin.QueryRowContext(hot(ctx), origin).Scan(&found); err != nil {
		return false, fmt.Errorf("sqlstore: origin: %w", err)
	}
	return found, nil
}

const selectOrigin = `SELECT EXISTS (SELECT 1 FROM client_origins WHERE origin = $1)`

// join makes one text of origins or scopes. Neither may contain white space (RFC 6454 §6.2, RFC 6749 §3.3): it would come back
// as two.
func join(list []string) (string, error) {
	for _, s := range list {
		if s == "" || strings.ContainsFunc(s, unicode.IsSpace) {
			return "", fmt.Errorf("%q is empty or contains white space", s)
		}
	}
	return strings.Join(list, " "), nil
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"qrlogin/provider/internal/identity"
)

// Client answers the client by its id, whose lists the caller must not change. What another process did to it counts after a second.
// [identity.ErrUnknownClient].
func (db *DB) Client(ctx context.Context, id string) (identity.Client, error) {
	c, ok, changes := db.lately.get(id)
	if ok {
		return c, nil
	}
	c, err := scanClient(db.client.QueryRowContext(db.hot(ctx), id))
	if errors.Is(err, sql.ErrNoRows) {
		return identity.Client{}, identity.ErrUnknownClient
	}
	if err != nil {
		return identity.Client{}, fmt.Errorf("sqlstore: client: %w", err)
	}
	db.lately.keep(c, changes)
	return c, nil
}

// Each column of an answer costs the driver a few allocations: what has no white space comes as one column of lines.
const (
	selectClient = `SELECT id, name, secret_hash, jwks, sector, pkce_optional, require_par, created_at,
		origins` + newline + `redirect_uris` + newline + `post_logout_redirect_uris` + newline + `scopes` + newline + `resources` + newline +
		`detail_types` + newline +
		`backchannel_logout_uri` + newline + `logo_uri` + newline + `jwks_uri` + newline + `signing_alg` + newline + `policy FROM clients`
	newline = " || '\n' || "
)

func scanClient(r row) (identity.Client, error) {
	var c identity.Client
	var lines string
	var at int64
	err := r.Scan(&c.ID, &c.Name, &c.SecretHash, &c.JWKS, &c.Sector, &c.PKCEOptional, &c.RequirePAR, &at, &lines)
	for _, list := range []*[]string{&c.Origins, &c.RedirectURIs, &c.PostLogoutRedirectURIs, &c.Scopes, &c.Resources, &c.DetailTypes} {
		var line string
		line, lines, _ = strings.Cut(lines, "\n")
		*list = split(line)
	}
	for _, one := range []*string{&c.BackchannelLogoutURI, &c.LogoURI, &c.JWKSURI, &c.SigningAlg} {
		*one, lines, _ = strings.Cut(lines, "\n")
	}
	c.CreatedAt = fromMillis(at)
	if err == nil && lines != "" {
		err = json.Unmarshal([]byte(lines), &c.Policy)
	}
	return c, err
}

// PutClient inserts the client, or replaces all of it but the time of its creation. Its ID tokens are signed with ES256 unless
// it says otherwise.
func (db *DB) PutClient(ctx context.Context, c identity.Client) error {
	if c.SigningAlg == "" {
		c.SigningAlg = "ES256"
	}
	var lists [6]string
	for i, list := range [...][]string{c.Origins, c.RedirectURIs, c.PostLogoutRedirectURIs, c.Scopes, c.Resources, c.DetailTypes} {
		var err error
		if lists[i], err = join(list); err != nil {
			return fmt.Errorf("sqlstore: client %q: %w", c.ID, err)
		}
	}
	for _, one := range []string{c.BackchannelLogoutURI, c.LogoURI, c.JWKSURI, c.SigningAlg} {
		if strings.ContainsFunc(one, unicode.IsSpace) {
			return fmt.Errorf("sqlstore: client %q: %q contains white space", c.ID, one)
		}
	}
	policy := ""
	if says, err := json.Marshal(c.Policy); err != nil {
		return fmt.Errorf("sqlstore: client %q: %w", c.ID, err)
	} else if string(says) != "{}" {
		policy = string(says)
	}
	if len(c.SecretHash) == 0 {
		c.SecretHash = nil
	}
	if len(c.JWKS) == 0 {
		c.JWKS = nil
	}
	err := db.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO clients (id, name, secret_hash, jwks, jwks_uri, origins, redirect_uris, post_logout_redirect_uris, scopes, resources, detail_types,
				backchannel_logout_uri, logo_uri, sector, signing_alg, policy, pkce_optional, require_par, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
			ON CONFLICT (id) DO UPDATE SET
				name = excluded.name, secret_hash = excluded.secret_hash, jwks = excluded.jwks, jwks_uri = excluded.jwks_uri,
				origins = excluded.origins, redirect_uris = excluded.redirect_uris,
				post_logout_redirect_uris = excluded.post_logout_redirect_uris, scopes = excluded.scopes, resources = excluded.resources,
				detail_types = excluded.detail_types,
				backchannel_logout_uri = excluded.backchannel_logout_uri, logo_uri = excluded.logo_uri, sector = excluded.sector,
				signing_alg = excluded.signing_alg, policy = excluded.policy, pkce_optional = excluded.pkce_optional,
				require_par = excluded.require_par`,
			c.ID, c.Name, c.SecretHash, c.JWKS, c.JWKSURI, lists[0], lists[1], lists[2], lists[3], lists[4], lists[5],
			c.BackchannelLogoutURI, c.LogoURI, c.Sector, c.SigningAlg, policy, c.PKCEOptional, c.RequirePAR, millis(c.CreatedAt))
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
	db.lately.forget(c.ID)
	if err != nil {
		return fmt.Errorf("sqlstore: client %q: %w", c.ID, err)
	}
	return nil
}

// RemoveClient forgets the client and its origins. [identity.ErrUnknownClient].
func (db *DB) RemoveClient(ctx context.Context, id string) error {
	result, err := db.exec(ctx, `DELETE FROM clients WHERE id = $1`, id)
	db.lately.forget(id)
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
	if err := db.origin.QueryRowContext(db.hot(ctx), origin).Scan(&found); err != nil {
		return false, fmt.Errorf("sqlstore: origin: %w", err)
	}
	return found, nil
}

const selectOrigin = `SELECT EXISTS (SELECT 1 FROM client_origins WHERE origin = $1)`

// join makes one text of origins, scopes or URIs. None may contain white space (RFC 6454 §6.2, RFC 6749 §3.3, RFC 3986 §2): it
// would come back as two.
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

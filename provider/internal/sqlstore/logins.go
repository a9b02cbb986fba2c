package sqlstore

import (
	"context"
	"fmt"

	"qrlogin/provider/internal/identity"
)

// RecordLogin writes the login of a challenge, once: when there is one already, that one is answered, with fresh false
// (RFC 10027 §6.1.3). Of many calls at once for a challenge one is fresh.
func (db *DB) RecordLogin(ctx context.Context, l identity.Login) (stored identity.Login, fresh bool, err error) {
	at := millis(l.At)
	l.At, l.Address, l.UserAgent = fromMillis(at), text(l.Address), text(l.UserAgent)
	result, err := db.recordLogin.ExecContext(hot(ctx), l.ID, l.Challenge, l.Client, l.Account, l.Device, l.Address, l.UserAgent, at)
	if err != nil {
		return identity.Login{}, false, fmt.Errorf("sqlstore: record login: %w", err)
	}
	inserted, err := result.RowsAffected()
	if err != nil {
		return identity.Login{}, false, fmt.Errorf("sqlstore: record login: %w", err)
	}
	if inserted == 1 {
		return l, true, nil
	}
	if err := db.read.QueryRowContext(ctx, selectLogin, l.Challenge).
		Scan(&stored.ID, &stored.Challenge, &stored.Client, &stored.Account, &stored.Device, &stored.Address, &stored.UserAgent, &at); err != nil {
		return identity.Login{}, false, fmt.Errorf("sqlstore: recorded login: %w", err)
	}
	stored.At = fromMillis(at)
	return stored, false, nil
}

const insertLogin = `
	INSERT INTO logins (id, challenge, client, account, device, address, user_agent, at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (challenge) DO NOTHING`

const selectLogin = `SELECT id, challenge, client, account, device, address, user_agent, at FROM logins WHERE challenge = $1`

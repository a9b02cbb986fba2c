package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"qrlogin/provider/internal/identity"
)

// AddRefreshToken adds a refresh token to a login. [identity.ErrEnded] when the login has ended, [identity.ErrUnknownLogin].
func (db *DB) AddRefreshToken(ctx context.Context, t identity.RefreshToken) error {
	err := db.within(ctx, func(tx *sql.Tx) error {
		if err := holdLogin(ctx, tx, t.Login); err != nil {
			return err
		}
		return insertRefreshToken(ctx, tx, t)
	})
	return failure("add refresh token", err)
}

// RefreshToken answers the refresh token by its hash, with its login and whether it was used. Whether it has expired is for
// the caller to see; one that was expired when [DB.Sweep] ran is gone, as is one whose login has ended.
// [identity.ErrUnknownLogin].
func (db *DB) RefreshToken(ctx context.Context, hash string) (t identity.RefreshToken, l identity.Login, used bool, err error) {
	var expires int64
	l, err = scanLoginAnd(db.read.QueryRowContext(ctx, `
		SELECT `+loginColumns+`, thumbprint, expires_at, used_at IS NOT NULL
		FROM refresh_tokens JOIN logins ON logins.id = refresh_tokens.login WHERE hash = $1`, hash), &t.Thumbprint, &expires, &used)
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrUnknownLogin
	}
	if err != nil {
		return identity.RefreshToken{}, identity.Login{}, false, failure("refresh token", err)
	}
	t.Hash, t.Login, t.ExpiresAt = hash, l.ID, fromMillis(expires)
	return t, l, used, nil
}

// RotateRefreshToken marks the refresh token of that hash as used and adds the next one to its login; next.Login is ignored.
// Of many calls at once for one token one succeeds. [identity.ErrEnded], and nothing has changed, when it was used before, when
// its login has ended, and when there is no such token.
//
// A used token stays until it expires, so that its reuse is noticed (RFC 9700 §4.14.2).
func (db *DB) RotateRefreshToken(ctx context.Context, hash string, next identity.RefreshToken, at time.Time) error {
	err := db.within(ctx, func(tx *sql.Tx) error {
		// The login before the token: who ends a login takes them in this order too.
		err := tx.QueryRowContext(ctx, `SELECT login FROM refresh_tokens WHERE hash = $1`, hash).Scan(&next.Login)
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrEnded
		}
		if err != nil {
			return err
		}
		if err := holdLogin(ctx, tx, next.Login); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL`, hash, millis(at))
		if err := changed(result, err, identity.ErrEnded); err != nil {
			return err
		}
		return insertRefreshToken(ctx, tx, next)
	})
	return failure("rotate refresh token", err)
}

func insertRefreshToken(ctx context.Context, tx *sql.Tx, t identity.RefreshToken) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO refresh_tokens (hash, login, thumbprint, expires_at) VALUES ($1, $2, $3, $4)`,
		t.Hash, t.Login, t.Thumbprint, millis(t.ExpiresAt))
	return err
}

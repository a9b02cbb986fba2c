package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"qrlogin/provider/internal/identity"
)

// PutSession adds the session. One that is there already stays as it is: of many that begin the same one, the first counts. An
// account that is not there gets none.
func (db *DB) PutSession(ctx context.Context, s identity.Session) error {
	amr, err := join(s.AMR)
	if err != nil {
		return failure("put session", err)
	}
	err = run(ctx, db.putSession, s.ID, s.Account, s.Device, millis(s.AuthTime), s.ACR, amr, millis(s.ExpiresAt))
	return failure("put session", err)
}

const insertSession = `
	INSERT INTO sessions (id, account, device, auth_time, acr, amr, expires_at)
	SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM accounts WHERE id = $2` + heldAccount + `) ON CONFLICT (id) DO NOTHING`

// Session answers the session by its id. [identity.ErrEnded] when there is none or it has expired.
func (db *DB) Session(ctx context.Context, id string, now time.Time) (identity.Session, error) {
	s, err := scanSession(db.read.QueryRowContext(ctx, selectSession+`id = $1 AND expires_at > $2`, id, millis(now)))
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrEnded
	}
	if err != nil {
		return identity.Session{}, failure("session", err)
	}
	return s, nil
}

// Sessions answers the sessions of an account that have not been swept away, the one first that ends last.
func (db *DB) Sessions(ctx context.Context, account string) ([]identity.Session, error) {
	rows, err := db.read.QueryContext(ctx, selectSession+`account = $1 ORDER BY expires_at DESC, id`, account)
	list, err := all(rows, err, scanSession)
	return list, failure("sessions", err)
}

const selectSession = `SELECT id, account, device, auth_time, acr, amr, expires_at FROM sessions WHERE `

func scanSession(r row) (identity.Session, error) {
	var s identity.Session
	var authTime, expires int64
	var amr string
	err := r.Scan(&s.ID, &s.Account, &s.Device, &authTime, &s.ACR, &amr, &expires)
	s.AuthTime, s.ExpiresAt, s.AMR = fromMillis(authTime), fromMillis(expires), split(amr)
	return s, err
}

// holdSession refuses a session that has ended or expired by now, and keeps any other from ending before the commit, as
// [holdLogin] does.
func holdSession(ctx context.Context, tx *sql.Tx, id string, now int64) error {
	result, err := tx.ExecContext(ctx, `UPDATE sessions SET expires_at = expires_at WHERE id = $1 AND expires_at > $2`, id, now)
	return changed(result, err, identity.ErrEnded)
}

package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"qrlogin/provider/internal/identity"
)

// RecordLogin writes the login of a challenge that its device has approved, once: when there is one already, that one is answered,
// with fresh false (RFC 10027 §6.1.3). Of many calls at once for a challenge one is fresh. A zero AuthTime is At; EndedAt is ignored.
//
// A login by a device that the account does not have is refused with [identity.ErrUnknownDevice], and one within a session that has
// ended or expired by At with [identity.ErrEnded]: none outlives the end of its session or account by starting meanwhile.
func (db *DB) RecordLogin(ctx context.Context, l identity.Login) (stored identity.Login, fresh bool, err error) {
	return db.record(ctx, db.recordLogin, l, identity.ErrUnknownDevice)
}

// RecordFurtherLogin is RecordLogin for one that its session lets in, which goes on when the device that began it is removed. Where
// there is no such account it is refused with [identity.ErrUnknownAccount].
func (db *DB) RecordFurtherLogin(ctx context.Context, l identity.Login) (stored identity.Login, fresh bool, err error) {
	return db.record(ctx, db.recordFurtherLogin, l, identity.ErrUnknownAccount)
}

// record runs one of the two; missing is the answer when what it asks for is not there.
func (db *DB) record(ctx context.Context, statement *sql.Stmt, l identity.Login, missing error) (stored identity.Login, fresh bool, err error) {
	scopes, err := join(l.Scopes)
	if err != nil {
		return identity.Login{}, false, failure("record login", err)
	}
	resources, err := join(l.Resources)
	if err != nil {
		return identity.Login{}, false, failure("record login", err)
	}
	amr, err := join(l.AMR)
	if err != nil {
		return identity.Login{}, false, failure("record login", err)
	}
	at := millis(l.At)
	authTime := at
	if !l.AuthTime.IsZero() {
		authTime = millis(l.AuthTime)
	}
	l.At, l.AuthTime, l.EndedAt = fromMillis(at), fromMillis(authTime), time.Time{}
	l.Address, l.UserAgent, l.Scopes, l.Resources = text(l.Address), text(l.UserAgent), split(scopes), split(resources)
	l.AMR = split(amr)
	insert := func(s *sql.Stmt) error {
		result, err := s.ExecContext(db.hot(ctx), l.ID, l.Challenge, l.Client, l.Account, l.Device, l.Address, l.UserAgent, at,
			authTime, scopes, resources, l.ACR, amr, sql.NullString{String: l.Session, Valid: l.Session != ""})
		return changed(result, err, errNotInserted)
	}
	if l.Session == "" {
		err = db.inTurn(ctx, func() error { return again(ctx, func() error { return insert(statement) }) })
	} else {
		err = db.within(ctx, func(tx *sql.Tx) error {
			err := insert(tx.StmtContext(ctx, statement)) // it holds the account, which comes before the session
			if err == nil || errors.Is(err, errNotInserted) {
				err = cmp.Or(holdSession(ctx, tx, l.Session, at), err)
			}
			return err
		})
	}
	switch {
	case err == nil:
		return l, true, nil
	case errors.Is(err, errNotInserted):
		err = missing // unless it was recorded before
	case !errors.Is(err, identity.ErrEnded):
		return identity.Login{}, false, failure("record login", err)
	}
	// It may have been recorded before its session ended.
	stored, found := scanLogin(db.read.QueryRowContext(ctx, selectLogin+`challenge = $1`, l.Challenge))
	if !errors.Is(found, sql.ErrNoRows) {
		err = found
	}
	return stored, false, failure("recorded login", err)
}

var errNotInserted = errors.New("the login was not inserted")

const (
	insertLogin        = insertInto + ` AND EXISTS (SELECT 1 FROM devices WHERE id = $5 AND account = $4)` + oncePerChallenge
	insertFurtherLogin = insertInto + oncePerChallenge

	insertInto = `
	INSERT INTO logins (id, challenge, client, account, device, address, user_agent, at, auth_time, scopes, resources, acr, amr, session)
	SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
	WHERE EXISTS (SELECT 1 FROM accounts WHERE id = $4` + heldAccount + `)`
	oncePerChallenge = ` ON CONFLICT (challenge) DO NOTHING`
)

// Login answers the login by its id, ended or not. [identity.ErrUnknownLogin].
func (db *DB) Login(ctx context.Context, id string) (identity.Login, error) {
	l, err := scanLogin(db.login.QueryRowContext(db.hot(ctx), id))
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrUnknownLogin
	}
	return l, failure("login", err)
}

// LoginOf answers the login that came of a challenge, by the challenge's hash, ended or not. [identity.ErrUnknownLogin].
func (db *DB) LoginOf(ctx context.Context, challenge string) (identity.Login, error) {
	l, err := scanLogin(db.read.QueryRowContext(ctx, selectLogin+`challenge = $1`, challenge))
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrUnknownLogin
	}
	return l, failure("login of a challenge", err)
}

// Logins answers the last logins of an account by its id, ended or not, newest first, limit of them at most.
func (db *DB) Logins(ctx context.Context, account string, limit int) ([]identity.Login, error) {
	rows, err := db.read.QueryContext(ctx, selectLogin+`account = $1 ORDER BY at DESC, id LIMIT $2`, account, max(limit, 0))
	list, err := all(rows, err, scanLogin)
	return list, failure("logins", err)
}

// EndLogin ends the login and forgets its refresh tokens. It answers the login if it was this call that ended it, and nothing
// if it had ended before: of many calls at once one has to tell the site. [identity.ErrUnknownLogin].
func (db *DB) EndLogin(ctx context.Context, id string, at time.Time) (ended []identity.Login, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		if ended, err = endLogins(ctx, tx, endLogin, id, at); err != nil || len(ended) > 0 {
			return err
		}
		return knownLogin(ctx, tx, id)
	})
	if err != nil {
		return nil, failure("end login", err)
	}
	return ended, nil
}

// EndSession forgets the session and ends its logins as [DB.EndLogin] does. It answers, in no order, those that this call
// ended. It does so too when the session itself has expired, and for an unknown session does nothing.
func (db *DB) EndSession(ctx context.Context, session string, at time.Time) (ended []identity.Login, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		// The session first: who holds it is recording a login, which is then there to be ended.
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = $1`, session); err != nil {
			return err
		}
		ended, err = endLogins(ctx, tx, endSession, session, at)
		return err
	})
	if err != nil {
		return nil, failure("end session", err)
	}
	return ended, nil
}

// EndLogins forgets the sessions of an account and ends its logins as [DB.EndLogin] does. It answers, in no order, those that this
// call ended.
func (db *DB) EndLogins(ctx context.Context, account string, at time.Time) (ended []identity.Login, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		ended, err = endAll(ctx, tx, account, at)
		return err
	})
	if err != nil {
		return nil, failure("end logins", err)
	}
	return ended, nil
}

func endAll(ctx context.Context, tx *sql.Tx, account string, at time.Time) ([]identity.Login, error) {
	// The sessions first, as in EndSession.
	if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE account = $1`, account); err != nil {
		return nil, err
	}
	return endLogins(ctx, tx, endAccount, account, at)
}

// endLogins runs endLogin, endSession or endAccount, and forgets the refresh tokens of what it ended.
func endLogins(ctx context.Context, tx *sql.Tx, statement, id string, at time.Time) ([]identity.Login, error) {
	rows, err := tx.QueryContext(ctx, statement, id, millis(at))
	ended, err := all(rows, err, scanLogin)
	if err != nil {
		return nil, err
	}
	for _, l := range ended {
		if _, err := tx.ExecContext(ctx, `DELETE FROM refresh_tokens WHERE login = $1`, l.ID); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

const (
	endLogin   = `UPDATE logins SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING ` + loginColumns
	endSession = `UPDATE logins SET ended_at = $2 WHERE session = $1 AND ended_at IS NULL RETURNING ` + loginColumns
	endAccount = `UPDATE logins SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL RETURNING ` + loginColumns
)

// holdLogin refuses a login that has ended, and keeps any other from ending before the commit. SQLite has one writer anyway;
// in PostgreSQL the update that changes nothing locks the row.
func holdLogin(ctx context.Context, tx *sql.Tx, id string) error {
	result, err := tx.ExecContext(ctx, `UPDATE logins SET ended_at = ended_at WHERE id = $1 AND ended_at IS NULL`, id)
	err = changed(result, err, identity.ErrEnded)
	if errors.Is(err, identity.ErrEnded) {
		return cmp.Or(knownLogin(ctx, tx, id), err)
	}
	return err
}

func knownLogin(ctx context.Context, tx *sql.Tx, id string) error {
	var known bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM logins WHERE id = $1)`, id).Scan(&known)
	if err == nil && !known {
		return identity.ErrUnknownLogin
	}
	return err
}

const (
	loginColumns = `id, challenge, client, account, device, address, user_agent, at, auth_time, scopes, resources, acr, amr, session, ended_at`
	selectLogin  = `SELECT ` + loginColumns + ` FROM logins WHERE `
)

func scanLogin(r row) (identity.Login, error) { return scanLoginAnd(r) }

// scanLoginAnd scans what comes behind loginColumns too.
func scanLoginAnd(r row, more ...any) (identity.Login, error) {
	var l identity.Login
	var at, authTime int64
	var scopes, resources, amr string
	var session sql.NullString
	var ended sql.NullInt64
	err := r.Scan(append([]any{&l.ID, &l.Challenge, &l.Client, &l.Account, &l.Device, &l.Address, &l.UserAgent, &at, &authTime,
		&scopes, &resources, &l.ACR, &amr, &session, &ended}, more...)...)
	if err != nil {
		return identity.Login{}, err
	}
	l.At, l.AuthTime, l.Session = fromMillis(at), fromMillis(authTime), session.String
	l.Scopes, l.Resources, l.AMR = split(scopes), split(resources), split(amr)
	l.EndedAt = fromMillisOrNone(ended)
	return l, nil
}

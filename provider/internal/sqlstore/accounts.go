package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"qrlogin/provider/internal/identity"
)

// KeepNumbers says how phone numbers are kept, and seals those that a former version left as they were. What has to do with accounts
// needs it; a command that has not, does without.
func (db *DB) KeepNumbers(ctx context.Context, numbers *identity.Numbers) error {
	db.numbers = numbers
	found := false
	err := db.within(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT account, phone_number FROM unsealed_numbers`)
		unsealed, err := all(rows, err, func(r row) (a identity.Account, err error) {
			err = r.Scan(&a.ID, &a.PhoneNumber)
			return a, err
		})
		if err != nil {
			return err
		}
		for _, a := range unsealed {
			_, err := tx.ExecContext(ctx, `UPDATE accounts SET number_hash = $2, number_sealed = $3 WHERE id = $1`,
				a.ID, numbers.Hash(a.PhoneNumber), numbers.Seal(a.ID, a.PhoneNumber))
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM unsealed_numbers WHERE account = $1`, a.ID); err != nil {
				return err
			}
		}
		found = len(unsealed) > 0
		return nil
	})
	if err == nil && found {
		err = db.forget(ctx)
	}
	return failure("seal the phone numbers", err)
}

// Enroll binds a device to the account of a phone number (E.164, proven by the caller), which is made if there is none. It begins to
// work when [identity.Admit] says. A device of the same account is renamed; one of another account is refused with
// [identity.ErrDeviceConflict], and then nothing has changed. d.Account and d.ActiveAt are ignored. Of many calls at once for a new
// number one makes the account, and one device is its first.
//
// An account that is dormant is deleted, as [DB.DeleteAccount] does, and another made: ended is the logins that ended with it.
func (db *DB) Enroll(
	ctx context.Context, phoneNumber string, d identity.Device,
) (a identity.Account, enrolled identity.Device, ended []identity.Login, err error) {
	now, dormant := fromMillis(millis(d.CreatedAt)), false
	err = db.within(ctx, func(tx *sql.Tx) error {
		var left sql.NullInt64
		ended = nil
		if a, left, err = db.holdNumber(ctx, tx, phoneNumber, now); err != nil {
			return err
		}
		phones, err := devicesOf(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		passkeys, err := countPasskeys(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		d.ActiveAt, dormant = identity.Admit(phones, passkeys, fromMillisOrNone(left), now)
		if dormant {
			if ended, err = deleteAccount(ctx, tx, a.ID, now); err != nil {
				return err
			}
			if a, _, err = db.holdNumber(ctx, tx, phoneNumber, now); err != nil {
				return err
			}
		}
		d.Account = a.ID
		enrolled, err = putDevice(ctx, tx, d)
		return err
	})
	if err == nil && dormant {
		err = db.forget(ctx)
	}
	if err != nil {
		return identity.Account{}, identity.Device{}, nil, failure("enroll", err)
	}
	return a, enrolled, ended, nil
}

// holdNumber answers the account of a number, which is made if there is none, and when a device was last removed from it. Nobody else
// changes it until the commit.
func (db *DB) holdNumber(ctx context.Context, tx *sql.Tx, phoneNumber string, now time.Time) (a identity.Account, left sql.NullInt64, err error) {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	id := base64.RawURLEncoding.EncodeToString(random)
	// The update that changes nothing makes RETURNING answer the row that is there, and holds it.
	a, err = db.scanAccount(tx.QueryRowContext(ctx, `
		INSERT INTO accounts (id, number_hash, number_sealed, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (number_hash) DO UPDATE SET number_hash = excluded.number_hash
		RETURNING `+accountColumns+`, left_at`,
		id, db.numbers.Hash(phoneNumber), db.numbers.Seal(id, phoneNumber), millis(now)), &left)
	return a, left, err
}

// holdAccount keeps everybody else from the account until the commit: it comes first, as in Enroll. missing is the answer when it is not
// there.
func holdAccount(ctx context.Context, tx *sql.Tx, id string, missing error) error {
	result, err := tx.ExecContext(ctx, `UPDATE accounts SET created_at = created_at WHERE id = $1`, id)
	return changed(result, err, missing)
}

// putDevice adds a device to its account, or renames it there.
func putDevice(ctx context.Context, tx *sql.Tx, d identity.Device) (identity.Device, error) {
	created := millis(d.CreatedAt)
	seen := created
	if !d.LastSeenAt.IsZero() {
		seen = millis(d.LastSeenAt)
	}
	// SECURITY.md §1.5: a key speaks for one number, and never changes hands. Nor does one begin to work sooner, or later, by coming
	// again.
	d, err := scanDevice(tx.QueryRowContext(ctx, `
		INSERT INTO devices (id, account, name, public_key, created_at, last_seen_at, active_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seen_at = excluded.last_seen_at
			WHERE devices.account = excluded.account
		RETURNING `+deviceColumns,
		d.ID, d.Account, d.Name, d.Key, created, seen, millis(d.ActiveAt)))
	if errors.Is(err, sql.ErrNoRows) {
		return d, identity.ErrDeviceConflict
	}
	return d, err
}

// Account answers the account by its id. [identity.ErrUnknownAccount].
func (db *DB) Account(ctx context.Context, id string) (identity.Account, error) {
	a, err := db.scanAccount(db.account.QueryRowContext(db.hot(ctx), id))
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrUnknownAccount
	}
	return a, failure("account", err)
}

const selectAccount = `SELECT ` + accountColumns + ` FROM accounts WHERE id = $1`

// DeleteAccount deletes the account with all that names it: its devices, sessions, logins and what they gave out, and its audit
// events. It answers, in no order, the logins that ended by it. [identity.ErrUnknownAccount].
func (db *DB) DeleteAccount(ctx context.Context, id string, at time.Time) (ended []identity.Login, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		if err := holdAccount(ctx, tx, id, identity.ErrUnknownAccount); err != nil {
			return err
		}
		ended, err = deleteAccount(ctx, tx, id, at)
		return err
	})
	if err == nil {
		err = db.forget(ctx)
	}
	if err != nil {
		return nil, failure("delete account", err)
	}
	return ended, nil
}

func deleteAccount(ctx context.Context, tx *sql.Tx, id string, at time.Time) ([]identity.Login, error) {
	ended, err := endAll(ctx, tx, id, at)
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		`DELETE FROM refresh_tokens WHERE login IN (SELECT id FROM logins WHERE account = $1)`,
		`DELETE FROM logins WHERE account = $1`,
		`DELETE FROM audit_events WHERE account = $1`,
		`DELETE FROM devices WHERE account = $1`,
		`DELETE FROM accounts WHERE id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, statement, id); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

const accountColumns = `id, number_sealed, created_at`

// scanAccount scans what comes behind accountColumns too.
func (db *DB) scanAccount(r row, more ...any) (a identity.Account, err error) {
	var sealed []byte
	var created int64
	if err := r.Scan(append([]any{&a.ID, &sealed, &created}, more...)...); err != nil {
		return identity.Account{}, err
	}
	a.CreatedAt = fromMillis(created)
	a.PhoneNumber, err = db.numbers.Open(a.ID, sealed)
	return a, err
}

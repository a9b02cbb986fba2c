package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"qrlogin/provider/internal/identity"
)

// AddPasskey stores a passkey, and has the device show it from now on. Where the account has most of them already nothing is stored:
// [identity.ErrPasskeysFull]; nor where it is known, whosever it is: [identity.ErrPasskeyTaken]; nor for an account that was deleted
// meanwhile: [identity.ErrUnknownAccount].
func (db *DB) AddPasskey(ctx context.Context, p identity.Passkey, device string, most int) error {
	return failure("add passkey", db.within(ctx, func(tx *sql.Tx) error {
		// Nobody else adds one until the commit.
		if err := holdAccount(ctx, tx, p.Account, identity.ErrUnknownAccount); err != nil {
			return err
		}
		n, err := countPasskeys(ctx, tx, p.Account)
		if err != nil {
			return err
		}
		if n >= most {
			return identity.ErrPasskeysFull
		}
		result, err := tx.ExecContext(ctx, `
			INSERT INTO passkeys (`+passkeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
			p.ID, p.Account, p.Name, p.Key, p.Synced, p.Count, p.Counted, millis(p.CreatedAt))
		if err := changed(result, err, identity.ErrPasskeyTaken); err != nil {
			return err
		}
		return usePasskey(ctx, tx, device, p.ID)
	}))
}

// countPasskeys counts those of an account that the transaction holds.
func countPasskeys(ctx context.Context, tx *sql.Tx, account string) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM passkeys WHERE account = $1`, account).Scan(&n)
	return n, err
}

// UsePasskey has the device show this passkey from now on. [identity.ErrUnknownDevice].
func (db *DB) UsePasskey(ctx context.Context, device, passkey string) error {
	return failure("use passkey", usePasskey(ctx, db.write, device, passkey))
}

func usePasskey(ctx context.Context, on interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, device, passkey string,
) error {
	result, err := on.ExecContext(ctx, `UPDATE devices SET passkey = $2 WHERE id = $1`, device, passkey)
	return changed(result, err, identity.ErrUnknownDevice)
}

// Passkey finds one, whosever it is. [identity.ErrUnknownPasskey].
func (db *DB) Passkey(ctx context.Context, id string) (identity.Passkey, error) {
	p, err := scanPasskey(db.read.QueryRowContext(ctx, `SELECT `+passkeyColumns+` FROM passkeys WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrUnknownPasskey
	}
	if err != nil {
		return identity.Passkey{}, failure("passkey", err)
	}
	return p, nil
}

// Passkeys lists those of an account, the oldest first.
func (db *DB) Passkeys(ctx context.Context, account string) ([]identity.Passkey, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+passkeyColumns+` FROM passkeys WHERE account = $1 ORDER BY created_at, id`, account)
	list, err := all(rows, err, scanPasskey)
	return list, failure("passkeys", err)
}

// CountPasskey notes a passkey's new count, if that is still above the one that is noted. [identity.ErrUnknownPasskey].
func (db *DB) CountPasskey(ctx context.Context, p identity.Passkey) error {
	result, err := db.exec(ctx, `UPDATE passkeys SET count = $2, counted = $3 WHERE id = $1 AND count < $2`, p.ID, p.Count, p.Counted)
	return changedOne(result, err, "count passkey", identity.ErrUnknownPasskey)
}

// RemovePasskey forgets a passkey of an account; the devices that had to show it have none. [identity.ErrUnknownPasskey].
func (db *DB) RemovePasskey(ctx context.Context, account, id string) error {
	return failure("remove passkey", db.within(ctx, func(tx *sql.Tx) error {
		if err := holdAccount(ctx, tx, account, identity.ErrUnknownPasskey); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `DELETE FROM passkeys WHERE id = $1 AND account = $2`, id, account)
		return changed(result, err, identity.ErrUnknownPasskey)
	}))
}

// EnrollByPasskey adds a device to the account of a passkey, which it shows from now on. It works at once, whether it waited before or
// not. [identity.ErrUnknownPasskey], [identity.ErrDeviceConflict]. d.Account, d.ActiveAt and d.Passkey are ignored.
func (db *DB) EnrollByPasskey(ctx context.Context, passkey string, d identity.Device) (a identity.Account, enrolled identity.Device, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		// The account first, as in Enroll. From then on the passkey is there, or it is not.
		a, err = db.scanAccount(tx.QueryRowContext(ctx, `
			UPDATE accounts SET created_at = created_at WHERE id = (SELECT account FROM passkeys WHERE id = $1)
			RETURNING `+accountColumns, passkey))
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrUnknownPasskey
		}
		if err != nil {
			return err
		}
		d.Account, d.ActiveAt = a.ID, d.CreatedAt
		if _, err := putDevice(ctx, tx, d); err != nil {
			return err
		}
		enrolled, err = scanDevice(tx.QueryRowContext(ctx, `
			UPDATE devices SET passkey = $2, active_at = CASE WHEN active_at > $3 THEN $3 ELSE active_at END
			WHERE id = $1 AND EXISTS (SELECT 1 FROM passkeys WHERE id = $2)
			RETURNING `+deviceColumns, d.ID, passkey, millis(d.ActiveAt)))
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrUnknownPasskey
		}
		return err
	})
	if err != nil {
		return identity.Account{}, identity.Device{}, failure("enroll by passkey", err)
	}
	return a, enrolled, nil
}

const passkeyColumns = `id, account, name, public_key, synced, count, counted, created_at` //nolint:gosec // no password

func scanPasskey(r row) (identity.Passkey, error) {
	var p identity.Passkey
	var created int64
	err := r.Scan(&p.ID, &p.Account, &p.Name, &p.Key, &p.Synced, &p.Count, &p.Counted, &created)
	p.CreatedAt = fromMillis(created)
	return p, err
}

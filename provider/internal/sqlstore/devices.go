package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"qrlogin/provider/internal/identity"
)

// Device answers the device by its key's thumbprint. [identity.ErrUnknownDevice].
func (db *DB) Device(ctx context.Context, thumbprint string) (identity.Device, error) {
	d, err := scanDevice(db.device.QueryRowContext(db.hot(ctx), thumbprint))
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrUnknownDevice
	}
	return d, failure("device", err)
}

const selectDevice = `SELECT ` + deviceColumns + ` FROM devices WHERE id = $1`

// Devices answers the devices of an account by its id, oldest first.
func (db *DB) Devices(ctx context.Context, account string) ([]identity.Device, error) {
	list, err := devicesOf(ctx, db.read, account)
	return list, failure("devices", err)
}

func devicesOf(ctx context.Context, q interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, account string) ([]identity.Device, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE account = $1 ORDER BY created_at, id`, account)
	return all(rows, err, scanDevice)
}

// TouchDevice notes that the device was heard of. An earlier time than the one noted changes nothing.
// [identity.ErrUnknownDevice].
func (db *DB) TouchDevice(ctx context.Context, thumbprint string, at time.Time) error {
	result, err := db.exec(ctx, `
		UPDATE devices SET last_seen_at = CASE WHEN last_seen_at < $2 THEN $2 ELSE last_seen_at END WHERE id = $1`,
		thumbprint, millis(at))
	return changedOne(result, err, "touch device", identity.ErrUnknownDevice)
}

// AllowDevice lets a device of the account work from at on. It answers the device, and whether it waited until this call: of many at
// once, it did for one. [identity.ErrNoSuchDevice].
func (db *DB) AllowDevice(ctx context.Context, account, id string, at time.Time) (d identity.Device, waited bool, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		d, err = scanDevice(tx.QueryRowContext(ctx, `
			UPDATE devices SET active_at = $3 WHERE account = $1 AND id = $2 AND active_at > $3 RETURNING `+deviceColumns, account, id, millis(at)))
		if waited = err == nil; !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		d, err = scanDevice(tx.QueryRowContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE account = $1 AND id = $2`, account, id))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrNoSuchDevice
	}
	if err != nil {
		return identity.Device{}, false, failure("allow device", err)
	}
	return d, waited, nil
}

// RemoveDevice removes a device of the account, and answers it as it was. [identity.ErrNoSuchDevice].
func (db *DB) RemoveDevice(ctx context.Context, account, id string, at time.Time) (d identity.Device, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		// The account first, as in Enroll.
		if _, err := tx.ExecContext(ctx, `UPDATE accounts SET left_at = $2 WHERE id = $1`, account, millis(at)); err != nil {
			return err
		}
		d, err = scanDevice(tx.QueryRowContext(ctx, `DELETE FROM devices WHERE account = $1 AND id = $2 RETURNING `+deviceColumns, account, id))
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrNoSuchDevice // the rollback takes the time back
		}
		return err
	})
	if err != nil {
		return identity.Device{}, failure("remove device", err)
	}
	return d, nil
}

const deviceColumns = `id, account, name, public_key, created_at, last_seen_at, active_at, COALESCE(passkey, '')`

func scanDevice(r row) (identity.Device, error) {
	var d identity.Device
	var created, seen, active int64
	err := r.Scan(&d.ID, &d.Account, &d.Name, &d.Key, &created, &seen, &active, &d.Passkey)
	d.CreatedAt, d.LastSeenAt, d.ActiveAt = fromMillis(created), fromMillis(seen), fromMillis(active)
	return d, err
}

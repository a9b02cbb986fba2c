package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"qrlogin/provider/internal/identity"
)

// Enroll binds a device to the account of a phone number (E.164, proven by the caller), which is made if there is none. A
// device of the same account is renamed; one of another account is refused with [identity.ErrDeviceConflict], and then
// nothing has changed. d.Account is ignored. Of many calls at once for a new number one makes the account.
func (db *DB) Enroll(ctx context.Context, phoneNumber string, d identity.Device) (identity.Account, identity.Device, error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	created := millis(d.CreatedAt)
	seen := created
	if !d.LastSeenAt.IsZero() {
		seen = millis(d.LastSeenAt)
	}
	var account identity.Account
	err := db.within(ctx, func(tx *sql.Tx) error {
		// The update that changes nothing makes RETURNING answer the row that is there, and holds it until the commit.
		var err error
		account, err = scanAccount(tx.QueryRowContext(ctx, `
			INSERT INTO accounts (id, phone_number, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (phone_number) DO UPDATE SET phone_number = excluded.phone_number
			RETURNING id, phone_number, created_at`,
			base64.RawURLEncoding.EncodeToString(id), phoneNumber, created))
		if err != nil {
			return err
		}
		// SECURITY.md §1.5: a key speaks for one number, and never changes hands.
		d, err = scanDevice(tx.QueryRowContext(ctx, `
			INSERT INTO devices (id, account, name, public_key, created_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seen_at = excluded.last_seen_at
				WHERE devices.account = excluded.account
			RETURNING `+deviceColumns,
			d.ID, account.ID, d.Name, d.Key, created, seen))
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrDeviceConflict
		}
		return err
	})
	if errors.Is(err, identity.ErrDeviceConflict) {
		return identity.Account{}, identity.Device{}, identity.ErrDeviceConflict
	}
	if err != nil {
		return identity.Account{}, identity.Device{}, fmt.Errorf("sqlstore: enroll: %w", err)
	}
	return account, d, nil
}

// Account answers the account by its id. [identity.ErrUnknownAccount].
func (db *DB) Account(ctx context.Context, id string) (identity.Account, error) {
	a, err := scanAccount(db.account.QueryRowContext(hot(ctx), id))
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrUnknownAccount
	}
	if err != nil {
		return identity.Account{}, failure("account", err)
	}
	return a, nil
}

const selectAccount = `SELECT id, phone_number, created_at FROM accounts WHERE id = $1`

// Device answers the device by its key's thumbprint, with its account. [identity.ErrUnknownDevice].
func (db *DB) Device(ctx context.Context, thumbprint string) (identity.Device, identity.Account, error) {
	var d identity.Device
	var a identity.Account
	var created, seen, accountCreated int64
	err := db.device.QueryRowContext(hot(ctx), thumbprint).
		Scan(&d.ID, &d.Account, &d.Name, &d.Key, &created, &seen, &a.PhoneNumber, &accountCreated)
	if errors.Is(err, sql.ErrNoRows) {
		return identity.Device{}, identity.Account{}, identity.ErrUnknownDevice
	}
	if err != nil {
		return identity.Device{}, identity.Account{}, fmt.Errorf("sqlstore: device: %w", err)
	}
	d.CreatedAt, d.LastSeenAt = fromMillis(created), fromMillis(seen)
	a.ID, a.CreatedAt = d.Account, fromMillis(accountCreated)
	return d, a, nil
}

const selectDeviceAndAccount = `
	SELECT d.id, d.account, d.name, d.public_key, d.created_at, d.last_seen_at, a.phone_number, a.created_at
	FROM devices d JOIN accounts a ON a.id = d.account WHERE d.id = $1`

// Devices answers the devices of an account by its id, oldest first.
func (db *DB) Devices(ctx context.Context, account string) ([]identity.Device, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE account = $1 ORDER BY created_at, id`, account)
	list, err := all(rows, err, scanDevice)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: devices: %w", err)
	}
	return list, nil
}

// TouchDevice notes that the device was heard of. An earlier time than the one noted changes nothing.
// [identity.ErrUnknownDevice].
func (db *DB) TouchDevice(ctx context.Context, thumbprint string, at time.Time) error {
	result, err := db.write.ExecContext(ctx, `
		UPDATE devices SET last_seen_at = CASE WHEN last_seen_at < $2 THEN $2 ELSE last_seen_at END WHERE id = $1`,
		thumbprint, millis(at))
	return changedOne(result, err, "touch device", identity.ErrUnknownDevice)
}

func scanAccount(r row) (identity.Account, error) {
	var a identity.Account
	var created int64
	err := r.Scan(&a.ID, &a.PhoneNumber, &created)
	a.CreatedAt = fromMillis(created)
	return a, err
}

const deviceColumns = `id, account, name, public_key, created_at, last_seen_at`

func scanDevice(r row) (identity.Device, error) {
	var d identity.Device
	var created, seen int64
	err := r.Scan(&d.ID, &d.Account, &d.Name, &d.Key, &created, &seen)
	d.CreatedAt, d.LastSeenAt = fromMillis(created), fromMillis(seen)
	return d, err
}

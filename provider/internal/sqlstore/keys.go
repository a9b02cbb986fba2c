package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// SigningKey is a key that tokens are signed with.
type SigningKey struct {
	ID       string // kid
	Alg      string
	Private  []byte // as the caller wrote it
	ActiveAt time.Time
}

// SigningKeys answers every signing key, newest first.
func (db *DB) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	rows, err := db.read.QueryContext(ctx, selectSigningKeys+` ORDER BY active_at DESC, id`)
	list, err := all(rows, err, scanSigningKey)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: signing keys: %w", err)
	}
	return list, nil
}

const selectSigningKeys = `SELECT id, alg, private_key, active_at FROM signing_keys`

// AddSigningKey keeps the key if the newest of its algorithm is still the one named, "" for none. Otherwise it answers the newest
// that is there: nodes that add one at once agree.
func (db *DB) AddSigningKey(ctx context.Context, k SigningKey, newest string) (kept SigningKey, err error) {
	err = db.within(ctx, func(tx *sql.Tx) error {
		// Who holds this row may add keys. SQLite has one writer anyway; PostgreSQL would let two find none and both add.
		_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			"lock signing keys", []byte{0})
		if err != nil {
			return err
		}
		there, err := scanSigningKey(tx.QueryRowContext(ctx, selectSigningKeys+` WHERE alg = $1 ORDER BY active_at DESC, id LIMIT 1`, k.Alg))
		if errors.Is(err, sql.ErrNoRows) {
			there, err = SigningKey{}, nil
		}
		if err != nil {
			return err
		}
		if there.ID != newest {
			kept = there
			return nil
		}
		at := millis(k.ActiveAt)
		kept = k
		kept.ActiveAt = fromMillis(at)
		_, err = tx.ExecContext(ctx, `INSERT INTO signing_keys (id, alg, private_key, active_at) VALUES ($1, $2, $3, $4)`, k.ID, k.Alg, k.Private, at)
		return err
	})
	if err != nil {
		return SigningKey{}, fmt.Errorf("sqlstore: add signing key: %w", err)
	}
	return kept, nil
}

// PutPrivateKeys replaces what is kept of the private halves, by the keys' ids, all or none. Nothing of what was there stays in
// the file.
func (db *DB) PutPrivateKeys(ctx context.Context, private map[string][]byte) error {
	err := db.within(ctx, func(tx *sql.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(private)) { // nodes that do so at once hold them in one order
			if _, err := tx.ExecContext(ctx, `UPDATE signing_keys SET private_key = $1 WHERE id = $2`, private[id], id); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = db.forget(ctx)
	}
	if err != nil {
		return fmt.Errorf("sqlstore: private keys: %w", err)
	}
	return nil
}

// RemoveSigningKeys forgets the keys by these ids; one that is not there is no error.
func (db *DB) RemoveSigningKeys(ctx context.Context, ids []string) error {
	err := db.within(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM signing_keys WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = db.forget(ctx)
	}
	if err != nil {
		return fmt.Errorf("sqlstore: remove signing keys: %w", err)
	}
	return nil
}

// forget takes what was overwritten out of SQLite's journal too. While another process reads an older state it stays until the journal
// comes round, or is closed. PostgreSQL has its own time for that (VACUUM, checkpoints).
func (db *DB) forget(ctx context.Context) error {
	if db.postgres {
		return nil
	}
	_, err := db.exec(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

func scanSigningKey(r row) (SigningKey, error) {
	var k SigningKey
	var at int64
	err := r.Scan(&k.ID, &k.Alg, &k.Private, &at)
	k.ActiveAt = fromMillis(at)
	return k, err
}

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SigningKey is a key that tokens are signed with.
type SigningKey struct {
	ID        string // kid
	Private   []byte // PKCS#8
	CreatedAt time.Time
}

// SigningKeys answers every signing key, newest first.
func (db *DB) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	rows, err := db.read.QueryContext(ctx, selectSigningKeys)
	list, err := all(rows, err, scanSigningKey)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: signing keys: %w", err)
	}
	return list, nil
}

const selectSigningKeys = `SELECT id, private_key, created_at FROM signing_keys ORDER BY created_at DESC, id`

// AddFirstSigningKey keeps the key if there is none yet, and answers the newest that is there: nodes that start at once agree.
func (db *DB) AddFirstSigningKey(ctx context.Context, k SigningKey) (SigningKey, error) {
	err := db.within(ctx, func(tx *sql.Tx) error {
		// Who holds this row may add keys. SQLite has one writer anyway; PostgreSQL would let two find none and both add.
		_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			"lock signing keys", []byte{0})
		if err != nil {
			return err
		}
		newest, err := scanSigningKey(tx.QueryRowContext(ctx, selectSigningKeys+` LIMIT 1`))
		if !errors.Is(err, sql.ErrNoRows) {
			k = newest
			return err
		}
		at := millis(k.CreatedAt)
		k.CreatedAt = fromMillis(at)
		_, err = tx.ExecContext(ctx, `INSERT INTO signing_keys (id, private_key, created_at) VALUES ($1, $2, $3)`, k.ID, k.Private, at)
		return err
	})
	if err != nil {
		return SigningKey{}, fmt.Errorf("sqlstore: first signing key: %w", err)
	}
	return k, nil
}

func scanSigningKey(r row) (SigningKey, error) {
	var k SigningKey
	var at int64
	err := r.Scan(&k.ID, &k.Private, &at)
	k.CreatedAt = fromMillis(at)
	return k, err
}

package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
)

// ID is the random name of this database, made at first use. Nodes that should share one database can tell by it whether
// they do. It is not a secret.
func (db *DB) ID(ctx context.Context) (string, error) {
	id, err := db.once(ctx, "id", random(16))
	return base64.RawURLEncoding.EncodeToString(id), err
}

// Secret is 32 random bytes by that name, made at first use and the same for every node ever after.
func (db *DB) Secret(ctx context.Context, name string) ([]byte, error) {
	return db.SecretAs(ctx, name, func(secret []byte) []byte { return secret })
}

// SecretAs is Secret for one that is kept otherwise than it is, as by sealing it: it answers what is kept.
func (db *DB) SecretAs(ctx context.Context, name string, keep func(secret []byte) []byte) ([]byte, error) {
	return db.once(ctx, "secret "+name, func() []byte { return keep(random(32)()) })
}

// ReplaceSecret keeps a secret otherwise. Nothing of what was there stays in the file.
func (db *DB) ReplaceSecret(ctx context.Context, name string, kept []byte) error {
	_, err := db.exec(ctx, `UPDATE meta SET value = $2 WHERE name = $1`, "secret "+name, kept)
	if err == nil {
		err = db.forget(ctx)
	}
	return failure("replace secret", err)
}

func random(n int) func() []byte {
	return func() []byte {
		made := make([]byte, n)
		_, _ = rand.Read(made) // never fails (crypto/rand)
		return made
	}
}

// once answers the value by that name. If there is none, it is made; of many callers at once one wins, and all get what that one
// made.
func (db *DB) once(ctx context.Context, name string, made func() []byte) ([]byte, error) {
	find := func() (value []byte, err error) {
		err = db.read.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, name).Scan(&value)
		return value, err
	}
	value, err := find()
	if errors.Is(err, sql.ErrNoRows) {
		_, err = db.exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, made())
		if err == nil {
			value, err = find()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %s: %w", name, err)
	}
	return value, nil
}

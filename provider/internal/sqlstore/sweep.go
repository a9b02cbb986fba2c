package sqlstore

import (
	"context"
	"time"
)

// Sweep deletes the sessions and refresh tokens that have expired. Nothing depends on when it runs.
func (db *DB) Sweep(ctx context.Context, now time.Time) error {
	for _, statement := range []string{
		`DELETE FROM sessions WHERE expires_at <= $1`,
		`DELETE FROM refresh_tokens WHERE expires_at <= $1`,
	} {
		if _, err := db.write.ExecContext(ctx, statement, millis(now)); err != nil {
			return failure("sweep", err)
		}
	}
	return nil
}

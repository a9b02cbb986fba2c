package sqlstore

import (
	"context"
	"time"

	"qrlogin/provider/internal/identity"
)

// Sweep deletes the sessions and refresh tokens that have expired, and the audit events that were kept long enough. Nothing
// depends on when it runs.
func (db *DB) Sweep(ctx context.Context, now time.Time) error {
	for statement, until := range map[string]time.Time{
		`DELETE FROM sessions WHERE expires_at <= $1`:       now,
		`DELETE FROM refresh_tokens WHERE expires_at <= $1`: now,
		`DELETE FROM audit_events WHERE at <= $1`:           now.Add(-identity.EventsKept),
	} {
		if _, err := db.exec(ctx, statement, millis(until)); err != nil {
			return failure("sweep", err)
		}
	}
	return nil
}

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"qrlogin/provider/internal/identity"
)

// Audit adds an event to the audit trail. One of an account that is no longer there is not kept: nothing of it is.
func (db *DB) Audit(ctx context.Context, e identity.AuditEvent) error {
	err := run(ctx, db.audit,
		millis(e.At), e.Kind, e.Account, text(e.Client), e.Login, text(e.Address), text(e.UserAgent), text(e.Device), millisOrNone(e.ActiveAt),
		text(e.Detail))
	if err != nil {
		return fmt.Errorf("sqlstore: audit: %w", err)
	}
	return nil
}

const insertEvent = `
	INSERT INTO audit_events (at, kind, account, client, login, address, user_agent, device, active_at, detail)
	SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 WHERE $3 = '' OR EXISTS (SELECT 1 FROM accounts WHERE id = $3` + heldAccount + `)`

// AuditEvents answers the first events at or after since, oldest first, limit of them at most.
func (db *DB) AuditEvents(ctx context.Context, since time.Time, limit int) ([]identity.AuditEvent, error) {
	rows, err := db.read.QueryContext(ctx, selectEvent+`at >= $1 ORDER BY at LIMIT $2`, since.UnixMilli(), max(limit, 0))
	list, err := all(rows, err, scanAuditEvent)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: audit events: %w", err)
	}
	return list, nil
}

// Events answers the last events of an account, newest first, limit of them at most.
func (db *DB) Events(ctx context.Context, account string, limit int) ([]identity.AuditEvent, error) {
	rows, err := db.read.QueryContext(ctx, selectEvent+`account = $1 ORDER BY at DESC LIMIT $2`, account, max(limit, 0))
	list, err := all(rows, err, scanAuditEvent)
	return list, failure("events", err)
}

const selectEvent = `SELECT at, kind, account, client, login, address, user_agent, device, active_at, detail FROM audit_events WHERE `

func scanAuditEvent(r row) (identity.AuditEvent, error) {
	var e identity.AuditEvent
	var at int64
	var active sql.NullInt64
	err := r.Scan(&at, &e.Kind, &e.Account, &e.Client, &e.Login, &e.Address, &e.UserAgent, &e.Device, &active, &e.Detail)
	e.At, e.ActiveAt = fromMillis(at), fromMillisOrNone(active)
	return e, err
}

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"qrlogin/provider/internal/identity"
)

// hot is ctx for the statements that every login runs, in SQLite without its end: to be ready to break off a statement, the driver
// starts a goroutine, which costs as much again as the few microseconds that the statement takes.
func (db *DB) hot(ctx context.Context) context.Context {
	if db.postgres {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// inTurn runs a hot statement that writes. Who waits for SQLite's one writer, whom another process may hold up, waits until ctx ends; the
// statement itself is not broken off.
func (db *DB) inTurn(ctx context.Context, f func() error) error {
	if db.postgres {
		return f()
	}
	select {
	case db.turn <- struct{}{}:
		defer func() { <-db.turn }()
		return f()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// heldAccount, behind the SELECT of an account in a statement that adds to it, keeps the account from being deleted before the commit,
// and what is added from outliving it. It is left out for SQLite, which has one writer at a time and no such words.
const heldAccount = " FOR SHARE"

// within runs f in one transaction, and again if the database breaks it off: f must not build upon what it has left behind.
//
// SQLite runs one transaction at a time. In PostgreSQL f has to hold first, by an update that changes nothing, what it reads and then
// relies upon.
func (db *DB) within(ctx context.Context, f func(*sql.Tx) error) error {
	return again(ctx, func() error {
		tx, err := db.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // nothing is left to roll back after the commit
		if err := f(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// exec runs one statement that writes.
func (db *DB) exec(ctx context.Context, statement string, args ...any) (result sql.Result, err error) {
	err = again(ctx, func() error {
		result, err = db.write.ExecContext(ctx, statement, args...)
		return err
	})
	return result, err
}

// run runs a prepared one.
func run(ctx context.Context, statement *sql.Stmt, args ...any) error {
	return again(ctx, func() error {
		_, err := statement.ExecContext(ctx, args...)
		return err
	})
}

// row is what one row is scanned from: *sql.Row or *sql.Rows.
type row interface{ Scan(into ...any) error }

// all reads every row.
func all[T any](rows *sql.Rows, err error, scan func(row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []T
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

// changedOne is the end of a statement on one row: missing is the answer when the row is not there.
func changedOne(result sql.Result, err error, what string, missing error) error {
	return failure(what, changed(result, err, missing))
}

// changed is the same within a transaction.
func changed(result sql.Result, err error, missing error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return missing
	}
	return err
}

// failure says what failed. A refusal it answers as it is.
func failure(what string, err error) error {
	if err == nil || slices.Contains(identity.Refusals, err) {
		return err
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}

// millis is how a time is stored. A zero time is now.
func millis(t time.Time) int64 {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// millisOrNone is how a time is stored that there may be none of.
func millisOrNone(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func fromMillisOrNone(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return fromMillis(ms.Int64)
}

// text is what a TEXT column of every database takes: PostgreSQL refuses invalid UTF-8 and NUL, and a user agent is whatever
// bytes a browser sent.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

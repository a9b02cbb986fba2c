package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the database driver
)

// An account is the shop's own record of a person. Issuer and Subject name the person for ever; the phone number is
// something to show, which may pass to somebody else one day (SECURITY.md §5).
type account struct {
	ID          int64
	Issuer      string
	Subject     string
	PhoneNumber string // E.164, as last told and verified by the provider; may be empty
	CreatedAt   time.Time
	SeenAt      time.Time
	Visits      int64 // how often the person logged in
}

var errNoAccount = errors.New("no such account")

type accounts struct{ db *sql.DB }

// openAccounts opens the file shop.db in the folder, which must exist; "" keeps the accounts in memory.
func openAccounts(folder string) (*accounts, error) {
	name := "file::memory:"
	if folder != "" {
		path := filepath.Join(folder, "shop.db")
		// Made here first, because SQLite would let others read it.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the shop's accounts: %w", err)
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("open the shop's accounts: %w", err)
		}
		name = "file:" + path
	}
	db, err := sql.Open("sqlite", name+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		return nil, fmt.Errorf("open the shop's accounts: %w", err)
	}
	db.SetMaxOpenConns(1) // a second connection to memory would be a second, empty database
	_, err = db.ExecContext(context.Background(), `CREATE TABLE IF NOT EXISTS accounts (
		id           INTEGER PRIMARY KEY,
		iss          TEXT    NOT NULL,
		sub          TEXT    NOT NULL,
		phone_number TEXT    NOT NULL,
		created_at   INTEGER NOT NULL, -- milliseconds, as all times
		seen_at      INTEGER NOT NULL,
		visits       INTEGER NOT NULL,
		UNIQUE (iss, sub));`+ordersSchema+bookmarksSchema)
	if err == nil {
		err = upgradePurchases(context.Background(), db)
	}
	if err != nil {
		return nil, fmt.Errorf("open the shop's accounts: %w", errors.Join(err, db.Close()))
	}
	return &accounts{db}, nil
}

func (a *accounts) Close() error { return a.db.Close() }

const accountColumns = `id, iss, sub, phone_number, created_at, seen_at, visits`

// seen counts a login of the person whom the issuer calls by this subject, and makes the account on the first one.
func (a *accounts) seen(ctx context.Context, issuer, subject, phoneNumber string) (account, error) {
	return seen(ctx, a.db, issuer, subject, phoneNumber)
}

// querier is a database, or a transaction in one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func seen(ctx context.Context, db querier, issuer, subject, phoneNumber string) (account, error) {
	return scanAccount(db.QueryRowContext(ctx, `
		INSERT INTO accounts (iss, sub, phone_number, created_at, seen_at, visits) VALUES ($1, $2, $3, $4, $4, 1)
		ON CONFLICT (iss, sub) DO UPDATE SET
			phone_number = excluded.phone_number, seen_at = excluded.seen_at, visits = visits + 1
		RETURNING `+accountColumns, issuer, subject, phoneNumber, time.Now().UnixMilli()))
}

// get returns the account with this id, or errNoAccount.
func (a *accounts) get(ctx context.Context, id int64) (account, error) {
	return scanAccount(a.db.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM accounts WHERE id = $1`, id))
}

func scanAccount(row *sql.Row) (account, error) {
	var got account
	var created, seen int64
	err := row.Scan(&got.ID, &got.Issuer, &got.Subject, &got.PhoneNumber, &created, &seen, &got.Visits)
	if errors.Is(err, sql.ErrNoRows) {
		return account{}, errNoAccount
	}
	if err != nil {
		return account{}, fmt.Errorf("read an account of the shop: %w", err)
	}
	got.CreatedAt, got.SeenAt = time.UnixMilli(created), time.UnixMilli(seen)
	return got, nil
}

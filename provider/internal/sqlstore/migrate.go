package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// start connects and brings the tables up to date.
//
// Several nodes may do so at once on a new file. Each step of the migration is one transaction that takes the write lock before
// it does anything, so that of two the slower one fails on what the faster one has made, changing nothing. SQLite itself
// refuses, without waiting, when two make the file a WAL database. Either way the slower one looks again, and finds it done.
func (db *DB) start(ctx context.Context) error {
	for try := 1; ; try++ {
		err := db.write.PingContext(ctx)
		if err == nil {
			err = migrate(ctx, db.write)
		}
		if err == nil || ctx.Err() != nil || try == 10 || !raced(err) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// raced tells whether the error may be that another was faster: the file is locked, or a table is there already (for which
// SQLite has no better code than "error").
func raced(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff // without the extension
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_ERROR
}

func migrate(ctx context.Context, db *sql.DB) error {
	p, err := migrator(db)
	if err == nil {
		_, err = p.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("bringing its tables up to date: %w", err)
	}
	return nil
}

func migrator(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

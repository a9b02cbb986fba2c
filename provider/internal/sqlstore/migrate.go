package sqlstore

import (
	"context"
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
// While nodes are brought up to date one by one, those of the old version go on with what the new one has migrated, and may start on it:
// a migration only adds, with defaults, and what is no longer used goes a release later. Each is a transaction that changes one of the
// tables that are there: it waits for whoever uses that, and holds nothing that they wait for.
//
// Several nodes may do so at once on a new database. Those of PostgreSQL wait for one another; for SQLite there is nothing to wait by. Each step of the migration is one transaction that takes the write lock before
// it does anything, so that of two the slower one fails on what the faster one has made, changing nothing. SQLite itself
// refuses, without waiting, when two make the file a WAL database. Either way the slower one looks again, and finds it done.
func (db *DB) start(ctx context.Context) error {
	for try := 1; ; try++ {
		err := db.write.PingContext(ctx)
		if err == nil && db.postgres {
			return db.migratePostgres(ctx)
		}
		if err == nil {
			err = db.migrate(ctx)
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

func (db *DB) migrate(ctx context.Context) error {
	p, err := db.migrator()
	if err == nil {
		_, err = p.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("bringing its tables up to date: %w", err)
	}
	return nil
}

func (db *DB) migrator() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	if db.postgres {
		dialect, files = goose.DialectPostgres, postgresFiles{files}
	}
	return goose.NewProvider(dialect, db.write, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

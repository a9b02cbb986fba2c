package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connections is how many a node has at most: three nodes and a few commands stay below the hundred that a PostgreSQL server lets in
// unless it is told otherwise.
const connections = 25

// OpenPostgres opens the PostgreSQL database of a URL (postgres://user:password@host/name) and brings its tables up to date. Its
// encoding must be UTF8.
//
// Any number of processes may have it open. An error is one line that names the server and the database, and never the password. Each
// trace is told of every statement.
func OpenPostgres(ctx context.Context, url string, traces ...Trace) (*DB, error) {
	db, name, err := connectPostgres(url, traces)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	if err := db.prepare(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sqlstore: %s: %w", name, oneLine(err))
	}
	return db, nil
}

// errDatabaseURL says nothing of what was given: a password with a slash in it makes the rest of itself a part of the host's name.
var errDatabaseURL = errors.New(
	"the database is not a URL such as postgres://user:password@host:5432/name (in a password, %2F is a slash, %40 an @, %25 a percent sign)")

func connectPostgres(url string, traces []Trace) (db *DB, name string, err error) {
	if scheme, _, _ := strings.Cut(url, "://"); scheme != "postgres" && scheme != "postgresql" {
		return nil, "", errDatabaseURL
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, "", errDatabaseURL
	}
	// What holds rows in here counts on seeing, statement by statement, what was committed meanwhile.
	config.RuntimeParams["default_transaction_isolation"] = "read committed"
	pool := sql.OpenDB(traced(postgresConnector{stdlib.GetConnector(*config)}, "postgresql", traces))
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	name = fmt.Sprintf("database %s at %s", cmp.Or(config.Database, config.User), config.Host)
	return &DB{write: pool, read: pool, postgres: true}, name, nil
}

// oneLine leaves out the line breaks by which the driver lists the addresses that it has tried.
func oneLine(err error) error {
	if failed := (*pgconn.ConnectError)(nil); errors.As(err, &failed) {
		return errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return err
}

// postgresConnector connects by the driver.
type postgresConnector struct{ driver.Connector }

func (c postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return postgresConn{conn.(*stdlib.Conn)}, nil //nolint:forcetypeassert // it has no other
}

type postgresConn struct{ *stdlib.Conn }

// CheckNamedValue makes NULL of what cannot be a TEXT of PostgreSQL. Nothing is equal to that, as nothing has such a name.
func (postgresConn) CheckNamedValue(v *driver.NamedValue) error {
	if s, ok := v.Value.(string); ok && s != text(s) {
		v.Value = nil
	}
	return nil
}

// again runs f anew while PostgreSQL breaks it off for the sake of another transaction: two that each wait for what the other holds
// (deadlock_detected). Nothing of it has happened then. It is rare, for rows are held in one order, an account before its sessions
// before its logins before their tokens, and before its devices; but one statement on many rows takes them as they come.
func again(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		var refused *pgconn.PgError
		if try == 5 || ctx.Err() != nil || !errors.As(err, &refused) || refused.Code != "40P01" && refused.Code != "40001" {
			return err
		}
		time.Sleep(rand.N(20 * time.Millisecond)) //nolint:gosec // no secret: until the other has what it waited for
	}
}

// migrating is the number of the lock that whoever migrates holds: "qrlogin" in ASCII.
const migrating = 0x71726c6f67696e

// migratePostgres brings the tables up to date. Of several nodes that start at once the others wait for the first, and find it done.
func (db *DB) migratePostgres(ctx context.Context) error {
	return db.within(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, migrating); err != nil {
			return err
		}
		return db.migrate(ctx) // on other connections; this one holds the lock
	})
}

// postgresFiles is the migrations as PostgreSQL takes them. Its text is ordered by the machine's language unless told otherwise, and
// its indexes break when that changes with the operating system; here it is ordered by its bytes, as in SQLite and in Go.
type postgresFiles struct{ fs.FS }

var textColumn = regexp.MustCompile(`\bTEXT\b`)

func (f postgresFiles) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return rewritten{file, strings.NewReader(textColumn.ReplaceAllString(string(content), `TEXT COLLATE "C"`))}, nil
}

type rewritten struct {
	fs.File
	content io.Reader
}

func (r rewritten) Read(p []byte) (int, error) { return r.content.Read(p) }

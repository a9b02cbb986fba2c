package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"modernc.org/sqlite"

	"qrlogin/provider/internal/identity"
)

// fileName is the database in its folder. SQLite keeps qrlogin.db-wal and qrlogin.db-shm beside it while it is open.
const fileName = "qrlogin.db"

// DB is an open database. Its methods may be called from many goroutines at once.
type DB struct {
	// write is one connection: SQLite has one writer at a time, and a queue in here is fairer than SQLite's own, which
	// sleeps and tries again. read is a few more, or the same one for a database in memory.
	write, read *sql.DB
	anchor      *sql.DB // keeps a database in memory alive when the other connections are lost

	turn chan struct{} // see inTurn

	postgres bool // it is PostgreSQL, where write and read are one pool, and there are many writers at a time

	client, origin, account, device, login, recordLogin, recordFurtherLogin, putSession, audit *sql.Stmt

	lately lately

	numbers *identity.Numbers // see KeepNumbers
}

// Open opens the SQLite database in the folder dir and brings its tables up to date. A folder that is not there is made (mode 0700)
// if the one above it is; so is the file (0600). With dir "" the database is in memory and ends with Close.
//
// Any number of processes may have the same file open. An error is one line that names the folder or file. Each trace is told of every
// statement.
func Open(ctx context.Context, dir string, traces ...Trace) (*DB, error) {
	db, name, err := connect(dir, traces...)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	if err := db.prepare(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sqlstore: %s: %w", name, err)
	}
	return db, nil
}

// Ready asks whether the database answers.
func (db *DB) Ready(ctx context.Context) error {
	var one int
	return failure("asking whether it is there", db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM meta WHERE name = 'id'`).Scan(&one))
}

// Pools is how many connections to the database are in use now, and how often somebody has waited for one.
func (db *DB) Pools() (used int, waits int64) {
	for _, pool := range []*sql.DB{db.read, db.write} {
		stats := pool.Stats()
		used, waits = used+stats.InUse, waits+stats.WaitCount
		if db.read == db.write {
			break
		}
	}
	return used, waits
}

// Close closes the database after what is under way.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.read, db.write, db.anchor} { // the writer after the readers, so that it can tidy the file up
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// creating is held from the making of a file until it is closed again, so that no other DB of this process has it open by then:
// to close a file is to give up every lock that the process holds on it (POSIX), SQLite's too.
var creating sync.Mutex

// connect opens the pools. name is what an error should call the database.
func connect(dir string, traces ...Trace) (db *DB, name string, err error) {
	if dir == "" {
		db, err = connectMemory(traces...)
		return db, "in memory", err
	}
	dir, err = filepath.Abs(dir) // a connection opened later must not depend on the working directory
	if err != nil {
		return nil, "", err
	}
	if err := makeFolder(dir); err != nil {
		return nil, "", fmt.Errorf("data folder: %w", err)
	}
	name = filepath.Join(dir, fileName)
	db, err = connectFile(name, traces...)
	return db, name, err
}

func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	return err
}

// makeFile makes the file if there is none. SQLite would make it readable by everybody, and it holds private keys.
func makeFile(path string) error {
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func connectFile(path string, traces ...Trace) (*DB, error) {
	if err := makeFile(path); err != nil {
		return nil, err
	}
	write, err := pool(path, 1, url.Values{"_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}}, traces...)
	if err != nil {
		return nil, err
	}
	read, err := pool(path, max(4, runtime.GOMAXPROCS(0)), url.Values{"_query_only": {"1"}}, traces...)
	if err != nil {
		return nil, err
	}
	return &DB{write: write, read: read, turn: make(chan struct{}, 1)}, nil
}

// connectMemory makes a database of SQLite's memdb kind, which lives as long as any connection to it. One connection does the
// work: a second would gain nothing and have to wait for locks. The anchor does none, and so never breaks: database/sql
// drops a connection when a call on it fails badly.
func connectMemory(traces ...Trace) (*DB, error) {
	name := "/qrlogin-" + rand.Text()
	work, err := pool(name, 1, url.Values{"vfs": {"memdb"}}, traces...)
	if err != nil {
		return nil, err
	}
	anchor, err := pool(name, 1, url.Values{"vfs": {"memdb"}})
	if err != nil {
		return nil, err
	}
	return &DB{write: work, read: work, anchor: anchor, turn: make(chan struct{}, 1)}, nil
}

// pool is up to n connections, which stay open. A transaction takes the write lock when it begins: one that read first and
// then wanted to write would be refused if another had written meanwhile.
func pool(path string, n int, options url.Values, traces ...Trace) (*sql.DB, error) {
	options.Set("_busy_timeout", "30000") // ms that a writer waits for those in another process, who take no turns
	options.Set("_foreign_keys", "1")
	options.Set("_txlock", "immediate")
	options.Set("_pragma", "secure_delete(1)") // what is overwritten or deleted may be a private key, and goes from the file
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: options.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(traced(connector, "sqlite", traces))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// prepare migrates, and prepares the statements that every login runs, or every look at what it gave out, and those whose text is not
// the same for both databases.
func (db *DB) prepare(ctx context.Context) error {
	if db.anchor != nil {
		if err := db.anchor.PingContext(ctx); err != nil {
			return err
		}
	}
	if err := db.start(ctx); err != nil {
		return err
	}
	// SQLite opens a file that it may only read without a word. Better to fail now than at somebody's first login.
	_, err := db.write.ExecContext(ctx, `UPDATE meta SET value = value WHERE name = 'id'`)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		stmt **sql.Stmt
		pool *sql.DB
		text string
	}{
		{&db.client, db.read, selectClient + " WHERE id = $1"},
		{&db.origin, db.read, selectOrigin},
		{&db.account, db.read, selectAccount},
		{&db.device, db.read, selectDevice},
		{&db.login, db.read, selectLogin + `id = $1`},
		{&db.recordLogin, db.write, insertLogin},
		{&db.recordFurtherLogin, db.write, insertFurtherLogin},
		{&db.putSession, db.write, insertSession},
		{&db.audit, db.write, insertEvent},
	} {
		if !db.postgres {
			s.text = strings.ReplaceAll(s.text, heldAccount, "")
		}
		if *s.stmt, err = s.pool.PrepareContext(ctx, s.text); err != nil { //nolint:sqlclosecheck // closed with its pool
			return err
		}
	}
	return nil
}

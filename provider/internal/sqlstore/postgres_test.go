package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"qrlogin/provider/internal/testenv"
)

// postgres is the server of this test run; nil where there is none. A schema in it does for a database: it is made much sooner.
var (
	postgres    *sql.DB
	postgresURL string
	schemas     atomic.Int32
)

// startPostgres starts the server, and has the suite run on it.
func startPostgres() (stop func()) {
	path, ok := testenv.Require(testenv.PostgresPrograms()...)
	if !ok {
		return func() {}
	}
	url, stop, err := testenv.Postgres(path)
	if err == nil {
		postgresURL = url
		postgres, err = sql.Open("pgx", url)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	backends["postgres"] = usedPostgres
	return stop
}

// newPostgres answers the URL of a new, empty database.
func newPostgres(t testing.TB) string {
	t.Helper()
	schema := fmt.Sprint("test", schemas.Add(1))
	_, err := postgres.Exec("CREATE SCHEMA " + schema)
	must(t, err)
	return postgresURL + "&search_path=" + schema
}

func mustOpenPostgres(t testing.TB, url string) *DB {
	t.Helper()
	db, err := OpenPostgres(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, furnish(t.Context(), db))
	return db
}

// emptied is databases that tests are done with. To open one takes ten times as long as to empty it.
var emptied = make(chan *DB, 100)

func usedPostgres(t testing.TB) *DB {
	t.Helper()
	var db *DB
	select {
	case db = <-emptied:
	default:
		var err error
		db, err = OpenPostgres(context.Background(), newPostgres(t)) //nolint:usetesting // it outlives the test
		must(t, err)
	}
	t.Cleanup(func() {
		var tables string
		must(t, db.read.QueryRow(`SELECT string_agg(tablename, ', ') FROM pg_tables
			WHERE schemaname = current_schema() AND tablename <> 'goose_db_version'`).Scan(&tables))
		_, err := db.write.Exec("TRUNCATE " + tables)
		must(t, err)
		clear(db.lately.clients) // what the next test finds must not be this one's
		emptied <- db
	})
	must(t, furnish(t.Context(), db))
	return db
}

func TestWhatPostgresCannotBeReachedByIsOneClearLineWithoutThePassword(t *testing.T) {
	for url, says := range map[string]string{
		"postgres://someone:hidden@127.0.0.1:1/accounts":            "database accounts at 127.0.0.1: ",
		"postgres://someone:hidden@localhost:1,127.0.0.1:1/a":       "database a at localhost: ",
		"postgresql://someone:hidden@127.0.0.1:1":                   "database someone at 127.0.0.1: ",
		"postgres://someone:h/hidden@localhost/accounts":            "is not a URL",
		"postgres://someone:hidden@localhost:port/accounts":         "is not a URL",
		"postgres://someone:hidden%zz@localhost/accounts":           "is not a URL",
		"postgres://someone:hidden@localhost/a?sslmode=hidden":      "is not a URL",
		"mysql://someone:hidden@localhost/accounts":                 "is not a URL",
		"user=someone password=hidden host=localhost dbname=hidden": "is not a URL",
		"": "is not a URL",
	} {
		db, err := OpenPostgres(t.Context(), url)
		if err == nil {
			must(t, db.Close())
			t.Fatalf("%s was opened", url)
		}
		if s := err.Error(); !strings.Contains(s, says) || strings.Contains(s, "hidden") || strings.Contains(s, "\n") {
			t.Errorf("%s: %q", url, s)
		}
	}
}

func TestAPostgresThatMayOnlyBeReadIsRefusedAtOnce(t *testing.T) {
	if postgres == nil {
		return
	}
	url := newPostgres(t)
	mustOpenPostgres(t, url)
	if db, err := OpenPostgres(t.Context(), url+"&default_transaction_read_only=on"); err == nil {
		must(t, db.Close())
		t.Error("it was opened")
	}
}

func TestOfTwoTransactionsThatWaitForEachOtherOneRunsAgain(t *testing.T) {
	if postgres == nil {
		return
	}
	db := mustOpenPostgres(t, newPostgres(t)+"&deadlock_timeout=10ms")
	_, err := db.write.Exec(`INSERT INTO meta (name, value) VALUES ('a', ''), ('b', '')`)
	must(t, err)
	var began sync.WaitGroup
	began.Add(2)
	var runs atomic.Int32
	atOnce(2, func(i int) {
		names, first := []string{"a", "b"}, true
		err := db.within(t.Context(), func(tx *sql.Tx) error {
			runs.Add(1)
			for _, n := range []int{i, 1 - i} {
				if _, err := tx.Exec(`UPDATE meta SET value = value WHERE name = $1`, names[n]); err != nil {
					return err
				}
				if first { // each holds one
					first = false
					began.Done()
					began.Wait()
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	if n := runs.Load(); n < 3 {
		t.Errorf("they ran %d times: did they wait for each other?", n)
	}
}

func TestNodesThatOpenANewPostgresAtOnceMigrateItOnce(t *testing.T) {
	if postgres == nil {
		return
	}
	for range 2 {
		url := newPostgres(t)
		ids := make([]string, 8)
		atOnce(len(ids), func(i int) {
			db, err := OpenPostgres(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if ids[i], err = db.ID(t.Context()); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		for _, id := range ids {
			same(t, id, ids[0])
		}
	}
}

func TestANodeWhoseConnectionsBreakGoesOnWithOthers(t *testing.T) {
	if postgres == nil {
		return
	}
	db := mustOpenPostgres(t, newPostgres(t)+"&application_name=breaks")
	asks := func() error { // what is read anew each time
		_, err := db.RegisteredOrigin(t.Context(), "https://shop.example")
		return err
	}
	atOnce(8, func(int) { _ = asks() })
	var broken int
	must(t, postgres.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'breaks'`).Scan(&broken))
	if broken == 0 {
		t.Fatal("there were none")
	}
	for failed := 0; ; failed++ {
		if asks() == nil {
			break
		}
		if failed == broken {
			t.Fatalf("it still fails after each of %d has", broken)
		}
	}
	_, fresh, err := db.RecordLogin(t.Context(), login("one", "challenge"))
	for failed := 0; err != nil && failed < broken; failed++ {
		_, fresh, err = db.RecordLogin(t.Context(), login("one", "challenge"))
	}
	must(t, err)
	same(t, fresh, true)
}

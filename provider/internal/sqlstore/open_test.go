package sqlstore

import (
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qrlogin/provider/internal/identity"
)

func TestWhatCannotBeOpenedIsOneClearLine(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	junk := filepath.Join(folder, "junk")
	must(t, os.Mkdir(junk, 0o700))
	must(t, os.WriteFile(filepath.Join(junk, fileName), []byte(strings.Repeat("not a database ", 100)), 0o600))
	occupied := filepath.Join(folder, "occupied")
	must(t, os.MkdirAll(filepath.Join(occupied, fileName), 0o700))

	for _, c := range []struct{ name, dir, says string }{
		{"the folder above is missing", filepath.Join(folder, "missing", "data"), "data folder: "},
		{"a file is in the folder's place", file, "is not a folder"},
		{"the folder would be below a file", filepath.Join(file, "data"), "data folder: "},
		{"a folder is in the file's place", occupied, "unable to open database file"},
		{"the file is something else", junk, "file is not a database"},
		{"nobody can make a file there", "/proc", "/proc"},
	} {
		db, err := Open(t.Context(), c.dir)
		if err == nil {
			t.Errorf("%s: opened", c.name)
			must(t, db.Close())
			continue
		}
		if s := err.Error(); strings.Contains(s, "\n") || !strings.Contains(s, c.dir) || !strings.Contains(s, c.says) {
			t.Errorf("%s: %q", c.name, s)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a folder above the data folder was made")
	}
	content, err := os.ReadFile(filepath.Join(junk, fileName))
	must(t, err)
	if !strings.HasPrefix(string(content), "not a database") {
		t.Error("a file that is no database was overwritten")
	}
}

func TestTheFolderAndEveryFileInItAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db := mustOpen(t, dir)
	must(t, db.PutClient(t.Context(), shop))
	info, err := os.Stat(dir)
	must(t, err)
	same(t, info.Mode().Perm(), 0o700)
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) < 2 {
		t.Errorf("%v: where is the write-ahead log?", files)
	}
	for _, f := range files {
		info, err := f.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", f.Name(), info.Mode().Perm())
		}
	}
}

func TestAFolderMayHaveAnyName(t *testing.T) {
	for _, name := range []string{"a b", "q?mode=memory", "#", "%41", "é", "&_query_only=1", "'", ";"} {
		dir := filepath.Join(t.TempDir(), name)
		must(t, mustOpen(t, dir).PutClient(t.Context(), shop))
		if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil {
			t.Error(err)
		}
	}
}

func TestARelativeFolderStaysTheSameWhenTheWorkingDirectoryChanges(t *testing.T) {
	t.Chdir(t.TempDir())
	db := mustOpen(t, "data")
	must(t, db.PutClient(t.Context(), shop))
	t.Chdir(t.TempDir())
	// More readers at once than are open, so that new ones must find the file.
	atOnce(8, func(int) {
		if _, err := db.Clients(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestTheFileIsKeptAsPromised(t *testing.T) {
	db := mustOpen(t, t.TempDir())
	for pragma, want := range map[string]int{"busy_timeout": 30000, "foreign_keys": 1} {
		var write, read int
		must(t, db.write.QueryRow("PRAGMA "+pragma).Scan(&write))
		must(t, db.read.QueryRow("PRAGMA "+pragma).Scan(&read))
		same(t, []int{write, read}, []int{want, want})
	}
	var mode string
	must(t, db.write.QueryRow("PRAGMA journal_mode").Scan(&mode))
	same(t, mode, "wal")
	var synchronous int
	must(t, db.write.QueryRow("PRAGMA synchronous").Scan(&synchronous))
	same(t, synchronous, 1) // NORMAL
	if _, err := db.read.Exec(`DELETE FROM clients`); err == nil {
		t.Error("a reader could write")
	}
}

func TestADatabaseInMemoryOutlivesItsConnections(t *testing.T) {
	db := mustOpen(t, "")
	must(t, db.PutClient(t.Context(), shop))
	db.write.SetMaxIdleConns(0) // closes the idle one
	same(t, db.write.Stats().OpenConnections, 0)
	db.write.SetMaxIdleConns(1)
	got, err := db.Client(t.Context(), "shop")
	must(t, err)
	same(t, got, shop)

	conn, err := db.write.Conn(t.Context())
	must(t, err)
	same(t, conn.Raw(func(any) error { return driver.ErrBadConn }), driver.ErrBadConn) // database/sql throws it away
	got, err = db.Client(t.Context(), "shop")
	must(t, err)
	same(t, got, shop)
}

func TestTwoDatabasesInMemoryAreTwo(t *testing.T) {
	a, b := mustOpen(t, ""), mustOpen(t, "")
	must(t, a.PutClient(t.Context(), shop))
	_, err := b.Client(t.Context(), "shop")
	same(t, err, identity.ErrUnknownClient)
}

func TestAfterARestartEverythingIsThere(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	db, err := Open(ctx, dir)
	must(t, err)
	must(t, furnish(ctx, db))
	id, err := db.ID(ctx)
	must(t, err)
	secret, err := db.Secret(ctx, "pairwise")
	must(t, err)
	must(t, db.PutClient(ctx, shop))
	a, d, _, err := db.Enroll(ctx, number, device("one", 1))
	must(t, err)
	must(t, db.PutSession(ctx, session("session", 9)))
	l := recorded(t, db, "one", within("session"))
	token := refreshToken("token", "one")
	must(t, db.AddRefreshToken(ctx, token))
	key, err := db.AddSigningKey(ctx, SigningKey{ID: "kid", Alg: "ES256", Private: []byte("key"), ActiveAt: at(1)}, "")
	must(t, err)
	event := identity.AuditEvent{At: at(1), Kind: "device.enrolled"}
	must(t, db.Audit(ctx, event))
	must(t, db.Close())

	db = mustOpen(t, dir)
	gotID, err := db.ID(ctx)
	must(t, err)
	same(t, gotID, id)
	gotSecret, err := db.Secret(ctx, "pairwise")
	must(t, err)
	same(t, gotSecret, secret)
	gotClient, err := db.Client(ctx, "shop")
	must(t, err)
	same(t, gotClient, shop)
	gotDevice, err := db.Device(ctx, "one")
	must(t, err)
	same(t, gotDevice, d)
	gotAccount, err := db.Account(ctx, a.ID)
	must(t, err)
	same(t, gotAccount, a)
	gotSession, err := db.Session(ctx, "session", at(1))
	must(t, err)
	same(t, gotSession, session("session", 9))
	gotLogin, fresh, err := db.RecordLogin(ctx, login("two", l.Challenge))
	must(t, err)
	same(t, fresh, false)
	same(t, gotLogin, l)
	gotToken, gotLogin, used, err := db.RefreshToken(ctx, "token")
	must(t, err)
	same(t, gotToken, token)
	same(t, gotLogin, l)
	same(t, used, false)
	gotKey, err := db.AddSigningKey(ctx, SigningKey{ID: "new", Alg: "ES256"}, "")
	must(t, err)
	same(t, gotKey, key)
	events, err := db.AuditEvents(ctx, at(0), 10)
	must(t, err)
	same(t, events, []identity.AuditEvent{event})
}

func TestACloseLeavesOneFile(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), dir)
	must(t, err)
	must(t, db.PutClient(t.Context(), shop))
	_, err = db.Client(t.Context(), "shop")
	must(t, err)
	must(t, db.Close())
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) != 1 || files[0].Name() != fileName {
		t.Errorf("%v", files)
	}
}

package sqlstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/identity"
)

// The tests below need other processes. They are this test binary once more, told by its environment what to do with the
// database in its working directory.
const roleVariable = "SQLSTORE_TEST_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func(context.Context, *DB) error{"start": start, "write": write}
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		stop := startPostgres()
		code := m.Run()
		stop()
		os.Exit(code)
	}
	ctx := context.Background()
	db, err := Open(ctx, ".")
	if err == nil {
		err = furnish(ctx, db)
	}
	if err == nil {
		err = role(ctx, db)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func process(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	c := exec.CommandContext(t.Context(), program)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Dir = dir
	return c
}

// start is what a provider asks for when it starts.
func start(ctx context.Context, db *DB) error {
	id, err := db.ID(ctx)
	if err != nil {
		return err
	}
	secret, err := db.Secret(ctx, "pairwise")
	if err != nil {
		return err
	}
	key, err := db.AddSigningKey(ctx, SigningKey{ID: rand.Text(), Alg: "ES256", Private: []byte("key")}, "")
	if err != nil {
		return err
	}
	fmt.Println(id, hex.EncodeToString(secret), key.ID)
	return db.Close()
}

func TestProvidersThatStartAtOnceOnANewFolderAgreeAndSayNothing(t *testing.T) {
	for range 3 {
		dir := t.TempDir()
		said := make([]string, 6)
		atOnce(len(said), func(i int) {
			c := process(t, "start", dir)
			var out, errs bytes.Buffer
			c.Stdout, c.Stderr = &out, &errs
			if err := c.Run(); err != nil {
				t.Errorf("%v: %s", err, errs.String())
			}
			if errs.Len() != 0 {
				t.Errorf("it logged %q", errs.String())
			}
			said[i] = out.String()
		})
		for _, s := range said {
			same(t, s, said[0])
		}
	}
}

// SQLite itself would open such a file without a word, and fail at the first login.
func TestAFileThatMayOnlyBeReadIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), dir)
	must(t, err)
	must(t, db.Close())
	c := process(t, "start", dir)
	if os.Geteuid() == 0 { // root may write to anything: another user tries, who must be able to get at the folder and the program
		content, err := os.ReadFile(c.Path)
		must(t, err)
		c.Path = filepath.Join(dir, "program")
		must(t, os.WriteFile(c.Path, content, 0o755))
		must(t, os.Chmod(filepath.Dir(dir), 0o755))
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	must(t, os.Chmod(dir, 0o777))
	must(t, os.Chmod(filepath.Join(dir, fileName), 0o444))
	said, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(said), fileName) || !strings.Contains(string(said), "readonly database") || strings.Count(string(said), "\n") != 1 {
		t.Errorf("%v: %s", err, said)
	}
}

// write records logins until it is killed, and says each number when its login is committed.
func write(ctx context.Context, db *DB) error {
	for n := 0; ; n++ {
		s := fmt.Sprint(n)
		if _, _, err := db.RecordLogin(ctx, login(s, s)); err != nil {
			return err
		}
		if _, _, _, err := db.Enroll(ctx, "+86138"+s, device(s, 0)); err != nil { // a transaction of several statements
			return err
		}
		fmt.Println(n)
	}
}

func TestAProcessKilledWhileItWritesLosesNothingThatItCommitted(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		c := process(t, "write", dir)
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		committed := 0
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if committed++; committed == 300 {
				must(t, c.Process.Kill()) // what it still says is read to the end
			}
		}
		_ = c.Wait()
		if committed < 300 {
			t.Fatalf("it ended by itself after %d", committed)
		}

		db := mustOpen(t, dir)
		var verdict string
		must(t, db.write.QueryRow("PRAGMA integrity_check").Scan(&verdict))
		same(t, verdict, "ok")
		for n := range committed {
			s := fmt.Sprint(n)
			stored, fresh, err := db.RecordLogin(t.Context(), login(s, s))
			must(t, err)
			same(t, fresh, false)
			same(t, stored, login(s, s))
			_, err = db.Device(t.Context(), s)
			must(t, err)
		}
		var orphans int
		must(t, db.read.QueryRow(`SELECT count(*) FROM accounts WHERE id NOT IN (SELECT account FROM devices) AND created_at > 0`).Scan(&orphans))
		same(t, orphans, 0)
		must(t, db.Close())
		dir = t.TempDir()
	}
}

// eachPair runs a test on two handles of one database, of each kind that may be shared.
func eachPair(t *testing.T, test func(t *testing.T, handles []*DB)) {
	t.Run("file", func(t *testing.T) {
		dir := t.TempDir()
		test(t, []*DB{mustOpen(t, dir), mustOpen(t, dir)})
	})
	if postgres != nil {
		t.Run("postgres", func(t *testing.T) {
			url := newPostgres(t)
			test(t, []*DB{mustOpenPostgres(t, url), mustOpenPostgres(t, url)})
		})
	}
}

func TestAClientThatOneHandleAddsTheOtherReadsAtOnce(t *testing.T) {
	eachPair(t, func(t *testing.T, handles []*DB) {
		server, command := handles[0], handles[1]
		for i := range 20 {
			added := shop
			added.ID = fmt.Sprint("shop", i)
			_, err := server.Client(t.Context(), added.ID)
			same(t, err, identity.ErrUnknownClient)
			must(t, command.PutClient(t.Context(), added))
			got, err := server.Client(t.Context(), added.ID)
			must(t, err)
			same(t, got, added)
		}
	})
}

func TestAClientThatOneHandleChangesOrRemovesIsAnotherToBothAfterASecond(t *testing.T) {
	eachPair(t, func(t *testing.T, handles []*DB) {
		server, command := handles[0], handles[1]
		must(t, command.PutClient(t.Context(), shop))
		read := func(db *DB) (name string) {
			c, err := db.Client(t.Context(), shop.ID)
			if !errors.Is(err, identity.ErrUnknownClient) {
				must(t, err)
			}
			return c.Name
		}
		wants := func(name string) {
			t.Helper()
			same(t, read(command), name)
			for began := time.Now(); read(server) != name; time.Sleep(10 * time.Millisecond) {
				if time.Since(began) > time.Minute {
					t.Fatalf("still %q a minute later, and not %q", read(server), name)
				}
			}
		}
		wants(shop.Name)
		renamed := shop
		renamed.Name = "The Other Shop"
		must(t, command.PutClient(t.Context(), renamed))
		wants(renamed.Name)
		must(t, command.RemoveClient(t.Context(), shop.ID))
		wants("")
	})
}

// What was read before a change and comes back after it is not kept.
func TestAClientIsNotKeptAsItWasBeforeAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // no time passes
		var l lately
		_, _, before := l.get(shop.ID)
		l.forget(shop.ID)
		l.keep(shop, before)
		if _, kept, _ := l.get(shop.ID); kept {
			t.Error("kept")
		}
		_, _, now := l.get(shop.ID)
		l.keep(shop, now)
		if _, kept, _ := l.get(shop.ID); !kept {
			t.Error("not kept")
		}
	})
}

func TestNoMoreClientsAreKeptThanThereIsRoomFor(t *testing.T) {
	var l lately
	for i := range 2*clientsKept + 1 {
		l.keep(identity.Client{ID: fmt.Sprint(i)}, 0)
		if len(l.clients) > clientsKept {
			t.Fatal(len(l.clients))
		}
	}
}

func TestTwoHandlesThatWriteAtOnceNeitherFailNorRecordALoginTwice(t *testing.T) {
	eachPair(t, func(t *testing.T, handles []*DB) {
		var fresh atomic.Int32
		atOnce(16, func(i int) {
			db := handles[i%2]
			for n := range 25 {
				_, first, err := db.RecordLogin(t.Context(), login(fmt.Sprint(i, n), fmt.Sprint(n)))
				if err != nil {
					t.Error(err)
				}
				if first {
					fresh.Add(1)
				}
				if _, _, _, err := db.Enroll(t.Context(), number, device(fmt.Sprint(i, n), 0)); err != nil {
					t.Error(err)
				}
			}
		})
		same(t, fresh.Load(), 25)
	})
}

func TestOfRotationsOfOneTokenByTwoHandlesAtOnceOneSucceeds(t *testing.T) {
	eachPair(t, func(t *testing.T, handles []*DB) {
		recorded(t, handles[0], "one", nil)
		must(t, handles[0].AddRefreshToken(t.Context(), refreshToken("a", "one")))
		wantOneRotation(t, handles...)
	})
}

func TestTransactionsOfTwoHandlesThatReadAndThenWriteFollowOneAnother(t *testing.T) {
	dir := t.TempDir()
	handles := []*DB{mustOpen(t, dir), mustOpen(t, dir)}
	_, err := handles[0].write.Exec(`INSERT INTO meta (name, value) VALUES ('counter', $1)`, []byte{0})
	must(t, err)
	atOnce(64, func(i int) {
		err := handles[i%2].within(t.Context(), func(tx *sql.Tx) error {
			var counter []byte
			if err := tx.QueryRow(`SELECT value FROM meta WHERE name = 'counter'`).Scan(&counter); err != nil {
				return err
			}
			counter[0]++
			_, err := tx.Exec(`UPDATE meta SET value = $1 WHERE name = 'counter'`, counter)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	var counter []byte
	must(t, handles[1].read.QueryRow(`SELECT value FROM meta WHERE name = 'counter'`).Scan(&counter))
	same(t, counter, []byte{64})
}

func TestALoginThatWaitsForAnotherProcessToWriteWaitsNoLongerThanItsRequest(t *testing.T) {
	dir := t.TempDir()
	db, another := mustOpen(t, dir), mustOpen(t, dir)
	account, _, _, err := db.Enroll(t.Context(), "+8613800138000", device("phone", 0))
	must(t, err)
	tx, err := another.write.BeginTx(t.Context(), nil) // which takes the lock
	must(t, err)
	record := func(ctx context.Context, challenge string) error {
		l := login(challenge, challenge)
		l.Account, l.Device = account.ID, "phone"
		_, _, err := db.RecordLogin(ctx, l)
		return err
	}
	first := make(chan error, 1)
	go func() { first <- record(t.Context(), "first") }()
	for len(db.turn) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	second := make(chan error, 1)
	go func() { second <- record(ctx, "second") }()
	select {
	case err := <-second:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the second still waits")
	}
	must(t, tx.Rollback())
	must(t, <-first)
}

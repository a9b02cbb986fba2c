package sqlstore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"qrlogin/provider/internal/identity"
)

// wantNothingOf looks through every file of a folder for a number, and for any six digits of it in a row.
func wantNothingOf(t *testing.T, dir, number string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		for i := 0; i+6 <= len(number); i++ {
			if bytes.Contains(content, []byte(number[i:i+6])) {
				t.Errorf("%s has %s of %s", f.Name(), number[i:i+6], number)
			}
		}
	}
}

const distinct = "+8613957284601"

// SECURITY.md §5: who has the database has no number.
func TestNoNumberAndNoPartOfOneIsInTheFile(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, dir)
	a, _ := enrolled(t, db, distinct, "first", at(0))
	enrolled(t, db, distinct, "second", at(1))
	wantNothingOf(t, dir, distinct)
	got, err := db.Account(t.Context(), a.ID)
	must(t, err)
	same(t, got.PhoneNumber, distinct)
	must(t, db.Close())
	wantNothingOf(t, dir, distinct)
}

// A sealed number that is put to another account does not open there.
func TestANumberIsNoOtherAccounts(t *testing.T) {
	db := mustOpen(t, "")
	a, _ := enrolled(t, db, number, "one", at(0))
	b, _ := enrolled(t, db, otherNumber, "two", at(0))
	_, err := db.write.Exec(`UPDATE accounts SET number_sealed = (SELECT number_sealed FROM accounts WHERE id = $1) WHERE id = $2`, a.ID, b.ID)
	must(t, err)
	if got, err := db.Account(t.Context(), b.ID); err == nil {
		t.Errorf("it has %s", got.PhoneNumber)
	}
}

// A deleted account is gone from the file, too, and so is what it was kept as.
func TestADeletedAccountIsGoneFromTheFile(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, dir)
	a, _ := enrolled(t, db, distinct, "the first device", at(0))
	recorded(t, db, "the login of it", func(l *identity.Login) {
		l.Account, l.Device, l.UserAgent = a.ID, "the first device", "A browser of its own"
	})
	must(t, db.Audit(t.Context(), identity.AuditEvent{Kind: "code.stale", Account: a.ID, Detail: "an event of it"}))
	_, err := db.DeleteAccount(t.Context(), a.ID, at(1))
	must(t, err)
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		for _, left := range []string{a.ID, "the first device", "the login of it", "A browser of its own", "an event of it", string(numbers.Hash(distinct))} {
			if bytes.Contains(content, []byte(left)) {
				t.Errorf("%s has %q", f.Name(), left)
			}
		}
	}
}

// former is a folder as the version before left it, with so many accounts.
func former(t *testing.T, n int) (dir string, numbers []string) {
	t.Helper()
	ctx := t.Context()
	dir = t.TempDir()
	old, err := connectFile(filepath.Join(dir, fileName))
	must(t, err)
	p, err := old.migrator()
	must(t, err)
	_, err = p.UpTo(ctx, 5)
	must(t, err)
	for i := range n {
		numbers = append(numbers, fmt.Sprintf("+8613957%06d", 284601+i*7))
		_, err = old.write.ExecContext(ctx, `INSERT INTO accounts (id, phone_number, created_at) VALUES ($1, $2, $3)`, fmt.Sprint("a", i), numbers[i], i)
		must(t, err)
		_, err = old.write.ExecContext(ctx, `INSERT INTO devices (id, account, name, public_key, created_at, last_seen_at) VALUES ($1, $2, 'Phone', 'key', $3, $4)`,
			fmt.Sprint("d", i), fmt.Sprint("a", i), i, i)
		must(t, err)
	}
	must(t, old.Close())
	return dir, numbers
}

func TestNumbersOfAFormerVersionAreSealedAndNothingOfThemStaysInTheFile(t *testing.T) {
	const n = 500 // more than a page of the table, and of its index
	dir, all := former(t, n)
	// A command that has not the key brings the tables up to date, and leaves the numbers to the server.
	command, err := Open(t.Context(), dir)
	must(t, err)
	must(t, command.Close())

	db := mustOpen(t, dir)
	for i, number := range all {
		d, err := db.Device(t.Context(), fmt.Sprint("d", i))
		must(t, err)
		a, err := db.Account(t.Context(), d.Account)
		must(t, err)
		same(t, a, identity.Account{ID: fmt.Sprint("a", i), PhoneNumber: number, CreatedAt: fromMillis(int64(i))})
		same(t, d.ActiveAt, d.CreatedAt)
	}
	a, _, _, err := db.Enroll(t.Context(), all[7], identity.Device{ID: "new", Key: []byte("key"), CreatedAt: fromMillis(9)})
	must(t, err)
	same(t, a.ID, "a7")
	var left int
	must(t, db.read.QueryRow(`SELECT count(*) FROM unsealed_numbers`).Scan(&left))
	same(t, left, 0)
	for _, number := range []string{all[0], all[n/2], all[n-1]} {
		wantNothingOf(t, dir, number)
	}
	content, err := os.ReadFile(filepath.Join(dir, fileName))
	must(t, err)
	for _, number := range all {
		if bytes.Contains(content, []byte(number[3:])) {
			t.Errorf("the file has %s", number)
		}
	}
}

func TestProvidersThatSealAFormerVersionsNumbersAtOnceAgree(t *testing.T) {
	dir, all := former(t, 100)
	atOnce(6, func(int) {
		db, err := Open(t.Context(), dir)
		if err == nil {
			err = db.KeepNumbers(t.Context(), numbers)
		}
		if err != nil {
			t.Error(err)
			return
		}
		for i, number := range all {
			if a, err := db.Account(t.Context(), fmt.Sprint("a", i)); err != nil || a.PhoneNumber != number {
				t.Errorf("%s has %s: %v", fmt.Sprint("a", i), a.PhoneNumber, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

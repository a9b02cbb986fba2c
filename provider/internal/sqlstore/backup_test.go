package sqlstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
)

// Writers go on while copies are made, and each copy is a database by itself: whole, with every client that was there before it began.
func TestABackupUnderLoadIsWhole(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlstore.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	put := func(n int) {
		id := fmt.Sprintf("client-%d", n)
		if err := db.PutClient(t.Context(), identity.Client{ID: id, Name: id, Scopes: []string{"openid"}, SigningAlg: "ES256"}); err != nil {
			t.Error(err)
		}
	}
	was := id(t, db) // which is made at first use
	const before = 50
	for n := range before {
		put(n)
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for n := 1000 * (w + 1); ; n++ {
				select {
				case <-stop:
					return
				default:
					put(n)
				}
			}
		})
	}
	for k := range 3 {
		folder := filepath.Join(t.TempDir(), fmt.Sprint(k))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, "qrlogin.db")
		if err := sqlstore.Backup(t.Context(), dir, file); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
			t.Errorf("the folder has %v, %v", left, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("the copy is %v, %v", info.Mode(), err)
		}
		restored, err := sqlstore.Open(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		clients, err := restored.Clients(t.Context())
		if err != nil || len(clients) < before {
			t.Errorf("%d clients of at least %d, %v", len(clients), before, err)
		}
		if is := id(t, restored); was != is {
			t.Errorf("the database was %s and is %s", was, is)
		}
		if err := restored.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writers.Wait()
}

func id(t *testing.T, db *sqlstore.DB) string {
	t.Helper()
	id, err := db.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

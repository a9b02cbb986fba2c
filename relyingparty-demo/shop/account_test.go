package shop

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

func TestAccountsSurviveARestartInAFolderThatOthersCannotRead(t *testing.T) {
	folder := t.TempDir()
	for visit := int64(1); visit <= 2; visit++ {
		a, err := openAccounts(folder)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.seen(t.Context(), "https://id.example", "s", "+8613800138000")
		if err != nil || got.Visits != visit || got.ID != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(folder, "shop.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := openAccounts(filepath.Join(folder, "missing")); err == nil {
		t.Error("a folder that is not there is taken")
	}
}

func TestAnAccountThatIsGoneSignsItsSessionOut(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	if _, err := w.shop.accounts.db.Exec(`DELETE FROM accounts`); err != nil {
		t.Fatal(err)
	}
	if r := b.get("/account"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/" {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	b.isNobody()
}

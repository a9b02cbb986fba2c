package sqlstore

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// inFiles tells whether a text is anywhere in the folder's files, SQLite's journal included.
func inFiles(t *testing.T, dir, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		must(t, err)
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}

func TestAPrivateKeyThatWasReplacedOrRemovedIsNotLeftInTheFiles(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, dir)
	add(t, db, signingKey("first", "ES256", 1), "")
	add(t, db, signingKey("second", "ES256", 2), "first")
	if !inFiles(t, dir, "private first") || !inFiles(t, dir, "private second") {
		t.Fatal("it was never there")
	}
	must(t, db.PutPrivateKeys(t.Context(), map[string][]byte{"first": []byte("a good deal longer than what was there before")}))
	must(t, db.RemoveSigningKeys(t.Context(), []string{"second"}))
	if inFiles(t, dir, "private first") || inFiles(t, dir, "private second") {
		t.Error("it is")
	}
}

func TestAKeyFromBeforeRotationSignsAsItDid(t *testing.T) {
	dir := t.TempDir()
	db, _, err := connect(dir)
	must(t, err)
	p, err := db.migrator()
	must(t, err)
	_, err = p.UpTo(t.Context(), 1)
	must(t, err)
	_, err = db.write.Exec(`INSERT INTO signing_keys (id, private_key, created_at) VALUES ($1, $2, $3)`, "old", []byte("private old"), millis(at(1)))
	must(t, err)
	must(t, db.Close())
	wantKeys(t, mustOpen(t, dir), signingKey("old", "ES256", 1))
}

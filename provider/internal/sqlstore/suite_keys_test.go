package sqlstore

import (
	"fmt"
	"testing"
)

func signingKey(id, alg string, second int) SigningKey {
	return SigningKey{ID: id, Alg: alg, Private: []byte("private " + id), ActiveAt: at(second)}
}

// add adds a key after the one named, which must work.
func add(t *testing.T, db *DB, k SigningKey, newest string) {
	t.Helper()
	stored, err := db.AddSigningKey(t.Context(), k, newest)
	must(t, err)
	same(t, stored, k)
}

func wantKeys(t *testing.T, db *DB, want ...SigningKey) {
	t.Helper()
	list, err := db.SigningKeys(t.Context())
	must(t, err)
	same(t, list, want)
}

var keySuite = map[string]func(*testing.T, *DB){
	"SixtyFourFirstSigningKeysAtOnceLeaveOne": func(t *testing.T, db *DB) {
		keys := make([]SigningKey, 64)
		atOnce(64, func(i int) {
			var err error
			if keys[i], err = db.AddSigningKey(t.Context(), signingKey(fmt.Sprint(i), "ES256", i), ""); err != nil {
				t.Error(err)
			}
		})
		for _, k := range keys {
			same(t, k, keys[0])
		}
		wantKeys(t, db, keys[0])
	},

	"NodesThatRotateAtOnceAgree": func(t *testing.T, db *DB) {
		first := signingKey("first", "ES256", 0)
		add(t, db, first, "")
		keys := make([]SigningKey, 16)
		atOnce(16, func(i int) {
			var err error
			if keys[i], err = db.AddSigningKey(t.Context(), signingKey(fmt.Sprint(i), "ES256", 1+i), "first"); err != nil {
				t.Error(err)
			}
		})
		for _, k := range keys {
			same(t, k, keys[0])
		}
		wantKeys(t, db, keys[0], first)
	},

	"SigningKeysComeNewestFirst": func(t *testing.T, db *DB) {
		wantKeys(t, db)
		oldest, middle, newest := signingKey("b", "ES256", 1), signingKey("a", "RS256", 2), signingKey("c", "ES256", 3)
		add(t, db, oldest, "")
		add(t, db, newest, "b")
		add(t, db, middle, "")
		wantKeys(t, db, newest, middle, oldest)
	},

	"AKeyIsOnlyAddedAfterTheNewestOfItsAlgorithm": func(t *testing.T, db *DB) {
		first, second, other := signingKey("first", "ES256", 1), signingKey("second", "ES256", 2), signingKey("other", "RS256", 9)
		add(t, db, first, "")
		add(t, db, second, "first")
		add(t, db, other, "")
		for _, newest := range []string{"", "first", "other", "unknown"} {
			stored, err := db.AddSigningKey(t.Context(), signingKey("third", "ES256", 3), newest)
			must(t, err)
			same(t, stored, second)
		}
		stored, err := db.AddSigningKey(t.Context(), signingKey("x", "EdDSA", 3), "first")
		must(t, err)
		same(t, stored, SigningKey{})
		wantKeys(t, db, other, second, first)
	},

	"RemovedKeysAreGoneAndTheOthersAreNot": func(t *testing.T, db *DB) {
		first, second, third := signingKey("first", "ES256", 1), signingKey("second", "ES256", 2), signingKey("third", "ES256", 3)
		add(t, db, first, "")
		add(t, db, second, "first")
		add(t, db, third, "second")
		must(t, db.RemoveSigningKeys(t.Context(), []string{"first", "unknown", "third"}))
		wantKeys(t, db, second)
		must(t, db.RemoveSigningKeys(t.Context(), nil))
		wantKeys(t, db, second)
		add(t, db, third, "second")
	},

	"PrivateHalvesAreReplacedAndNothingElse": func(t *testing.T, db *DB) {
		first, second := signingKey("first", "ES256", 1), signingKey("second", "RS256", 2)
		add(t, db, first, "")
		add(t, db, second, "")
		must(t, db.PutPrivateKeys(t.Context(), map[string][]byte{"first": []byte("sealed"), "unknown": []byte("x")}))
		first.Private = []byte("sealed")
		wantKeys(t, db, second, first)
	},
}

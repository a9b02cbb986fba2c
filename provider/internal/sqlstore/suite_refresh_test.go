package sqlstore

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"qrlogin/provider/internal/identity"
)

func refreshToken(hash, login string) identity.RefreshToken {
	return identity.RefreshToken{Hash: hash, Login: login, Thumbprint: "key of " + hash, ExpiresAt: at(30)}
}

// wantTokens is that these refresh tokens are kept, by their hashes in order, and no others.
func wantTokens(t *testing.T, db *DB, want ...string) {
	t.Helper()
	rows, err := db.read.Query(`SELECT hash FROM refresh_tokens ORDER BY hash`)
	got, err := all(rows, err, func(r row) (hash string, err error) { return hash, r.Scan(&hash) })
	must(t, err)
	same(t, got, want)
}

var refreshSuite = map[string]func(*testing.T, *DB){
	"ARefreshTokenComesBackAsItWasAddedWithItsLogin": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("session", 9)))
		bound := refreshToken("bound", "within a session")
		free := refreshToken("free", "bare")
		free.Thumbprint = ""
		for token, l := range map[identity.RefreshToken]identity.Login{
			bound: recorded(t, db, "within a session", within("session")),
			free:  recorded(t, db, "bare", func(l *identity.Login) { l.Scopes, l.Resources = nil, nil }),
		} {
			must(t, db.AddRefreshToken(t.Context(), token))
			gotToken, gotLogin, used, err := db.RefreshToken(t.Context(), token.Hash)
			must(t, err)
			same(t, gotToken, token)
			same(t, gotLogin, l)
			same(t, used, false)
		}
		for _, hash := range []string{"", "unheard of", "bare", "Bound"} {
			_, _, _, err := db.RefreshToken(t.Context(), hash)
			same(t, err, identity.ErrUnknownLogin)
		}
	},

	"ALoginThatHasEndedOrIsUnknownGetsNoRefreshToken": func(t *testing.T, db *DB) {
		recorded(t, db, "one", nil)
		_, err := db.EndLogin(t.Context(), "one", at(5))
		must(t, err)
		same(t, db.AddRefreshToken(t.Context(), refreshToken("a", "one")), identity.ErrEnded)
		same(t, db.AddRefreshToken(t.Context(), refreshToken("a", "two")), identity.ErrUnknownLogin)
		same(t, db.AddRefreshToken(t.Context(), refreshToken("a", "")), identity.ErrUnknownLogin)
		wantTokens(t, db)
	},

	"ARefreshTokenIsNotAddedTwice": func(t *testing.T, db *DB) {
		recorded(t, db, "one", nil)
		recorded(t, db, "two", nil)
		must(t, db.AddRefreshToken(t.Context(), refreshToken("a", "one")))
		if err := db.AddRefreshToken(t.Context(), refreshToken("a", "two")); err == nil {
			t.Error("it was")
		}
	},

	"ARefreshTokenIsUsedOnceAndStaysToBeNoticed": func(t *testing.T, db *DB) {
		l := recorded(t, db, "one", nil)
		must(t, db.AddRefreshToken(t.Context(), refreshToken("a", "one")))
		next := refreshToken("b", "one")
		must(t, db.RotateRefreshToken(t.Context(), "a", next, at(2)))
		same(t, db.RotateRefreshToken(t.Context(), "a", refreshToken("c", "one"), at(3)), identity.ErrEnded)
		for hash, want := range map[string]bool{"a": true, "b": false} {
			token, gotLogin, used, err := db.RefreshToken(t.Context(), hash)
			must(t, err)
			same(t, token, refreshToken(hash, "one"))
			same(t, gotLogin, l)
			same(t, used, want)
		}
		must(t, db.RotateRefreshToken(t.Context(), "b", refreshToken("c", "one"), at(4)))
		wantTokens(t, db, "a", "b", "c")
		must(t, db.Sweep(t.Context(), at(29)))
		wantTokens(t, db, "a", "b", "c")
		must(t, db.Sweep(t.Context(), at(30)))
		wantTokens(t, db)
	},

	"ARotationStaysWithinItsLogin": func(t *testing.T, db *DB) {
		recorded(t, db, "mine", nil)
		recorded(t, db, "another's", nil)
		must(t, db.AddRefreshToken(t.Context(), refreshToken("a", "mine")))
		must(t, db.RotateRefreshToken(t.Context(), "a", refreshToken("b", "another's"), at(2)))
		token, l, _, err := db.RefreshToken(t.Context(), "b")
		must(t, err)
		same(t, []string{token.Login, l.ID}, []string{"mine", "mine"})
	},

	"ARotationThatFailsHasUsedNothing": func(t *testing.T, db *DB) {
		recorded(t, db, "one", nil)
		must(t, db.AddRefreshToken(t.Context(), refreshToken("a", "one")))
		must(t, db.AddRefreshToken(t.Context(), refreshToken("b", "one")))
		if err := db.RotateRefreshToken(t.Context(), "a", refreshToken("b", "one"), at(2)); err == nil || errors.Is(err, identity.ErrEnded) {
			t.Errorf("to a hash that is there: %v", err)
		}
		_, _, used, err := db.RefreshToken(t.Context(), "a")
		must(t, err)
		same(t, used, false)
	},

	"ARefreshTokenThatIsNotThereOrWhoseLoginHasEndedIsNotRotated": func(t *testing.T, db *DB) {
		recorded(t, db, "one", nil)
		must(t, db.AddRefreshToken(t.Context(), refreshToken("a", "one")))
		same(t, db.RotateRefreshToken(t.Context(), "unheard of", refreshToken("b", "one"), at(2)), identity.ErrEnded)
		// As it would be if the login had ended in another way than by EndLogin, which forgets the token too.
		_, err := db.write.ExecContext(t.Context(), `UPDATE logins SET ended_at = 1`)
		must(t, err)
		same(t, db.RotateRefreshToken(t.Context(), "a", refreshToken("b", "one"), at(2)), identity.ErrEnded)
		wantTokens(t, db, "a")
	},

	"OfSixtyFourRotationsAtOnceOfATokenOneSucceeds": func(t *testing.T, db *DB) {
		recorded(t, db, "one", nil)
		must(t, db.AddRefreshToken(t.Context(), refreshToken("a", "one")))
		wantOneRotation(t, db)
	},

	"NoRefreshTokenOutlivesItsLogin": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("session", 9)))
		for round := range 2 {
			id := fmt.Sprint("login ", round)
			recorded(t, db, id, within("session"))
			atOnce(64, func(i int) {
				hash := fmt.Sprint(round, i)
				if i == 32 {
					if _, err := db.EndLogin(t.Context(), id, at(5)); err != nil {
						t.Error(err)
					}
					return
				}
				err := db.AddRefreshToken(t.Context(), refreshToken(hash, id))
				if err == nil {
					err = db.RotateRefreshToken(t.Context(), hash, refreshToken(hash+" next", id), at(5))
				}
				if err != nil && !errors.Is(err, identity.ErrEnded) {
					t.Error(err)
				}
			})
		}
		wantTokens(t, db)
	},
}

// wantOneRotation is that of many rotations of the token "a", which go over the handles in turn, one succeeds.
func wantOneRotation(t *testing.T, handles ...*DB) {
	t.Helper()
	var rotated atomic.Int32
	atOnce(64, func(i int) {
		err := handles[i%len(handles)].RotateRefreshToken(t.Context(), "a", refreshToken(fmt.Sprint("next ", i), "one"), at(2))
		if err == nil {
			rotated.Add(1)
		} else if !errors.Is(err, identity.ErrEnded) {
			t.Error(err)
		}
	})
	same(t, rotated.Load(), 1)
	var kept int
	must(t, handles[0].read.QueryRow(`SELECT count(*) FROM refresh_tokens`).Scan(&kept))
	same(t, kept, 2)
}

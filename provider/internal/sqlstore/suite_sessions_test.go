package sqlstore

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

func session(id string, expires int) identity.Session {
	return identity.Session{ID: id, Account: "account", Device: phoneOf("account"), AuthTime: at(0), ExpiresAt: at(expires)}
}

func within(session string) func(*identity.Login) {
	return func(l *identity.Login) { l.Session = session }
}

var sessionSuite = map[string]func(*testing.T, *DB){
	"ASessionComesBackAsItWasPutUntilItExpires": func(t *testing.T, db *DB) {
		want := session("one", 9)
		must(t, db.PutSession(t.Context(), want))
		must(t, db.PutSession(t.Context(), session("two", 9)))
		for _, now := range []time.Time{at(0), at(8), at(9).Add(-time.Millisecond)} {
			got, err := db.Session(t.Context(), "one", now)
			must(t, err)
			same(t, got, want)
		}
		for _, now := range []time.Time{at(9), at(10)} {
			_, err := db.Session(t.Context(), "one", now)
			same(t, err, identity.ErrEnded)
		}
		for _, id := range []string{"", "three", "account"} {
			_, err := db.Session(t.Context(), id, at(0))
			same(t, err, identity.ErrEnded)
		}
	},

	"ASessionNeverChanges": func(t *testing.T, db *DB) {
		want := session("one", 9)
		must(t, db.PutSession(t.Context(), want))
		other := session("one", 20)
		other.Account = "another"
		must(t, db.PutSession(t.Context(), other))
		got, err := db.Session(t.Context(), "one", at(1))
		must(t, err)
		same(t, got, want)
	},

	"OfSixtyFourThatBeginASessionAtOnceOneCounts": func(t *testing.T, db *DB) {
		atOnce(64, func(i int) {
			s := session("one", 20)
			s.Device = fmt.Sprint(i)
			if err := db.PutSession(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
		got, err := db.Sessions(t.Context(), "account")
		must(t, err)
		same(t, len(got), 1)
	},

	"OfSixtyFourRecordingsAtOnceWithinASessionOneIsFresh": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("one", 9)))
		var fresh atomic.Int32
		stored := make([]identity.Login, 64)
		atOnce(64, func(i int) {
			l := login(fmt.Sprint(i), "challenge")
			l.Session = "one"
			l, first, err := db.RecordLogin(t.Context(), l)
			if err != nil {
				t.Error(err)
			}
			if stored[i] = l; first {
				fresh.Add(1)
			}
		})
		same(t, fresh.Load(), 1)
		for _, l := range stored {
			same(t, l, stored[0])
		}
	},

	"TheEndOfASessionEndsItsLoginsOnceWithTheirRefreshTokensAndNoOthers": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("one", 9)))
		must(t, db.PutSession(t.Context(), session("two", 9)))
		a, b := recorded(t, db, "a", within("one")), recorded(t, db, "b", within("one"))
		recorded(t, db, "ended before", within("one"))
		recorded(t, db, "of another session", within("two"))
		recorded(t, db, "of none", nil)
		for _, login := range []string{"a", "b", "of another session", "of none"} {
			must(t, db.AddRefreshToken(t.Context(), refreshToken("token "+login, login)))
		}
		_, err := db.EndLogin(t.Context(), "ended before", at(4))
		must(t, err)

		ended, err := db.EndSession(t.Context(), "one", at(5))
		must(t, err)
		a.EndedAt, b.EndedAt = at(5), at(5)
		if ended[0].ID != "a" { // they come in no order
			a, b = b, a
		}
		same(t, ended, []identity.Login{a, b})
		for _, id := range []string{"one", "", "unheard of"} {
			ended, err = db.EndSession(t.Context(), id, at(6))
			must(t, err)
			same(t, len(ended), 0)
		}
		_, err = db.Session(t.Context(), "one", at(1))
		same(t, err, identity.ErrEnded)
		_, err = db.Session(t.Context(), "two", at(1))
		must(t, err)
		for id, second := range map[string]int{"a": 5, "b": 5, "ended before": 4, "of another session": -1, "of none": -1} {
			wantEnded(t, db, id, second)
		}
		wantTokens(t, db, "token of another session", "token of none")
	},

	"ASessionThatHasExpiredIsStillEnded": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("one", 9)))
		recorded(t, db, "a", within("one"))
		must(t, db.Sweep(t.Context(), at(10)))
		ended, err := db.EndSession(t.Context(), "one", at(11))
		must(t, err)
		same(t, ids(ended), []string{"a"})
	},

	"NoLoginIsRecordedWithinASessionThatIsNotThere": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("ended", 9)))
		must(t, db.PutSession(t.Context(), session("expired", 1)))
		before := recorded(t, db, "before", within("ended"))
		_, err := db.EndSession(t.Context(), "ended", at(1))
		must(t, err)
		for _, session := range []string{"ended", "expired", "unheard of"} {
			l := login("late", "challenge")
			l.Session = session
			_, fresh, err := db.RecordLogin(t.Context(), l) // at(1)
			same(t, err, identity.ErrEnded)
			same(t, fresh, false)
			_, err = db.Login(t.Context(), "late")
			same(t, err, identity.ErrUnknownLogin)
		}
		// One that was recorded in time is answered as always.
		stored, fresh, err := db.RecordLogin(t.Context(), before)
		must(t, err)
		same(t, fresh, false)
		before.EndedAt = at(1)
		same(t, stored, before)
	},

	"OfSixtyFourEndsAtOnceOfASessionOneEndedEachLogin": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("one", 9)))
		var want []string
		for i := range 5 {
			want = append(want, recorded(t, db, fmt.Sprint(i), within("one")).ID)
		}
		var mu sync.Mutex
		var ended []identity.Login
		atOnce(64, func(i int) {
			end, id := db.EndSession, "one"
			if i%2 == 0 {
				end, id = db.EndLogin, "3"
			}
			list, err := end(t.Context(), id, at(5))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			ended = append(ended, list...)
			mu.Unlock()
		})
		same(t, ids(ended), want)
	},

	"NoLoginThatStartsWhileItsSessionEndsOutlivesIt": func(t *testing.T, db *DB) {
		for round := range 2 {
			id := fmt.Sprint(round)
			must(t, db.PutSession(t.Context(), session(id, 9)))
			atOnce(64, func(i int) {
				if i == 32 {
					if _, err := db.EndSession(t.Context(), id, at(5)); err != nil {
						t.Error(err)
					}
					return
				}
				l := login(fmt.Sprint(round, i), fmt.Sprint(round, i))
				l.Session = id
				if _, _, err := db.RecordLogin(t.Context(), l); err != nil && !errors.Is(err, identity.ErrEnded) {
					t.Error(err)
				}
			})
		}
		logins, err := db.Logins(t.Context(), "account", 1000)
		must(t, err)
		for _, l := range logins {
			same(t, l.EndedAt, at(5))
		}
	},

	"ASweepTakesWhatHasExpiredAndNothingElse": func(t *testing.T, db *DB) {
		recorded(t, db, "login", nil)
		for second := range 4 {
			must(t, db.PutSession(t.Context(), session(fmt.Sprint(second), second)))
			token := refreshToken(fmt.Sprint(second), "login")
			token.ExpiresAt = at(second)
			must(t, db.AddRefreshToken(t.Context(), token))
		}
		must(t, db.Sweep(t.Context(), at(1)))
		wantTokens(t, db, "2", "3")
		var left int
		must(t, db.read.QueryRow(`SELECT count(*) FROM sessions`).Scan(&left))
		same(t, left, 2)
		for _, id := range []string{"2", "3"} {
			_, err := db.Session(t.Context(), id, at(1))
			must(t, err)
		}
		wantEnded(t, db, "login", -1)
	},
}

package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

// later is some time after at(0).
func later(d time.Duration) time.Time { return at(0).Add(d) }

// enrolled enrols a device at a time.
func enrolled(t testing.TB, db *DB, number, id string, when time.Time) (identity.Account, identity.Device) {
	t.Helper()
	d := device(id, 0)
	d.CreatedAt = when
	a, d, ended, err := db.Enroll(t.Context(), number, d)
	must(t, err)
	same(t, len(ended), 0)
	return a, d
}

// rows counts what names an account anywhere, tables that are not there yet included when they come.
func rows(t testing.TB, db *DB, account string) (n int) {
	t.Helper()
	must(t, db.read.QueryRow(`
		SELECT (SELECT count(*) FROM accounts WHERE id = $1) + (SELECT count(*) FROM devices WHERE account = $1)
			+ (SELECT count(*) FROM logins WHERE account = $1) + (SELECT count(*) FROM sessions WHERE account = $1)
			+ (SELECT count(*) FROM audit_events WHERE account = $1) + (SELECT count(*) FROM passkeys WHERE account = $1)
			+ (SELECT count(*) FROM refresh_tokens WHERE login NOT IN (SELECT id FROM logins))`, account).Scan(&n))
	return n
}

var deviceSuite = map[string]func(*testing.T, *DB){
	// SECURITY.md §5: what identity.Admit says is what is kept.
	"TheFirstDeviceWorksAtOnceAndOthersAfterADay": func(t *testing.T, db *DB) {
		_, first := enrolled(t, db, number, "first", at(1))
		_, second := enrolled(t, db, number, "second", at(2))
		_, other := enrolled(t, db, otherNumber, "other", at(3))
		same(t, []time.Time{first.ActiveAt, second.ActiveAt, other.ActiveAt}, []time.Time{at(1), at(2).Add(24 * time.Hour), at(3)})
		got, err := db.Device(t.Context(), "second")
		must(t, err)
		same(t, got, second)
	},

	"ADeviceThatComesAgainKeepsItsTime": func(t *testing.T, db *DB) {
		_, first := enrolled(t, db, number, "first", at(1))
		_, second := enrolled(t, db, number, "second", at(2))
		for when, want := range map[string]identity.Device{"first": first, "second": second} {
			_, again := enrolled(t, db, number, when, at(9))
			same(t, again.ActiveAt, want.ActiveAt)
		}
		// Nor does one that was removed have its time still.
		_, err := db.RemoveDevice(t.Context(), first.Account, "first", at(10))
		must(t, err)
		_, again := enrolled(t, db, number, "first", at(11))
		same(t, again.ActiveAt, at(11).Add(24*time.Hour))
	},

	"OfSixtyFourDevicesAtOnceOfANewNumberOneIsTheFirst": func(t *testing.T, db *DB) {
		var first atomic.Int32
		atOnce(64, func(i int) {
			_, d, _, err := db.Enroll(t.Context(), number, device(fmt.Sprint(i), 0))
			if err != nil {
				t.Error(err)
			}
			if d.Waits(at(0)) == 0 {
				first.Add(1)
			}
		})
		same(t, first.Load(), 1)
	},

	"ADeviceIsAllowedOnceAndOnlyWithinItsAccount": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(1))
		enrolled(t, db, number, "second", at(2))
		other, _ := enrolled(t, db, otherNumber, "other", at(3))
		_, _, err := db.AllowDevice(t.Context(), other.ID, "second", at(4))
		same(t, err, identity.ErrNoSuchDevice)
		for i, want := range []bool{true, false, false} {
			d, waited, err := db.AllowDevice(t.Context(), a.ID, "second", at(4+i))
			must(t, err)
			same(t, waited, want)
			same(t, d.ActiveAt, at(4))
		}
		d, waited, err := db.AllowDevice(t.Context(), a.ID, "first", at(9))
		must(t, err)
		same(t, waited, false)
		same(t, d.ActiveAt, at(1))
	},

	"ARemovedDeviceIsUnknownAndTheOthersAreNot": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(1))
		_, second := enrolled(t, db, number, "second", at(2))
		other, _ := enrolled(t, db, otherNumber, "other", at(3))
		_, err := db.RemoveDevice(t.Context(), other.ID, "second", at(4))
		same(t, err, identity.ErrNoSuchDevice)
		removed, err := db.RemoveDevice(t.Context(), a.ID, "second", at(4))
		must(t, err)
		same(t, removed, second)
		_, err = db.RemoveDevice(t.Context(), a.ID, "second", at(5))
		same(t, err, identity.ErrNoSuchDevice)
		_, err = db.Device(t.Context(), "second")
		same(t, err, identity.ErrUnknownDevice)
		_, err = db.Device(t.Context(), "first")
		must(t, err)
		// A key that was removed may come to another account.
		_, _, _, err = db.Enroll(t.Context(), otherNumber, device("second", 6))
		must(t, err)
	},

	"AnAccountWithoutDevicesStaysAndTheNextIsItsFirst": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(1))
		_, err := db.RemoveDevice(t.Context(), a.ID, "first", at(2))
		must(t, err)
		again, d := enrolled(t, db, number, "second", at(3))
		same(t, again, a)
		same(t, d.ActiveAt, at(3))
		// But not for ever: it remembers when it was left.
		_, err = db.RemoveDevice(t.Context(), a.ID, "second", at(4))
		must(t, err)
		fresh, d := enrolled(t, db, number, "third", at(4).Add(identity.Dormancy))
		if fresh.ID == a.ID || d.Waits(d.CreatedAt) > 0 {
			t.Errorf("%+v, %+v", fresh, d)
		}
	},

	"AnAccountWithoutDevicesButWithAPasskeyLetsTheNextWait": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(1))
		must(t, db.AddPasskey(t.Context(), key("passkey", a, 1), "first", 10))
		_, err := db.RemoveDevice(t.Context(), a.ID, "first", at(2))
		must(t, err)
		again, d := enrolled(t, db, number, "second", at(3))
		same(t, again, a)
		same(t, d.ActiveAt, at(3).Add(24*time.Hour))
		_, d, err = db.EnrollByPasskey(t.Context(), "passkey", device("third", 4))
		must(t, err)
		same(t, d.ActiveAt, at(4))
	},

	"ANumberThatComesBackAfterLongIsANewAccount": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a, _ := enrolled(t, db, number, "first", at(0))
		enrolled(t, db, number, "second", at(1))
		must(t, db.TouchDevice(ctx, "first", at(2)))
		recorded(t, db, "login", by(a.ID, "first"))
		recorded(t, db, "ended", by(a.ID, "first"))
		_, err := db.EndLogin(ctx, "ended", at(3))
		must(t, err)
		must(t, db.Audit(ctx, identity.AuditEvent{Kind: "device.enrolled", Account: a.ID}))

		stays, _ := enrolled(t, db, number, "third", at(2).Add(identity.Dormancy-time.Millisecond))
		same(t, stays.ID, a.ID)
		_, err = db.RemoveDevice(ctx, a.ID, "third", at(2)) // as if it had never come
		must(t, err)

		fresh, d, ended, err := db.Enroll(ctx, number, identity.Device{ID: "second", Name: "Again", Key: []byte("k"), CreatedAt: at(2).Add(identity.Dormancy)})
		must(t, err)
		same(t, ids(ended), []string{"login"})
		same(t, ended[0].Account, a.ID)
		if fresh.ID == a.ID || fresh.PhoneNumber != number || d.Account != fresh.ID || d.ActiveAt != d.CreatedAt {
			t.Errorf("%+v, %+v", fresh, d)
		}
		same(t, rows(t, db, a.ID), 0)
		_, err = db.Device(ctx, "first")
		same(t, err, identity.ErrUnknownDevice)
	},

	"AKeyOfAnotherAccountWakesNoDormantOne": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(0))
		enrolled(t, db, otherNumber, "other", at(0))
		d := device("other", 0)
		d.CreatedAt = later(2 * identity.Dormancy)
		_, _, _, err := db.Enroll(t.Context(), number, d)
		same(t, err, identity.ErrDeviceConflict)
		_, err = db.Account(t.Context(), a.ID)
		must(t, err)
	},

	"AllLoginsOfAnAccountEndWithItsSessionsAndNobodyElses": func(t *testing.T, db *DB) {
		ctx := t.Context()
		must(t, db.PutSession(ctx, session("mine", 9)))
		other := session("another's", 9)
		other.Account, other.Device = "another", phoneOf("another")
		must(t, db.PutSession(ctx, other))
		recorded(t, db, "a", within("mine"))
		recorded(t, db, "b", nil)
		recorded(t, db, "before", nil)
		recorded(t, db, "c", by("another", phoneOf("another")))
		must(t, db.AddRefreshToken(ctx, refreshToken("token a", "a")))
		must(t, db.AddRefreshToken(ctx, refreshToken("token c", "c")))
		_, err := db.EndLogin(ctx, "before", at(4))
		must(t, err)
		for _, want := range [][]string{{"a", "b"}, nil} {
			ended, err := db.EndLogins(ctx, "account", at(5))
			must(t, err)
			same(t, ids(ended), want)
		}
		for id, second := range map[string]int{"a": 5, "b": 5, "before": 4, "c": -1} {
			wantEnded(t, db, id, second)
		}
		wantTokens(t, db, "token c")
		sessions, err := db.Sessions(ctx, "account")
		must(t, err)
		same(t, len(sessions), 0)
		sessions, err = db.Sessions(ctx, "another")
		must(t, err)
		same(t, sessions, []identity.Session{other})
	},

	"ADeletedAccountLeavesNothing": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a, _ := enrolled(t, db, number, "first", at(0))
		enrolled(t, db, number, "second", at(1))
		stays, _ := enrolled(t, db, otherNumber, "other", at(1))
		s := session("session", 9)
		s.Account, s.Device = a.ID, "second"
		must(t, db.PutSession(ctx, s))
		mine := by(a.ID, "first")
		recorded(t, db, "open", mine)
		recorded(t, db, "ended", mine)
		recorded(t, db, "within", func(l *identity.Login) { mine(l); l.Session = "session" })
		recorded(t, db, "another's", by(stays.ID, "other"))
		must(t, db.AddRefreshToken(ctx, refreshToken("used", "open")))
		must(t, db.RotateRefreshToken(ctx, "used", refreshToken("token", "open"), at(2)))
		must(t, db.AddRefreshToken(ctx, refreshToken("another's", "another's")))
		_, err := db.EndLogin(ctx, "ended", at(3))
		must(t, err)
		for _, account := range []string{a.ID, stays.ID, ""} {
			must(t, db.Audit(ctx, identity.AuditEvent{Kind: "code.stale", Account: account}))
		}

		ended, err := db.DeleteAccount(ctx, a.ID, at(5))
		must(t, err)
		same(t, ids(ended), []string{"open", "within"})
		same(t, rows(t, db, a.ID), 0)
		_, err = db.DeleteAccount(ctx, a.ID, at(6))
		same(t, err, identity.ErrUnknownAccount)
		wantTokens(t, db, "another's")
		events, err := db.AuditEvents(ctx, time.Time{}, 10)
		must(t, err)
		same(t, len(events), 2)

		// What is under way meanwhile leaves nothing either.
		late := login("late", "late")
		mine(&late)
		_, fresh, err := db.RecordLogin(ctx, late)
		same(t, err, identity.ErrUnknownDevice)
		same(t, fresh, false)
		_, fresh, err = db.RecordFurtherLogin(ctx, late)
		same(t, err, identity.ErrUnknownAccount)
		same(t, fresh, false)
		must(t, db.PutSession(ctx, s))
		must(t, db.Audit(ctx, identity.AuditEvent{Kind: "code.stale", Account: a.ID}))
		same(t, db.TouchDevice(ctx, "first", at(7)), identity.ErrUnknownDevice)
		same(t, rows(t, db, a.ID), 0)

		// The number is as if it had never been here.
		again, d := enrolled(t, db, number, "second", at(8))
		if again.ID == a.ID || d.ActiveAt != at(8) {
			t.Errorf("%+v, %+v", again, d)
		}
	},

	"NothingThatStartsWhileItsAccountIsDeletedOutlivesIt": func(t *testing.T, db *DB) {
		ctx := t.Context()
		refusals := []error{identity.ErrUnknownAccount, identity.ErrEnded, identity.ErrUnknownDevice}
		for round := range 3 {
			id := fmt.Sprint("device ", round)
			a, _ := enrolled(t, db, fmt.Sprint(number, round), id, at(0))
			s := session(id, 9)
			s.Account, s.Device = a.ID, id
			must(t, db.PutSession(ctx, s))
			var told atomic.Int32
			atOnce(64, func(i int) {
				mine := fmt.Sprint(round, i)
				l := login(mine, mine)
				l.Account, l.Device = a.ID, id
				var err error
				switch i % 6 {
				case 0:
					_, _, err = db.RecordLogin(ctx, l)
				case 1:
					l.Session = id
					_, _, err = db.RecordFurtherLogin(ctx, l)
				case 2:
					s := session(mine, 9)
					s.Account, s.Device = a.ID, id
					err = db.PutSession(ctx, s)
				case 3:
					err = db.Audit(ctx, identity.AuditEvent{Kind: "code.stale", Account: a.ID})
				case 4:
					err = db.AddPasskey(ctx, key(mine, a, i), id, 100)
				case 5:
					if i > 30 && i < 50 {
						if _, err = db.DeleteAccount(ctx, a.ID, at(5)); err == nil {
							told.Add(1)
						}
					}
				}
				if err != nil && !slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }) {
					t.Error(err)
				}
			})
			same(t, told.Load(), 1)
			same(t, rows(t, db, a.ID), 0)
		}
	},

	"OfSixtyFourThatAllowADeviceAtOnceOneWasWaitedFor": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(1))
		enrolled(t, db, number, "second", at(2))
		var waited atomic.Int32
		atOnce(64, func(int) {
			d, first, err := db.AllowDevice(t.Context(), a.ID, "second", at(3))
			if err != nil || !d.ActiveAt.Equal(at(3)) {
				t.Errorf("active at %s, %v", d.ActiveAt, err)
			}
			if first {
				waited.Add(1)
			}
		})
		same(t, waited.Load(), 1)
	},

	"OfSixtyFourThatRemoveADeviceAtOnceOneRemovesIt": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(1))
		var removed atomic.Int32
		atOnce(64, func(i int) {
			_, err := db.RemoveDevice(t.Context(), a.ID, "first", at(i%32))
			if err == nil {
				removed.Add(1)
			} else if !errors.Is(err, identity.ErrNoSuchDevice) {
				t.Error(err)
			}
		})
		same(t, removed.Load(), 1)
	},

	"SixtyFourAtOnceThatEnrolAllowRemoveAndDeleteLeaveNothingBroken": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a, _ := enrolled(t, db, number, "first", at(0))
		refusals := []error{identity.ErrNoSuchDevice, identity.ErrUnknownAccount, identity.ErrUnknownDevice}
		atOnce(64, func(i int) {
			id := fmt.Sprint("device ", i%8)
			var err error
			switch i % 5 {
			case 0:
				_, _, _, err = db.Enroll(ctx, number, device(id, 1))
			case 1:
				_, _, err = db.AllowDevice(ctx, a.ID, id, at(2))
			case 2:
				_, err = db.RemoveDevice(ctx, a.ID, id, at(3))
			case 3:
				l := login(fmt.Sprint(i), fmt.Sprint(i))
				l.Account, l.Device = a.ID, "first"
				_, _, err = db.RecordLogin(ctx, l)
			case 4:
				if i == 34 {
					_, err = db.DeleteAccount(ctx, a.ID, at(4))
				} else {
					err = db.Audit(ctx, identity.AuditEvent{Kind: "code.stale", Account: a.ID})
				}
			}
			if err != nil && !slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }) {
				t.Error(err)
			}
		})
		same(t, rows(t, db, a.ID), 0)
		var first int // of the account that came after it
		must(t, db.read.QueryRow(`SELECT count(*) FROM devices WHERE active_at = $1`, millis(at(1))).Scan(&first))
		if first > 1 {
			t.Errorf("%d devices were the first", first)
		}
	},

	"OfSixtyFourThatWakeADormantNumberOneMakesTheNewAccount": func(t *testing.T, db *DB) {
		a, _ := enrolled(t, db, number, "first", at(0))
		recorded(t, db, "login", by(a.ID, "first"))
		accounts, firsts, told := make([]string, 64), atomic.Int32{}, atomic.Int32{}
		atOnce(64, func(i int) {
			d := device(fmt.Sprint(i), 0)
			d.CreatedAt = later(identity.Dormancy)
			got, d, ended, err := db.Enroll(t.Context(), number, d)
			if err != nil {
				t.Error(err)
			}
			accounts[i] = got.ID
			told.Add(int32(len(ended)))
			if d.Waits(d.CreatedAt) == 0 {
				firsts.Add(1)
			}
		})
		same(t, []int32{firsts.Load(), told.Load()}, []int32{1, 1})
		for _, got := range accounts {
			if got != accounts[0] || got == a.ID {
				t.Errorf("account %s, then %s, and before %s", accounts[0], got, a.ID)
			}
		}
	},
}

package sqlstore

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

func login(id, challenge string) identity.Login {
	return identity.Login{
		ID: id, Challenge: challenge, Client: "shop", Account: "account", Device: phoneOf("account"),
		Address: "192.0.2.1", UserAgent: "Mozilla/5.0", At: at(1), AuthTime: at(0),
		Scopes: []string{"openid", "offline_access"}, Resources: []string{"https://api.example", "https://files.example"},
	}
}

// by has a login be an account's by one of its devices.
func by(account, device string) func(*identity.Login) {
	return func(l *identity.Login) { l.Account, l.Device = account, device }
}

// recorded records a login of that id, changed as the caller likes.
func recorded(t *testing.T, db *DB, id string, change func(*identity.Login)) identity.Login {
	t.Helper()
	l := login(id, "challenge "+id)
	if change != nil {
		change(&l)
	}
	stored, fresh, err := db.RecordLogin(t.Context(), l)
	must(t, err)
	same(t, fresh, true)
	return stored
}

// wantEnded is that the login had ended at that second; second -1 is not at all.
func wantEnded(t *testing.T, db *DB, id string, second int) {
	t.Helper()
	l, err := db.Login(t.Context(), id)
	must(t, err)
	want := time.Time{}
	if second >= 0 {
		want = at(second)
	}
	same(t, l.EndedAt, want)
}

func ids(logins []identity.Login) []string {
	var list []string
	for _, l := range logins {
		list = append(list, l.ID)
	}
	slices.Sort(list)
	return list
}

var loginSuite = map[string]func(*testing.T, *DB){
	"ALoginIsRecordedOncePerChallenge": func(t *testing.T, db *DB) {
		first, second := login("one", "challenge"), login("two", "challenge")
		second.Client, second.At = "other", at(2)
		stored, fresh, err := db.RecordLogin(t.Context(), first)
		must(t, err)
		same(t, fresh, true)
		same(t, stored, first)
		for _, again := range []identity.Login{second, first} {
			stored, fresh, err = db.RecordLogin(t.Context(), again)
			must(t, err)
			same(t, fresh, false)
			same(t, stored, first)
		}
		_, fresh, err = db.RecordLogin(t.Context(), login("two", "another challenge"))
		must(t, err)
		same(t, fresh, true)
	},

	"AFreshLoginIsAnsweredAsItWillBeReadAgain": func(t *testing.T, db *DB) {
		l := login("one", "challenge")
		l.At = time.Date(2026, 9, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))
		l.UserAgent = "bad \xff"
		stored, _, err := db.RecordLogin(t.Context(), l)
		must(t, err)
		again, _, err := db.RecordLogin(t.Context(), l)
		must(t, err)
		same(t, again, stored)
	},

	"ALoginThatNamesNoTimeOfItsApprovalWasApprovedWhenTheSiteWasLetIn": func(t *testing.T, db *DB) {
		for i, when := range []time.Time{at(1), {}} {
			l := recorded(t, db, fmt.Sprint(i), func(l *identity.Login) { l.At, l.AuthTime = when, time.Time{} })
			same(t, l.AuthTime, l.At)
		}
	},

	"ALoginIsNeverRecordedAsEnded": func(t *testing.T, db *DB) {
		recorded(t, db, "one", func(l *identity.Login) { l.EndedAt = at(1) })
		wantEnded(t, db, "one", -1)
	},

	"AScopeOrResourceThatWouldComeBackAsTwoIsNotRecorded": func(t *testing.T, db *DB) {
		for _, change := range []func(*identity.Login){
			func(l *identity.Login) { l.Scopes = []string{"a b"} }, func(l *identity.Login) { l.Resources = []string{"a\nb"} },
		} {
			l := login("one", "challenge")
			change(&l)
			if _, _, err := db.RecordLogin(t.Context(), l); err == nil {
				t.Errorf("%+v was taken", l)
			}
		}
	},

	"ALoginIsFoundByItsId": func(t *testing.T, db *DB) {
		must(t, db.PutSession(t.Context(), session("session", 9)))
		for _, l := range []identity.Login{
			recorded(t, db, "bare", func(l *identity.Login) { l.Scopes, l.Resources = nil, nil }),
			recorded(t, db, "within a session", func(l *identity.Login) { l.Session = "session" }),
		} {
			got, err := db.Login(t.Context(), l.ID)
			must(t, err)
			same(t, got, l)
			_, err = db.EndLogin(t.Context(), l.ID, at(5))
			must(t, err)
			l.EndedAt = at(5)
			got, err = db.Login(t.Context(), l.ID)
			must(t, err)
			same(t, got, l)
		}
		for _, id := range []string{"", "challenge bare", "session", "Bare"} {
			_, err := db.Login(t.Context(), id)
			same(t, err, identity.ErrUnknownLogin)
		}
	},

	"TheLoginsOfAnAccountComeNewestFirstUpToALimit": func(t *testing.T, db *DB) {
		of := func(account string, second int) identity.Login {
			return recorded(t, db, fmt.Sprint(account, second), func(l *identity.Login) { l.Account, l.Device, l.At = account, phoneOf(account), at(second) })
		}
		second, third, first := of("account", 2), of("account", 3), of("account", 1)
		of("another", 4)
		ended, err := db.EndLogin(t.Context(), third.ID, at(5))
		must(t, err)
		for _, c := range []struct {
			limit int
			want  []identity.Login
		}{{10, []identity.Login{ended[0], second, first}}, {2, []identity.Login{ended[0], second}}, {0, nil}, {-1, nil}} {
			got, err := db.Logins(t.Context(), "account", c.limit)
			must(t, err)
			same(t, got, c.want)
		}
	},

	"ALoginIsEndedOnceWithItsRefreshTokensAndNoOtherLogin": func(t *testing.T, db *DB) {
		one := recorded(t, db, "one", nil)
		recorded(t, db, "two", nil)
		for _, token := range []identity.RefreshToken{refreshToken("a", "one"), refreshToken("b", "one"), refreshToken("c", "two")} {
			must(t, db.AddRefreshToken(t.Context(), token))
		}
		must(t, db.RotateRefreshToken(t.Context(), "a", refreshToken("a2", "one"), at(2))) // the used one goes too
		one.EndedAt = at(5)
		for _, want := range [][]identity.Login{{one}, nil, nil} {
			ended, err := db.EndLogin(t.Context(), "one", one.EndedAt)
			must(t, err)
			same(t, ended, want)
		}
		ended, err := db.EndLogin(t.Context(), "one", at(6))
		must(t, err)
		same(t, len(ended), 0)
		wantEnded(t, db, "one", 5)
		wantEnded(t, db, "two", -1)
		wantTokens(t, db, "c")
	},

	"AnUnknownLoginIsNotEnded": func(t *testing.T, db *DB) {
		recorded(t, db, "one", nil)
		for _, id := range []string{"", "two", "challenge one"} {
			_, err := db.EndLogin(t.Context(), id, at(5))
			same(t, err, identity.ErrUnknownLogin)
		}
		wantEnded(t, db, "one", -1)
	},

	"AnEndedLoginIsStillTheOneOfItsChallenge": func(t *testing.T, db *DB) {
		l := recorded(t, db, "one", nil)
		ended, err := db.EndLogin(t.Context(), "one", at(5))
		must(t, err)
		stored, fresh, err := db.RecordLogin(t.Context(), l)
		must(t, err)
		same(t, fresh, false)
		same(t, stored, ended[0])
	},

	"OfSixtyFourEndsAtOnceOfALoginOneEndedIt": func(t *testing.T, db *DB) {
		recorded(t, db, "one", nil)
		var ended atomic.Int32
		atOnce(64, func(int) {
			list, err := db.EndLogin(t.Context(), "one", at(5))
			if err != nil {
				t.Error(err)
			}
			ended.Add(int32(len(list)))
		})
		same(t, ended.Load(), 1)
	},

	"ASessionIdIsNotUsedTwice": func(t *testing.T, db *DB) {
		_, _, err := db.RecordLogin(t.Context(), login("one", "challenge"))
		must(t, err)
		if _, fresh, err := db.RecordLogin(t.Context(), login("one", "another challenge")); err == nil || fresh {
			t.Errorf("fresh %t, %v", fresh, err)
		}
	},

	"ADeviceThatTheAccountDoesNotHaveLogsNobodyIn": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a, _ := enrolled(t, db, number, "phone", at(0))
		enrolled(t, db, number, "other", at(0))
		s := session("session", 9)
		s.Account, s.Device = a.ID, "phone"
		must(t, db.PutSession(ctx, s))
		before := recorded(t, db, "before", by(a.ID, "phone"))
		_, err := db.RemoveDevice(ctx, a.ID, "phone", at(1))
		must(t, err)
		b, _ := enrolled(t, db, otherNumber, "phone", at(1)) // its key comes back as another's
		late := login("late", "challenge")
		for _, device := range []string{"phone", "unheard of", ""} {
			for _, late.Session = range []string{"", "session"} {
				by(a.ID, device)(&late)
				_, fresh, err := db.RecordLogin(ctx, late)
				same(t, err, identity.ErrUnknownDevice)
				same(t, fresh, false)
				_, err = db.Login(ctx, "late")
				same(t, err, identity.ErrUnknownLogin)
			}
		}
		recorded(t, db, "by another", by(a.ID, "other"))
		recorded(t, db, "another's", by(b.ID, "phone"))
		// What it has begun goes on, and one that was recorded in time is answered as always.
		by(a.ID, "phone")(&late)
		_, fresh, err := db.RecordFurtherLogin(ctx, late)
		must(t, err)
		same(t, fresh, true)
		stored, fresh, err := db.RecordLogin(ctx, before)
		must(t, err)
		same(t, fresh, false)
		same(t, stored, before)
	},

	"OfSixtyFourRecordingsAtOnceOneIsFreshAndAllAnswerIt": func(t *testing.T, db *DB) {
		var fresh atomic.Int32
		stored := make([]identity.Login, 64)
		atOnce(64, func(i int) {
			l, first, err := db.RecordLogin(t.Context(), login(fmt.Sprint(i), "challenge"))
			if err != nil {
				t.Error(err)
			}
			if first {
				fresh.Add(1)
			}
			stored[i] = l
		})
		same(t, fresh.Load(), 1)
		for _, l := range stored {
			same(t, l, stored[0])
		}
	},
}

var auditSuite = map[string]func(*testing.T, *DB){
	"AuditEventsComeBackOldestFirstFromATimeOnUpToALimit": func(t *testing.T, db *DB) {
		event := func(second int) identity.AuditEvent {
			return identity.AuditEvent{At: at(second), Kind: "device.enrolled", Account: "a", Client: "c", Detail: fmt.Sprint(second)}
		}
		for _, second := range []int{3, 1, 2} {
			must(t, db.Audit(t.Context(), event(second)))
		}
		for _, c := range []struct {
			since time.Time
			limit int
			want  []identity.AuditEvent
		}{
			{time.Time{}, 10, []identity.AuditEvent{event(1), event(2), event(3)}},
			{at(2), 10, []identity.AuditEvent{event(2), event(3)}},
			{at(1), 2, []identity.AuditEvent{event(1), event(2)}},
			{at(4), 10, nil},
			{at(1), 0, nil},
			{at(1), -1, nil},
		} {
			got, err := db.AuditEvents(t.Context(), c.since, c.limit)
			must(t, err)
			same(t, got, c.want)
		}
	},

	"TheEventsOfAnAccountComeBackNewestFirstUpToALimit": func(t *testing.T, db *DB) {
		event := func(second int, account string) identity.AuditEvent {
			return identity.AuditEvent{
				At: at(second), Kind: "code.copied", Account: account, Client: "c", Login: "l", Address: "192.0.2.1", UserAgent: "Browser/1.0",
			}
		}
		for _, e := range []identity.AuditEvent{event(3, "a"), event(1, "a"), event(2, "b"), event(4, ""), event(5, "a")} {
			must(t, db.Audit(t.Context(), e))
		}
		for _, c := range []struct {
			account string
			limit   int
			want    []identity.AuditEvent
		}{
			{"a", 10, []identity.AuditEvent{event(5, "a"), event(3, "a"), event(1, "a")}},
			{"a", 2, []identity.AuditEvent{event(5, "a"), event(3, "a")}},
			{"b", 10, []identity.AuditEvent{event(2, "b")}},
			{"c", 10, nil},
			{"a", 0, nil},
			{"a", -1, nil},
		} {
			got, err := db.Events(t.Context(), c.account, c.limit)
			must(t, err)
			same(t, got, c.want)
		}
	},

	"ASweepTakesEventsOfNinetyDaysAgoAndNoOthers": func(t *testing.T, db *DB) {
		for second := range 4 {
			must(t, db.Audit(t.Context(), identity.AuditEvent{At: at(second), Kind: "code.stale", Account: "a"}))
		}
		must(t, db.Sweep(t.Context(), at(1).Add(90*24*time.Hour)))
		left, err := db.Events(t.Context(), "a", 10)
		must(t, err)
		same(t, left, []identity.AuditEvent{
			{At: at(3), Kind: "code.stale", Account: "a"}, {At: at(2), Kind: "code.stale", Account: "a"},
		})
	},

	"TheLoginThatCameOfAChallengeIsFoundByIt": func(t *testing.T, db *DB) {
		want := recorded(t, db, "login", nil)
		got, err := db.LoginOf(t.Context(), want.Challenge)
		must(t, err)
		same(t, got, want)
		_, err = db.LoginOf(t.Context(), "another")
		same(t, err, identity.ErrUnknownLogin)
	},
}

var metaSuite = map[string]func(*testing.T, *DB){
	"TheIdAndTheSecretsStayTheSameAndDiffer": func(t *testing.T, db *DB) {
		ctx := t.Context()
		id, err := db.ID(ctx)
		must(t, err)
		seen := map[string]string{id: "id"}
		for _, name := range []string{"pairwise", "dpop", "id", ""} {
			secret, err := db.Secret(ctx, name)
			must(t, err)
			again, err := db.Secret(ctx, name)
			must(t, err)
			same(t, again, secret)
			same(t, len(secret), 32)
			if of, ok := seen[string(secret)]; ok {
				t.Errorf("%q and %q are the same", name, of)
			}
			seen[string(secret)] = name
		}
		again, err := db.ID(ctx)
		must(t, err)
		same(t, again, id)
		same(t, len(id), 22) // 128 bits, base64url
	},

	"OfSixtyFourFirstUsesOfASecretAtOnceOneWins": func(t *testing.T, db *DB) {
		secrets := make([]string, 64)
		atOnce(64, func(i int) {
			secret, err := db.Secret(t.Context(), "pairwise")
			if err != nil {
				t.Error(err)
			}
			secrets[i] = string(secret)
		})
		for _, s := range secrets {
			same(t, s, secrets[0])
		}
	},
}

package sqlstore

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

func login(id, challenge string) identity.Login {
	return identity.Login{
		ID: id, Challenge: challenge, Client: "shop", Account: "account", Device: "device",
		Address: "192.0.2.1", UserAgent: "Mozilla/5.0", At: at(1),
	}
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

	"ASessionIdIsNotUsedTwice": func(t *testing.T, db *DB) {
		_, _, err := db.RecordLogin(t.Context(), login("one", "challenge"))
		must(t, err)
		if _, fresh, err := db.RecordLogin(t.Context(), login("one", "another challenge")); err == nil || fresh {
			t.Errorf("fresh %t, %v", fresh, err)
		}
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

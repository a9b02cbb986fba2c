package sqlstore

import (
	"context"
	"crypto/sha256"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

// A database to be tested: open answers a new, empty one, which is closed when the test ends.
type backend func(t testing.TB) *DB

var backends = map[string]backend{
	"memory": func(t testing.TB) *DB { return mustOpen(t, "") },
	"file":   func(t testing.TB) *DB { return mustOpen(t, t.TempDir()) },
	"traced": func(t testing.TB) *DB {
		return mustOpen(t, "", func(_ context.Context, system, statement string) func(error) {
			if system != "sqlite" || statement == "" {
				t.Errorf("%s: %q", system, statement)
			}
			return func(error) {}
		})
	},
}

func TestSuite(t *testing.T) {
	for name, open := range backends {
		t.Run(name, func(t *testing.T) { runSuite(t, open) })
	}
}

// runSuite is what every database has to fulfil.
func runSuite(t *testing.T, open backend) {
	for _, part := range []map[string]func(*testing.T, *DB){
		clientSuite, accountSuite, deviceSuite, passkeySuite, sessionSuite, loginSuite, refreshSuite, metaSuite, keySuite, auditSuite, hostileSuite,
	} {
		for name, test := range part {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
}

func mustOpen(t testing.TB, dir string, traces ...Trace) *DB {
	t.Helper()
	db, err := Open(t.Context(), dir, traces...)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, furnish(t.Context(), db))
	return db
}

// furnish gives a database what these tests take for granted: a key for numbers, and accounts with a phone each for logins and events to
// be of.
func furnish(ctx context.Context, db *DB) error {
	if err := db.KeepNumbers(ctx, numbers); err != nil {
		return err
	}
	for _, account := range []string{"account", "another", "a", "b"} {
		if err := addAccount(ctx, db, account); err != nil {
			return err
		}
	}
	return nil
}

var numbers, _ = identity.NewNumbers(hash("numbers"))

// addAccount adds an account without a number, and its phone.
func addAccount(ctx context.Context, db *DB, id string) error {
	_, err := db.write.ExecContext(ctx, `INSERT INTO accounts (id, created_at) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING`, id)
	if err != nil {
		return err
	}
	_, err = db.write.ExecContext(ctx, `
		INSERT INTO devices (id, account, name, public_key, created_at, last_seen_at, active_at) VALUES ($1, $2, '', $3, 0, 0, 0)
		ON CONFLICT (id) DO NOTHING`, phoneOf(id), id, []byte("key"))
	return err
}

func phoneOf(account string) string { return "phone of " + account }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T any](t testing.TB, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got\n\t%+v\nwant\n\t%+v", got, want)
	}
}

// at is a time as a database gives it back.
func at(second int) time.Time { return time.Date(2026, 9, 1, 12, 0, second, 7e6, time.UTC) }

// atOnce runs f n times at once, the i-th as f(i).
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; f(i) })
	}
	close(start)
	wg.Wait()
}

func hash(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

// shop has every field another value, so that none is mistaken for another.
var shop = identity.Client{
	ID: "shop", Name: "The shop", CreatedAt: at(0),
	SecretHash: hash("secret"), JWKS: []byte(`{"keys": []}`), JWKSURI: "https://shop.example/jwks",
	Origins:                []string{"https://shop.example", "https://www.shop.example"},
	RedirectURIs:           []string{"https://shop.example/back", "com.example.shop:/back"},
	PostLogoutRedirectURIs: []string{"https://shop.example/bye", "https://www.shop.example/bye"},
	BackchannelLogoutURI:   "https://shop.example/logout", LogoURI: "https://shop.example/logo.svg",
	Scopes: []string{"openid", "phone"}, Resources: []string{"https://api.example", "https://files.example"}, DetailTypes: []string{"order", "handoff"},
	Sector: "shop.example", SigningAlg: "RS256", Policy: identity.Policy{Preset: "strict", Networks: []string{"192.0.2.0/24", "2001:db8::/32"}},
}

// hostile is text that has broken databases. None of it is invalid; see invalidTexts.
var hostile = []string{
	`'`, `"`, "`", `\`, `%`, `_`, `$1`, `?1`, `:a`, `;`, `--`, `/*`, `'; DROP TABLE clients; --`, `" OR ""="`, `\'; --`,
	"\t", "a\nb", "\r", "\x01", "\x7f", "ß", "İ", "\u202eevil", "\ufeff", "e\u0301", "é", "日本語", "👩‍💻", "null", "NULL", "0", "-1", "1e9", "0x10",
	" lead", "trail ", strings.Repeat("long", 20_000),
}

// invalidTexts cannot be a TEXT of PostgreSQL.
var invalidTexts = []string{"\x00", "a\x00b", "\xff", "a\xc3", "\xed\xa0\x80"}

var hostileSuite = map[string]func(*testing.T, *DB){
	"HostileTextComesBackAsItWasPut": func(t *testing.T, db *DB) {
		ctx := t.Context()
		for i, s := range hostile {
			c := identity.Client{ID: s, Name: s, Sector: s, JWKS: []byte(s), SigningAlg: "ES256", CreatedAt: at(i)}
			must(t, db.PutClient(ctx, c))
			got, err := db.Client(ctx, s)
			must(t, err)
			same(t, got, c)

			a, d, _, err := db.Enroll(ctx, s, identity.Device{ID: s, Name: s, Key: []byte(s), CreatedAt: at(i)})
			must(t, err)
			gotDevice, err := db.Device(ctx, s)
			must(t, err)
			same(t, gotDevice, d)
			gotAccount, err := db.Account(ctx, a.ID)
			must(t, err)
			same(t, gotAccount, a)
			same(t, d.Name+string(d.Key)+a.PhoneNumber, s+s+s)
			must(t, addAccount(ctx, db, s))

			session := identity.Session{ID: s, Account: s, Device: phoneOf(s), AuthTime: at(i), ExpiresAt: at(i + 1)}
			must(t, db.PutSession(ctx, session))
			gotSession, err := db.Session(ctx, s, at(i))
			must(t, err)
			same(t, gotSession, session)

			l := identity.Login{
				ID: s, Challenge: s, Client: s, Account: s, Device: phoneOf(s), Address: s, UserAgent: s, At: at(i), AuthTime: at(i), Session: s,
			}
			_, _, err = db.RecordLogin(ctx, l)
			must(t, err)
			gotLogin, fresh, err := db.RecordLogin(ctx, l)
			must(t, err)
			same(t, fresh, false)
			same(t, gotLogin, l)

			token := identity.RefreshToken{Hash: s, Login: s, Thumbprint: s, ExpiresAt: at(i)}
			must(t, db.AddRefreshToken(ctx, token))
			gotToken, _, _, err := db.RefreshToken(ctx, s)
			must(t, err)
			same(t, gotToken, token)

			e := identity.AuditEvent{At: at(i), Kind: s, Account: s, Client: s, Login: s, Address: s, UserAgent: s, Device: s, Detail: s}
			must(t, db.Audit(ctx, e))
			events, err := db.AuditEvents(ctx, at(i), 1)
			must(t, err)
			same(t, events, []identity.AuditEvent{e})
			events, err = db.Events(ctx, s, 10)
			must(t, err)
			same(t, events, []identity.AuditEvent{e})
			gotLogin, err = db.LoginOf(ctx, s)
			must(t, err)
			same(t, gotLogin, l)
		}
		list, err := db.Clients(ctx)
		must(t, err)
		same(t, len(list), len(hostile))
	},

	"HostileNamesAreUnknownAndNoFailure": func(t *testing.T, db *DB) {
		ctx := t.Context()
		must(t, db.PutClient(ctx, shop))
		known, _, _, err := db.Enroll(ctx, number, identity.Device{ID: "known", Key: []byte("k")})
		must(t, err)
		for _, s := range append(append([]string{""}, hostile...), invalidTexts...) {
			_, err := db.Client(ctx, s)
			same(t, err, identity.ErrUnknownClient)
			same(t, db.RemoveClient(ctx, s), identity.ErrUnknownClient)
			_, err = db.Device(ctx, s)
			same(t, err, identity.ErrUnknownDevice)
			same(t, db.TouchDevice(ctx, s, at(0)), identity.ErrUnknownDevice)
			found, err := db.RegisteredOrigin(ctx, s)
			must(t, err)
			same(t, found, false)
			devices, err := db.Devices(ctx, s)
			must(t, err)
			same(t, len(devices), 0)
			_, err = db.Account(ctx, s)
			same(t, err, identity.ErrUnknownAccount)
			_, err = db.Login(ctx, s)
			same(t, err, identity.ErrUnknownLogin)
			_, err = db.LoginOf(ctx, s)
			same(t, err, identity.ErrUnknownLogin)
			logins, err := db.Logins(ctx, s, 10)
			must(t, err)
			same(t, len(logins), 0)
			_, err = db.EndLogin(ctx, s, at(0))
			same(t, err, identity.ErrUnknownLogin)
			_, err = db.Session(ctx, s, at(0))
			same(t, err, identity.ErrEnded)
			ended, err := db.EndSession(ctx, s, at(0))
			must(t, err)
			same(t, len(ended), 0)
			_, _, _, err = db.RefreshToken(ctx, s)
			same(t, err, identity.ErrUnknownLogin)
			same(t, db.RotateRefreshToken(ctx, s, identity.RefreshToken{Hash: "next"}, at(0)), identity.ErrEnded)
			same(t, db.AddRefreshToken(ctx, identity.RefreshToken{Hash: "token", Login: s}), identity.ErrUnknownLogin)
			ended, err = db.EndLogins(ctx, s, at(0))
			must(t, err)
			same(t, len(ended), 0)
			sessions, err := db.Sessions(ctx, s)
			must(t, err)
			same(t, len(sessions), 0)
			_, _, err = db.AllowDevice(ctx, s, "known", at(0))
			same(t, err, identity.ErrNoSuchDevice)
			_, err = db.RemoveDevice(ctx, s, "known", at(0))
			same(t, err, identity.ErrNoSuchDevice)
			_, _, err = db.AllowDevice(ctx, known.ID, s, at(0))
			same(t, err, identity.ErrNoSuchDevice)
			_, err = db.RemoveDevice(ctx, known.ID, s, at(0))
			same(t, err, identity.ErrNoSuchDevice)
			_, err = db.DeleteAccount(ctx, s, at(0))
			same(t, err, identity.ErrUnknownAccount)
		}
	},

	"WhatABrowserOrALogLineBringsIsMadeValidText": func(t *testing.T, db *DB) {
		ctx := t.Context()
		for i, s := range invalidTexts {
			l, fresh, err := db.RecordLogin(ctx, identity.Login{
				ID: string(rune('a' + i)), Challenge: string(rune('a' + i)), Account: "account", Device: phoneOf("account"), UserAgent: s, Address: s,
			})
			must(t, err)
			same(t, fresh, true)
			must(t, db.Audit(ctx, identity.AuditEvent{At: at(0), Client: s, Address: s, UserAgent: s, Device: s, Detail: s}))
			events, err := db.AuditEvents(ctx, at(0), 100)
			must(t, err)
			for _, stored := range []string{l.UserAgent, l.Address, events[i].Detail, events[i].Client, events[i].Address, events[i].UserAgent, events[i].Device} {
				same(t, stored, text(s))
				if strings.ContainsRune(stored, 0) || strings.ToValidUTF8(stored, "") != stored || !strings.Contains(stored, "\uFFFD") {
					t.Fatalf("%q was kept as %q", s, stored)
				}
			}
		}
	},

	"ACancelledRequestFailsAndLeavesTheDatabaseUsable": func(t *testing.T, db *DB) {
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, db.PutClient(t.Context(), shop))
		if _, err := db.Clients(cancelled); err == nil {
			t.Fatal("a cancelled read succeeded")
		}
		if err := db.PutClient(cancelled, identity.Client{ID: "other"}); err == nil {
			t.Fatal("a cancelled write succeeded")
		}
		if _, _, _, err := db.Enroll(cancelled, number, device("one", 0)); err == nil {
			t.Fatal("a cancelled transaction succeeded")
		}
		list, err := db.Clients(t.Context())
		must(t, err)
		same(t, list, []identity.Client{shop})
		_, err = db.Device(t.Context(), "one")
		same(t, err, identity.ErrUnknownDevice)
	},
}

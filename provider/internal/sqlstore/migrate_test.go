package sqlstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

	"qrlogin/provider/internal/identity"
)

// A database as the first release left it comes up with all that was in it.
func TestADatabaseOfTheFirstReleaseIsBroughtUpToDateAndLosesNothing(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	old, err := connectFile(filepath.Join(dir, fileName))
	must(t, err)
	p, err := old.migrator()
	must(t, err)
	_, err = p.UpTo(ctx, 1)
	must(t, err)
	for _, statement := range []string{
		`INSERT INTO meta (name, value) VALUES ('secret pairwise', 'pairwise')`,
		`INSERT INTO clients (id, name, secret_hash, origins, scopes, sector, static_qr, created_at)
			VALUES ('shop', 'The shop', 'hash', 'https://shop.example https://www.shop.example', 'openid phone', 'shop.example', TRUE, 1),
				('kiosk', 'Kiosk', NULL, '', '', '', FALSE, 2)`,
		`INSERT INTO client_origins (origin, client) VALUES ('https://shop.example', 'shop')`,
		`INSERT INTO accounts (id, phone_number, created_at) VALUES ('account', '+8613800138000', 3)`,
		`INSERT INTO devices (id, account, name, public_key, created_at, last_seen_at) VALUES ('device', 'account', 'Phone', 'key', 4, 5)`,
		`INSERT INTO logins (id, challenge, client, account, device, address, user_agent, at)
			VALUES ('login', 'challenge', 'shop', 'account', 'device', '192.0.2.1', 'Mozilla/5.0', 6),
				('later', 'another', 'kiosk', 'account', 'device', '', '', 7)`,
		`INSERT INTO signing_keys (id, private_key, created_at) VALUES ('kid', 'private', 8)`,
		`INSERT INTO audit_events (at, kind, account, client, detail) VALUES (9, 'device.enrolled', 'account', '', 'detail'),
			(10, 'login.ended', 'account', 'shop', 'login login'), (11, 'code.reused', '', 'shop', 'login login'), (12, 'code.reused', 'account', '', ''),
			(13, 'refresh_token.reused', '', 'shop', 'login of nobody'), (14, 'client.refused', '', 'shop', '/token from 192.0.2.1')`,
	} {
		_, err := old.write.ExecContext(ctx, statement)
		must(t, err)
	}
	must(t, old.Close())

	db := mustOpen(t, dir)
	secret, err := db.Secret(ctx, "pairwise")
	must(t, err)
	same(t, string(secret), "pairwise")
	clients, err := db.Clients(ctx)
	must(t, err)
	same(t, clients, []identity.Client{
		{ID: "kiosk", Name: "Kiosk", SigningAlg: "ES256", CreatedAt: fromMillis(2)},
		{
			ID: "shop", Name: "The shop", SecretHash: []byte("hash"), Origins: []string{"https://shop.example", "https://www.shop.example"},
			Scopes: []string{"openid", "phone"}, Sector: "shop.example", SigningAlg: "ES256", Policy: identity.Policy{Rotation: "optional"}, CreatedAt: fromMillis(1),
		},
	})
	wantOrigins(t, db, map[string]bool{"https://shop.example": true})
	device, err := db.Device(ctx, "device")
	must(t, err)
	account, err := db.Account(ctx, "account")
	must(t, err)
	same(t, account, identity.Account{ID: "account", PhoneNumber: number, CreatedAt: fromMillis(3)})
	same(t, device, identity.Device{
		ID: "device", Account: "account", Name: "Phone", Key: []byte("key"), CreatedAt: fromMillis(4), LastSeenAt: fromMillis(5), ActiveAt: fromMillis(4),
	})
	logins, err := db.Logins(ctx, "account", 10)
	must(t, err)
	same(t, logins, []identity.Login{
		{
			ID: "later", Challenge: "another", Client: "kiosk", Account: "account", Device: "device", At: fromMillis(7), AuthTime: fromMillis(7),
			ACR: "urn:qrlogin:acr:qr", AMR: []string{"pop", "user"},
		},
		{
			ID: "login", Challenge: "challenge", Client: "shop", Account: "account", Device: "device",
			Address: "192.0.2.1", UserAgent: "Mozilla/5.0", At: fromMillis(6), AuthTime: fromMillis(6), ACR: "urn:qrlogin:acr:static", AMR: []string{"pop", "user"},
		},
	})
	keys, err := db.SigningKeys(ctx)
	must(t, err)
	same(t, keys, []SigningKey{{ID: "kid", Alg: "ES256", Private: []byte("private"), ActiveAt: fromMillis(8)}})
	events, err := db.AuditEvents(ctx, fromMillis(0), 10)
	must(t, err)
	same(t, events, []identity.AuditEvent{
		{At: fromMillis(9), Kind: "device.enrolled", Account: "account", Detail: "detail"},
		{At: fromMillis(10), Kind: "login.ended", Account: "account", Client: "shop", Login: "login"},
		{At: fromMillis(11), Kind: "authorization_code.reused", Account: "account", Client: "shop", Login: "login"},
		{At: fromMillis(12), Kind: "code.reused", Account: "account"},
		{At: fromMillis(13), Kind: "refresh_token.reused", Client: "shop", Login: "of nobody"},
		{At: fromMillis(14), Kind: "client.refused", Client: "shop", Detail: "/token from 192.0.2.1"},
	})

	// What was there before can be ended, and given refresh tokens, like any other login.
	must(t, db.AddRefreshToken(ctx, refreshToken("token", "login")))
	ended, err := db.EndLogin(ctx, "login", at(1))
	must(t, err)
	same(t, ids(ended), []string{"login"})
}

// Nodes are brought up to date one by one: a migration only adds (see DB.start), and that harms nobody.
func TestNodesOfTheOldVersionWorkOnWhileANewOneMigratesAndMayStartAfterIt(t *testing.T) {
	eachPair(t, func(t *testing.T, handles []*DB) {
		files, more := fstest.MapFS{}, []string{
			`ALTER TABLE clients ADD COLUMN next TEXT NOT NULL DEFAULT '';`,
			`ALTER TABLE accounts ADD COLUMN next BIGINT NOT NULL DEFAULT 0;`,
			`ALTER TABLE devices ADD COLUMN next BYTEA;`,
			`ALTER TABLE logins ADD COLUMN next TEXT NOT NULL DEFAULT ''; CREATE INDEX logins_by_next ON logins (next);`,
			`CREATE TABLE next (id TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE);`,
		}
		for i, text := range more {
			files[fmt.Sprintf("%d_next.sql", 99990+i)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
		}
		names, err := filepath.Glob("migrations/*.sql")
		must(t, err)
		for _, name := range names {
			content, err := os.ReadFile(name)
			must(t, err)
			files[filepath.Base(name)] = &fstest.MapFile{Data: content}
		}
		dialect := map[bool]goose.Dialect{false: goose.DialectSQLite3, true: goose.DialectPostgres}[handles[1].postgres]
		next, err := goose.NewProvider(dialect, handles[1].write, files, goose.WithDisableGlobalRegistry(true))
		must(t, err)

		old := handles[0]
		work := func(ctx context.Context, id string) error {
			_, d, _, err := old.Enroll(ctx, number, device(id, 1))
			if err != nil {
				return err
			}
			if err := old.PutClient(ctx, shop); err != nil {
				return err
			}
			if _, err := old.Client(ctx, "shop"); err != nil {
				return err
			}
			if _, err := old.Device(ctx, id); err != nil {
				return err
			}
			l := login(id, id)
			l.Account, l.Device = d.Account, d.ID
			if _, _, err := old.RecordLogin(ctx, l); err != nil {
				return err
			}
			_, err = old.EndLogin(ctx, id, at(2))
			return err
		}
		working, migrated := make(chan struct{}), make(chan struct{})
		var workers sync.WaitGroup
		for i := range 4 {
			workers.Go(func() {
				for n := 0; n < 40; n++ {
					if err := work(t.Context(), fmt.Sprint(i, " ", n)); err != nil {
						t.Error(err)
					}
					if i == 0 && n == 0 {
						close(working)
					}
					select {
					case <-migrated:
						n = max(n, 35) // and a few more
					default:
					}
				}
			})
		}
		<-working
		made, err := next.Up(t.Context())
		close(migrated)
		workers.Wait()
		must(t, err)
		same(t, len(made), len(more))
		must(t, old.start(t.Context()))
		must(t, work(t.Context(), "after the start"))
	})
}

package app

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
	"qrlogin/provider/internal/token"
)

// node is a mint and the keeper of its keys, on a data folder.
type node struct {
	*token.Mint
	keys *keys
	db   *sqlstore.DB
	log  *bytes.Buffer
}

func newNode(t *testing.T, folder string) node {
	t.Helper()
	n := node{log: &bytes.Buffer{}}
	config, err := Config{Issuer: "http://localhost:9000", Log: slog.New(slog.NewTextHandler(n.log, nil))}.complete()
	if err != nil {
		t.Fatal(err)
	}
	if n.db, err = sqlstore.Open(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	if n.Mint, err = token.NewMint(config.Issuer, []byte("subject key")); err != nil {
		t.Fatal(err)
	}
	if n.keys, err = openKeys(t.Context(), config, nil, n.db, n.Mint); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.keys.Close(); n.db.Close() })
	return n
}

func (n node) grant(alg string) token.Grant {
	return token.Grant{Client: identity.Client{ID: "shop", SigningAlg: alg}, Scopes: []string{"openid"}, AuthTime: time.Now(), Now: time.Now()}
}

func (n node) accessToken(t *testing.T) string {
	t.Helper()
	answer, err := n.Tokens(n.grant(""))
	if err != nil {
		t.Fatal(err)
	}
	return answer.AccessToken
}

func (n node) stored(t *testing.T) []sqlstore.SigningKey {
	t.Helper()
	stored, err := n.db.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestAnRSAKeyIsMadeWhenAClientNeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		one, other := newNode(t, folder), newNode(t, folder)
		if stored := one.stored(t); len(stored) != 1 || stored[0].Alg != token.ES256 {
			t.Fatalf("at first there are %d keys", len(stored))
		}
		answer, err := one.Tokens(one.grant(token.RS256))
		if err != nil {
			t.Fatal(err)
		}
		if err := other.keys.Ensure(t.Context(), token.RS256); err != nil {
			t.Fatal(err)
		}
		if stored := other.stored(t); len(stored) != 2 {
			t.Errorf("then there are %d", len(stored))
		}
		if _, err := other.Hint(*answer.IdToken); err != nil {
			t.Errorf("the other node cannot read the ID token: %v", err)
		}
		if err := one.keys.Ensure(t.Context(), "none"); err == nil {
			t.Error("a key for the algorithm none was made")
		}
	})
}

func TestASiteRegisteredForRS256FindsItsKeyPublishedBeforeItsFirstLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		n := newNode(t, folder)
		if err := n.db.PutClient(t.Context(), identity.Client{ID: "wiki", SigningAlg: token.RS256}); err != nil { // by the command line, say
			t.Fatal(err)
		}
		time.Sleep(keyReload + time.Second)
		synctest.Wait()
		if jwks := string(n.JWKS(time.Now())); !strings.Contains(jwks, `"alg":"RS256"`) {
			t.Errorf("a minute later: %s", jwks)
		}
		if stored := newNode(t, folder).stored(t); len(stored) != 2 {
			t.Errorf("after another start there are %d keys", len(stored))
		}
	})
}

func TestATokenByAKeyMadeAMomentAgoIsReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		one, other := newNode(t, folder), newNode(t, folder)
		old := other.accessToken(t)
		withdraw := func() {
			t.Helper()
			r := Keyring{db: one.db}
			if err := r.Withdraw(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(keyReloadPause)
			if err := one.keys.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		withdraw()
		if _, err := other.Access(one.accessToken(t), time.Now()); err != nil {
			t.Errorf("%v", err)
		}
		if _, err := other.Access(old, time.Now()); !errors.Is(err, token.ErrInvalidToken) {
			t.Errorf("by the withdrawn key: %v", err)
		}

		// Anybody can name a key that nobody knows: one look in a second is all that it costs.
		time.Sleep(keyReloadPause)
		stranger := newNode(t, "").accessToken(t)
		withdraw()
		if _, err := other.Access(stranger, time.Now()); !errors.Is(err, token.ErrInvalidToken) {
			t.Errorf("by a stranger's key: %v", err)
		}
		r := Keyring{db: one.db}
		if err := r.Withdraw(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := one.keys.tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		fresh := one.accessToken(t)
		if _, err := other.Access(fresh, time.Now()); !errors.Is(err, token.ErrInvalidToken) {
			t.Errorf("it looked twice within a second: %v", err)
		}
		time.Sleep(keyReloadPause)
		if _, err := other.Access(fresh, time.Now()); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

func TestANodeWhoseDatabaseFailsSignsOnAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, t.TempDir())
		n.db.Close()
		time.Sleep(keyReload + time.Second)
		synctest.Wait()
		raw := n.accessToken(t)
		if _, err := n.Access(raw, time.Now()); err != nil {
			t.Error(err)
		}
		if !strings.Contains(n.log.String(), "signing keys cannot be kept") {
			t.Errorf("it said %q", n.log.String())
		}
		if _, err := n.Tokens(n.grant(token.RS256)); err == nil {
			t.Error("it signed with a key that cannot be there")
		}
	})
}

func TestAServerThatSleptThroughItsScheduleStillPublishesBeforeUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		n := newNode(t, folder)
		n.keys.Close()
		time.Sleep(DefaultKeyRotation + 10*24*time.Hour)
		stored := newNode(t, folder).stored(t)
		if len(stored) != 2 || time.Until(stored[0].ActiveAt) < keyLead-time.Second {
			t.Errorf("%d keys", len(stored))
		}
	})
}

package app_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/provider/app"
)

func withMasterKey(key string) func(*app.Config) { return func(c *app.Config) { c.MasterKey = key } }

// keyring is the command line's, on a data folder.
func keyring(t testing.TB, folder, masterKey string) *app.Keyring {
	t.Helper()
	r, err := app.OpenKeyring(t.Context(), app.Config{Data: folder, MasterKey: masterKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// keySet is what a site gets from /jwks, and may keep for five minutes.
func (w *world) keySet() (set jose.JSONWebKeySet) {
	w.t.Helper()
	a := w.do(w.request(http.MethodGet, "/jwks", nil))
	if a.Header.Get("Cache-Control") != "public, max-age=300" {
		w.t.Errorf("Cache-Control: %s", a.Header.Get("Cache-Control"))
	}
	a.decode(w.t, &set)
	return set
}

// login logs the shop in and answers its tokens.
func (w *world) login(p rawPhone) (tokens api.TokenResponse) {
	w.t.Helper()
	started := w.start()
	p.approve(started)
	a := w.poll(started, "")
	if a.Status != http.StatusOK {
		w.t.Fatalf("token: %d %s", a.Status, a.Body)
	}
	a.decode(w.t, &tokens)
	return tokens
}

// verifies tells whether a site that has this key set takes the token, and by which kid.
func verifies(t testing.TB, set jose.JSONWebKeySet, raw string) (kid string, ok bool) {
	t.Helper()
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	kid = signed.Signatures[0].Protected.KeyID
	keys := set.Key(kid)
	if len(keys) != 1 {
		return kid, false
	}
	_, err = signed.Verify(keys[0])
	return kid, err == nil
}

// rotating is a node that rotates as often as it may, in a bubble.
func rotating(t *testing.T, folder string) *world {
	t.Helper()
	l := &pipes{opened: make(chan net.Conn), closed: make(chan struct{})}
	every := 2 * time.Hour
	w := newWorldAt(t, l, "http://localhost:9000", func(c *app.Config) { c.Data, c.KeyRotation = folder, &every })
	w.http.Transport.(*http.Transport).DialContext = l.dialFrom("192.0.2.1")
	w.pipes = l
	return w
}

// Two nodes, a site that keeps /jwks of one of them for the five minutes that it may and gets its tokens from the other, keys
// that change by schedule and by hand: every token verifies, and nothing is kept for ever.
func TestRotatingKeysWhileLoginsRunLosesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		page, node := rotating(t, folder), rotating(t, folder)
		p := node.rawPhone().enrolled("+8613800138000")
		operator := keyring(t, folder, "")
		type issued struct {
			at      time.Time
			idToken string
		}
		var session []issued // of the last 8 h: they may come back as id_token_hint
		var seen []string
		most := 0
		login := func() {
			cached := page.keySet()
			time.Sleep(5 * time.Minute)
			tokens := node.login(p)
			for _, raw := range []string{tokens.AccessToken, *tokens.IdToken} {
				kid, ok := verifies(t, cached, raw)
				if !ok {
					t.Fatalf("a token by key %s does not verify", kid)
				}
				if !slices.Contains(seen, kid) {
					seen = append(seen, kid)
				}
			}
			most = max(most, len(cached.Keys))
			for session = append(session, issued{time.Now(), *tokens.IdToken}); time.Since(session[0].at) > 8*time.Hour; {
				session = session[1:]
			}
			if kid, ok := verifies(t, page.keySet(), session[0].idToken); !ok {
				t.Fatalf("the ID token of %s ago, by key %s, does not verify any more", time.Since(session[0].at), kid)
			}
		}
		time.Sleep(3 * time.Minute)
		for i := range 132 { // eleven hours
			if (i+1)%24 < 4 || i%4 == 0 { // all the time around a change, which comes every two hours
				login()
			} else {
				time.Sleep(5 * time.Minute)
			}
		}
		for range 3 {
			time.Sleep(time.Minute)
			if err := operator.Rotate(t.Context(), app.MinKeyLead); err != nil {
				t.Fatal(err)
			}
			for range 4 {
				login()
			}
		}
		if len(seen) < 6 {
			t.Errorf("only %d keys signed", len(seen))
		}
		if most > 10 {
			t.Errorf("%d keys were published at once", most)
		}
		time.Sleep(24 * time.Hour)
		for _, k := range page.keySet().Keys {
			if slices.Contains(seen, k.KeyID) {
				t.Errorf("key %s is still published after a day", k.KeyID)
			}
		}
	})
}

func TestAWithdrawnKeyIsGoneFromEveryNodeWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		one, other := rotating(t, folder), rotating(t, folder)
		p := other.rawPhone().enrolled("+8613800138000")
		before := other.login(p)
		operator := keyring(t, folder, "")
		if err := operator.Rotate(t.Context(), time.Hour); err != nil { // what is published already could be in wrong hands too
			t.Fatal(err)
		}
		if err := operator.Withdraw(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait() // what begins in this moment is over
		keys, err := operator.List(t.Context())
		if err != nil || len(keys) != 1 || keys[0].State != "current" {
			t.Fatalf("%+v, %v", keys, err)
		}
		after := other.login(p)
		for _, w := range []*world{one, other} {
			set := w.keySet()
			if len(set.Keys) != 1 || set.Keys[0].KeyID != keys[0].ID {
				t.Errorf("%d keys are published", len(set.Keys))
			}
			if _, ok := verifies(t, set, before.AccessToken); ok {
				t.Error("a token by the withdrawn key verifies")
			}
			if _, ok := verifies(t, set, after.AccessToken); !ok {
				t.Error("a token by the new key does not")
			}
		}
	})
}

func TestARotationNeedsTimeToBecomeKnown(t *testing.T) {
	folder, kept := inFolder(t)
	newWorld(t, kept)
	operator := keyring(t, folder, "")
	if err := operator.Rotate(t.Context(), app.MinKeyLead-time.Second); err == nil || !strings.Contains(err.Error(), "10m") {
		t.Errorf("%v", err)
	}
	if err := operator.Rotate(t.Context(), time.Hour, "RS256"); err == nil || !strings.Contains(err.Error(), `no key for "RS256"`) {
		t.Errorf("%v", err)
	}
	if err := operator.Rotate(t.Context(), time.Hour, "ES256"); err != nil {
		t.Error(err)
	}
	keys, err := operator.List(t.Context())
	if err != nil || len(keys) != 2 || keys[0].State != "next" || keys[1].State != "current" || keys[1].Until.Sub(keys[0].From) != 8*time.Hour+10*time.Minute {
		t.Errorf("%+v, %v", keys, err)
	}
}

const masterKey = "a-master-key-of-32-characters-or-more"

// hasPKCS8 looks for private keys in a folder's files. Both kinds begin with their version and algorithm (RFC 5208, RFC 5958).
func hasPKCS8(t *testing.T, folder string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		ecdsa := []byte{0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}
		rsa := []byte{0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01}
		if bytes.Contains(content, ecdsa) || bytes.Contains(content, rsa) {
			return true
		}
	}
	return false
}

func TestUnderAMasterKeyNoPrivateKeyLiesInTheDatabase(t *testing.T) {
	folder, kept := inFolder(t)
	w := newWorld(t, kept, withMasterKey(masterKey))
	if err := keyring(t, folder, masterKey).Rotate(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if hasPKCS8(t, folder) {
		t.Error("one does, while the server runs")
	}
	if err := w.provider.Close(); err != nil {
		t.Fatal(err)
	}
	if hasPKCS8(t, folder) {
		t.Error("one does, after it has ended")
	}
}

func TestKeysFromBeforeTheMasterKeyAreSealedAtTheNextStartAndStayTheSame(t *testing.T) {
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	before := w.keySet()
	if err := w.provider.Close(); err != nil {
		t.Fatal(err)
	}
	if !hasPKCS8(t, folder) {
		t.Fatal("the private key was never there to be found")
	}
	if err := keyring(t, folder, masterKey).Rotate(t.Context(), time.Hour); err == nil || !strings.Contains(err.Error(), "not sealed yet") {
		t.Errorf("a key was sealed that the running server could not read: %v", err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(masterKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, kept, withMasterKey("file:"+file))
	if hasPKCS8(t, folder) {
		t.Error("a private key lies in the database")
	}
	after := w.keySet()
	if a, b := marshal(t, before), marshal(t, after); a != b {
		t.Errorf("%s, then %s", a, b)
	}
	if err := w.provider.Close(); err != nil {
		t.Fatal(err)
	}
	newWorld(t, kept, withMasterKey(masterKey)) // the same key, from elsewhere
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestSealedKeysNeedTheirMasterKey(t *testing.T) {
	folder, kept := inFolder(t)
	if err := newWorld(t, kept, withMasterKey(masterKey)).provider.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ key, want string }{
		"none":           {"", "master key is missing"},
		"another":        {masterKey + "x", "not the one"},
		"a short one":    {"31-characters-are-not-quite-32-", "shorter than 32"},
		"a missing file": {"file:" + folder + "/none", "no such file"},
		"an empty file":  {"file:" + os.DevNull, "shorter than 32"},
	} {
		config := app.Config{Issuer: "http://localhost:9", MasterKey: c.key}
		kept(&config)
		_, err := app.New(t.Context(), config)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("a server with %s: %v", name, err)
		}
		err = keyring(t, folder, c.key).Rotate(t.Context(), time.Hour)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a rotation with %s: %v", name, err)
		}
		if err != nil && c.key != "" && strings.Contains(err.Error(), c.key) && !strings.HasPrefix(c.key, "file:") {
			t.Errorf("the error tells the key: %v", err)
		}
	}
	keys, err := keyring(t, folder, "").List(t.Context()) // to look, none is needed
	if err != nil || len(keys) != 1 {
		t.Errorf("%+v, %v", keys, err)
	}
}

func TestAScheduleThatIsShorterThanAKeysLeadIsRefused(t *testing.T) {
	for _, every := range []time.Duration{-time.Hour, time.Second, 2*time.Hour - 1} {
		if _, err := app.New(t.Context(), app.Config{Issuer: "http://localhost:9", KeyRotation: &every}); err == nil {
			t.Errorf("%s was taken", every)
		}
	}
}

package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/memstore"
	"qrlogin/provider/internal/oauth"
	"qrlogin/provider/internal/sqlstore"
	"qrlogin/provider/internal/token"
)

// site is the site's door on real stores, with an approved challenge.
type site struct {
	t          *testing.T
	ctx        context.Context //nolint:containedctx // of the next requests
	handler    http.Handler
	door       *oauth.Door
	store      *memstore.Store
	db         *sqlstore.DB
	deviceCode challenge.Capability
	approved   challenge.Record
}

func newSite(t *testing.T) *site {
	t.Helper()
	ctx := t.Context()
	db, err := sqlstore.Open(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := identity.NewNumbers([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.KeepNumbers(ctx, numbers); err != nil {
		t.Fatal(err)
	}
	key, err := token.NewKey(token.ES256, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	mint, err := token.NewMint("https://login.example", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := mint.SetKeys([]token.Key{key}); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, ctx: ctx, store: memstore.New(), db: db}
	t.Cleanup(func() { _ = s.store.Close(); _ = db.Close() })
	if err := db.PutClient(ctx, identity.Client{ID: "shop", Name: "shop", Scopes: []string{"openid"}, CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	account, device, _, err := db.Enroll(ctx, "+8613800138000", identity.Device{ID: "device", Name: "x", Key: []byte("{}"), CreatedAt: time.Now(), LastSeenAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	draft, deviceCode, _ := challenge.NewDraft("shop", challenge.Policy{StaticCode: true}, challenge.Request{Scopes: []string{"openid"}})
	s.deviceCode = deviceCode
	if s.approved, err = s.store.Create(ctx, draft); err != nil {
		t.Fatal(err)
	}
	for _, event := range []challenge.Event{
		challenge.Scan{Code: challenge.Code{ID: deviceCode.ID}, Device: device.ID, Account: account.ID, Consent: []byte("c")},
		challenge.Approve{Device: device.ID, Consent: []byte("c")},
	} {
		s.approved, err = challenge.Do(ctx, s.store, deviceCode.ID, func(challenge.Record) (challenge.Event, error) { return event, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	engine := gin.New()
	door := &oauth.Door{
		Issuer: "https://login.example", Challenges: s.store, Keys: s.store, Limits: limit.Defaults(), Clients: db, Logins: db, Audit: db, Mint: mint,
		Redelivery: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
	}
	door.Mount(engine)
	s.handler, s.door = engine, door
	return s
}

// redeem polls once, and answers the status and the session id or the error.
func (s *site) redeem() (int, string) {
	s.t.Helper()
	values := url.Values{"client_id": {"shop"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {s.deviceCode.String()}}
	r := httptest.NewRequestWithContext(s.ctx, http.MethodPost, "/token", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := httptest.NewRecorder()
	s.handler.ServeHTTP(a, r)
	var body struct {
		Error   string `json:"error"`
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal(a.Body.Bytes(), &body); err != nil {
		s.t.Fatal(err)
	}
	if body.Error != "" {
		return a.Code, body.Error
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(body.IDToken, ".")[1])
	if err != nil {
		s.t.Fatal(err)
	}
	var claims struct{ SID string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		s.t.Fatal(err)
	}
	return a.Code, claims.SID
}

// undo is a store that forgets the redemption: what happens when it fails over to a copy that lags behind.
func (s *site) undo() {
	s.t.Helper()
	r, err := s.store.Get(s.t.Context(), s.deviceCode.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	before := s.approved.Challenge
	before.Version = r.Version + 1
	if _, err := s.store.Swap(s.t.Context(), r.Version, before); err != nil {
		s.t.Fatal(err)
	}
}

func TestAfterAFailOverTheSameLoginIsThereWithinTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		status, sid := s.redeem()
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, sid)
		}
		time.Sleep(9 * time.Second)
		s.undo()
		if status, again := s.redeem(); status != http.StatusOK || again != sid {
			t.Errorf("%d %s, and first %s", status, again, sid)
		}
	})
}

// RFC 10027 §6.1.3: one redemption. The login's row in SQL says so when the store does not.
func TestAfterAFailOverNothingIsHandedOutPastTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		if status, sid := s.redeem(); status != http.StatusOK {
			t.Fatalf("%d %s", status, sid)
		}
		time.Sleep(9 * time.Second)
		s.undo()
		time.Sleep(time.Second)
		if status, code := s.redeem(); status != http.StatusBadRequest || code != "invalid_grant" {
			t.Errorf("%d %s", status, code)
		}
	})
}

// The phone may have ended it meanwhile.
func TestAfterAFailOverALoginThatWasEndedIsNotHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		_, sid := s.redeem()
		if ended, err := s.db.EndLogin(t.Context(), sid, time.Now()); err != nil || len(ended) != 1 {
			t.Fatal(ended, err)
		}
		s.undo()
		if status, code := s.redeem(); status != http.StatusBadRequest || code != "invalid_grant" {
			t.Errorf("%d %s", status, code)
		}
	})
}

func TestAfterAFailOverAnotherClientsLoginIsNotHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		_, _, err := s.db.RecordLogin(t.Context(), identity.Login{
			ID: "another's", Challenge: s.deviceCode.ID.Hash().String(), Client: "another", Account: s.approved.Claim.Account,
			Device: s.approved.Claim.Device, At: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if status, code := s.redeem(); status != http.StatusBadRequest || code != "invalid_grant" {
			t.Errorf("%d %s", status, code)
		}
	})
}

// slowLogins is a database that has written the row when the request is over.
type slowLogins struct {
	*sqlstore.DB
	over func()
}

func (l slowLogins) RecordLogin(ctx context.Context, login identity.Login) (identity.Login, bool, error) {
	stored, fresh, err := l.DB.RecordLogin(context.WithoutCancel(ctx), login)
	l.over()
	return stored, fresh, err
}

func TestALoginWhoseRowIsWrittenAsItsRequestEndsIsRedeemed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ctx, end := context.WithCancel(t.Context())
		s.ctx, s.door.Logins = ctx, slowLogins{s.db, func() { time.Sleep(16 * time.Second); end() }}
		status, sid := s.redeem()
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, sid)
		}
		s.ctx = t.Context()
		if status, again := s.redeem(); status != http.StatusOK || again != sid {
			t.Errorf("the site asks again: %d %s, and first %s", status, again, sid)
		}
	})
}

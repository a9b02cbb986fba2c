package phone

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/dpop"
	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/memstore"
	"qrlogin/provider/internal/place"
)

const issuer = "https://id.example"

// kit is a door with all that stands behind it in memory.
type kit struct {
	t       testing.TB
	door    *Door
	handler http.Handler

	phones map[string]identity.Account // by thumbprint
	waits  map[string]time.Time        // until when those wait that do
	sites  map[string]identity.Client
	rows   []identity.Login // the newest first
	events []identity.AuditEvent
	places places
	out    []string // what was signed out, in order
	outErr error
}

type places map[string]place.Place

func (p places) Find(address netip.Addr) (place.Place, bool) {
	found, ok := p[address.String()]
	return found, ok
}

func newKit(t testing.TB) *kit {
	t.Helper()
	store := memstore.New()
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	k := &kit{t: t, places: places{}, phones: map[string]identity.Account{}, waits: map[string]time.Time{}, sites: map[string]identity.Client{
		"shop": {ID: "shop", Name: "The Shop", Origins: []string{"https://shop.example"}},
	}}
	numbers, err := identity.NewNumbers([]byte("numbers"))
	if err != nil {
		t.Fatal(err)
	}
	k.door = &Door{
		Issuer: issuer, Challenges: store, Keys: store, Handoffs: handoffs.Box{Contents: store, Keys: store}, Limits: limit.Defaults(), Clients: k, Devices: k, Logins: loginsOf{k}, SignOut: signOutOf{k}, Audit: k,
		Places: k.places, Numbers: numbers, Proofs: dpop.Verifier{Issuer: issuer, Keys: store, NonceKey: []byte("key")}, Log: slog.New(slog.DiscardHandler),
	}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	k.door.Mount(r)
	k.handler = r
	return k
}

func (k *kit) Client(_ context.Context, id string) (identity.Client, error) {
	if site, ok := k.sites[id]; ok {
		return site, nil
	}
	return identity.Client{}, identity.ErrUnknownClient
}

func (k *kit) Device(_ context.Context, thumbprint string) (identity.Device, error) {
	account, ok := k.phones[thumbprint]
	if !ok {
		return identity.Device{}, identity.ErrUnknownDevice
	}
	return identity.Device{ID: thumbprint, Account: account.ID, Name: "Phone", Key: []byte(`{"kty":"EC"}`), LastSeenAt: time.Now(), ActiveAt: k.waits[thumbprint]}, nil
}

func (k *kit) Account(_ context.Context, id string) (identity.Account, error) {
	for _, account := range k.phones {
		if account.ID == id {
			return account, nil
		}
	}
	return identity.Account{}, identity.ErrUnknownAccount
}

func (k *kit) Enroll(ctx context.Context, number string, d identity.Device) (identity.Account, identity.Device, []identity.Login, error) {
	if err := ctx.Err(); err != nil {
		return identity.Account{}, identity.Device{}, nil, err
	}
	k.phones[d.ID] = identity.Account{ID: number}
	d, err := k.Device(ctx, d.ID)
	return k.phones[d.ID], d, nil, err
}
func (k *kit) TouchDevice(context.Context, string, time.Time) error { return nil }

func (k *kit) Devices(ctx context.Context, account string) (all []identity.Device, err error) {
	for thumbprint, of := range k.phones {
		if of.ID == account {
			device, _ := k.Device(ctx, thumbprint)
			all = append(all, device)
		}
	}
	return all, nil
}

func (k *kit) of(account, id string) (identity.Device, error) {
	device, err := k.Device(context.Background(), id)
	if err != nil || device.Account != account {
		return device, identity.ErrNoSuchDevice
	}
	return device, nil
}

func (k *kit) AllowDevice(_ context.Context, account, id string, at time.Time) (identity.Device, bool, error) {
	device, err := k.of(account, id)
	if err == nil {
		delete(k.waits, id)
	}
	return device, device.Waits(at) > 0, err
}

func (k *kit) RemoveDevice(_ context.Context, account, id string, _ time.Time) (identity.Device, error) {
	device, err := k.of(account, id)
	if err == nil {
		delete(k.phones, id)
	}
	return device, err
}

func (k *kit) Audit(_ context.Context, e identity.AuditEvent) error {
	k.events = append(k.events, e)
	return nil
}

func (k *kit) Events(_ context.Context, account string, limit int) (all []identity.AuditEvent, err error) {
	for _, e := range slices.Backward(k.events) {
		if e.Account == account && len(all) < limit {
			all = append(all, e)
		}
	}
	return all, nil
}

type loginsOf struct{ *kit }

func (k loginsOf) Logins(_ context.Context, account string, limit int) (all []identity.Login, err error) {
	for _, l := range k.rows {
		if l.Account == account && len(all) < limit {
			all = append(all, l)
		}
	}
	return all, nil
}

func (k loginsOf) Login(_ context.Context, id string) (identity.Login, error) {
	i := slices.IndexFunc(k.rows, func(l identity.Login) bool { return l.ID == id })
	if i < 0 {
		return identity.Login{}, identity.ErrUnknownLogin
	}
	return k.rows[i], nil
}

func (k loginsOf) LoginOf(_ context.Context, challenge string) (identity.Login, error) {
	i := slices.IndexFunc(k.rows, func(l identity.Login) bool { return l.Challenge == challenge })
	if i < 0 {
		return identity.Login{}, identity.ErrUnknownLogin
	}
	return k.rows[i], nil
}

func (k loginsOf) Sessions(context.Context, string) ([]identity.Session, error) { return nil, nil }

type signOutOf struct{ *kit }

func (k signOutOf) Account(_ context.Context, account string) (ended int, err error) {
	for _, l := range k.rows {
		if l.Account == account && l.EndedAt.IsZero() {
			k.out = append(k.out, l.ID)
			ended++
		}
	}
	return ended, k.outErr
}

func (k signOutOf) Delete(_ context.Context, account string) error {
	k.out = append(k.out, "account "+account)
	return k.outErr
}

func (k signOutOf) Tell([]identity.Login) {}

func (k signOutOf) Login(_ context.Context, id string) error {
	k.out = append(k.out, id)
	return k.outErr
}

// device is an enrolled phone.
type device struct {
	k   *kit
	key *ecdsa.PrivateKey
}

// phoneOf enrols a phone of an account.
func (k *kit) phoneOf(account string) device {
	k.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		k.t.Fatal(err)
	}
	k.phones[proof.Thumbprint(&key.PublicKey)] = identity.Account{ID: account}
	return device{k, key}
}

// send sends a request with a fresh proof, and reads a JSON answer into v unless that is nil.
func (p device) send(method, path string, body, v any) (status int, code string) {
	p.k.t.Helper()
	jws, err := proof.SignDPoP(p.key, method, issuer+path, "", time.Now())
	if err != nil {
		p.k.t.Fatal(err)
	}
	return p.k.send(method, path, jws, body, v)
}

func (k *kit) send(method, path, dpop string, body, v any) (status int, code string) {
	k.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		k.t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	if dpop != "" {
		r.Header.Set("DPoP", dpop)
	}
	w := httptest.NewRecorder()
	k.handler.ServeHTTP(w, r)
	var problem api.Problem
	if w.Code >= 400 {
		v = &problem
	}
	if v != nil {
		if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
			k.t.Fatalf("%s %s: %d %s: %v", method, path, w.Code, w.Body, err)
		}
	}
	return w.Code, problem.Code
}

// claimed is a challenge that this phone has scanned.
func (p device) claimed(request challenge.Request) (api.Claim, api.Consent) {
	p.k.t.Helper()
	draft, _, _ := challenge.NewDraft("shop", challenge.Policy{StaticCode: true}, request)
	r, err := p.k.door.Challenges.Create(p.k.t.Context(), draft)
	if err != nil {
		p.k.t.Fatal(err)
	}
	var claim api.Claim
	if status, code := p.send(http.MethodPost, "/phone/scans", api.ScanRequest{Code: issuer + "/q/" + r.ID.String()}, &claim); status != http.StatusOK {
		p.k.t.Fatalf("scan: %d %s", status, code)
	}
	var consent api.Consent
	if err := json.Unmarshal(shown(p.k.t, claim), &consent); err != nil {
		p.k.t.Fatal(err)
	}
	return claim, consent
}

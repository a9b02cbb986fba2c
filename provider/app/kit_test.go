package app_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
)

// wants holds an answer against a status and an error code, "" for none.
func (a answer) wants(t testing.TB, what string, status int, code string) {
	t.Helper()
	if a.Status != status || a.error() != code {
		t.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Body, status, code)
	}
}

// byWatch makes a request as the page that shows the code, to a path below its challenge.
func (w *world) byWatch(method string, started api.DeviceAuthorization, path string) *http.Request {
	w.t.Helper()
	r := w.request(method, "/challenges/"+started.ChallengeId+path, nil)
	r.Header.Set("Authorization", "Bearer "+started.Watch)
	return r
}

func (w *world) cancel(started api.DeviceAuthorization) answer {
	w.t.Helper()
	return w.do(w.byWatch(http.MethodDelete, started, ""))
}

// confirmation is the page's request with the digits that the phone shows.
func (w *world) confirmation(started api.DeviceAuthorization, digits string) *http.Request {
	w.t.Helper()
	r := w.request(http.MethodPost, "/challenges/"+started.ChallengeId+"/confirm", strings.NewReader(`{"code":"`+digits+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+started.Watch)
	return r
}

func (w *world) confirm(started api.DeviceAuthorization, digits string) answer {
	w.t.Helper()
	return w.do(w.confirmation(started, digits))
}

func (w *world) receipt(started api.DeviceAuthorization) answer {
	w.t.Helper()
	return w.do(w.byWatch(http.MethodPost, started, "/receipt"))
}

// wantState looks at a challenge as its page does.
func (w *world) wantState(started api.DeviceAuthorization, want api.ChallengeState) {
	w.t.Helper()
	if view, a := w.watch(started, 0); view.State != want {
		w.t.Errorf("the challenge is not %s: %d %s", want, a.Status, a.Body)
	}
}

// wantOutcome is for one that is gone.
func (w *world) wantOutcome(started api.DeviceAuthorization, want api.Outcome) {
	w.t.Helper()
	var problem api.Problem
	_, a := w.watch(started, 0)
	a.decode(w.t, &problem)
	if a.Status != http.StatusGone || problem.Outcome == nil || *problem.Outcome != want {
		w.t.Errorf("the challenge is not gone as %s: %d %s", want, a.Status, a.Body)
	}
}

// ask polls for tokens with these parameters beside the grant type.
func (w *world) ask(client, secret string, values url.Values) answer {
	w.t.Helper()
	values.Set("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
	return w.form("/token", client, secret, values)
}

// claim scans the code that the page shows now.
func (p rawPhone) claim(started api.DeviceAuthorization) api.Claim {
	p.w.t.Helper()
	return p.claimBy(p.w.frame(started))
}

func (p rawPhone) claimBy(code string) api.Claim {
	p.w.t.Helper()
	return p.claimOf(p.scan(code))
}

// claimOf reads the answer to a scan, which must have claimed.
func (p rawPhone) claimOf(a answer) api.Claim {
	p.w.t.Helper()
	if a.Status != http.StatusOK {
		p.w.t.Fatalf("scan: %d %s", a.Status, a.Body)
	}
	var claim api.Claim
	a.decode(p.w.t, &claim)
	return claim
}

// id is the phone's as a device.
func (p rawPhone) id() string { return proof.Thumbprint(&p.key.PublicKey) }

// allows lets another phone of the account work.
func (p rawPhone) allows(other rawPhone) answer {
	p.w.t.Helper()
	return p.send(http.MethodPost, "/phone/devices/"+other.id()+"/allow", nil)
}

// removes removes a phone of the account.
func (p rawPhone) removes(other rawPhone) answer {
	p.w.t.Helper()
	return p.send(http.MethodDelete, "/phone/devices/"+other.id(), nil)
}

// another is a further phone of this one's number, which it has allowed.
func (p rawPhone) another(number string) rawPhone {
	p.w.t.Helper()
	other := p.w.rawPhone().enrolled(number)
	p.allows(other).wants(p.w.t, "allow", http.StatusNoContent, "")
	return other
}

// signed is this phone's decision on a claim.
func (p rawPhone) signed(claim api.Claim, v proof.Verdict) string {
	p.w.t.Helper()
	return p.signedFor(p.w.issuer, claim.ChallengeId, v, decode64(p.w.t, claim.Consent))
}

func (p rawPhone) signedFor(audience, challenge string, v proof.Verdict, consent []byte) string {
	p.w.t.Helper()
	return p.states(proof.Statement{Audience: audience, Challenge: challenge, Verdict: v, Consent: consent})
}

// signedAtHome is this phone's approval that says "this is my computer".
func (p rawPhone) signedAtHome(claim api.Claim) string {
	p.w.t.Helper()
	return p.states(proof.Statement{
		Audience: p.w.issuer, Challenge: claim.ChallengeId, Verdict: proof.Approve, Consent: decode64(p.w.t, claim.Consent), Session: true,
	})
}

func (p rawPhone) states(s proof.Statement) string {
	p.w.t.Helper()
	jws, err := proof.SignDecision(p.key, s, time.Now())
	if err != nil {
		p.w.t.Fatal(err)
	}
	return jws
}

// sendDecision sends a decision, with no proof beside it.
func (w *world) sendDecision(jws string) answer {
	w.t.Helper()
	return w.do(w.decisionRequest(jws))
}

func (w *world) decisionRequest(jws string) *http.Request {
	w.t.Helper()
	raw, err := json.Marshal(api.DecisionRequest{Decision: jws})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.jsonRequest(http.MethodPost, "/phone/decisions", string(raw))
}

func (w *world) jsonRequest(method, path, body string) *http.Request {
	w.t.Helper()
	r := w.request(method, path, stringBody(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// decide scans nothing: it signs and sends a decision on a claim, which must count.
func (p rawPhone) decide(claim api.Claim, v proof.Verdict) {
	p.w.t.Helper()
	if a := p.w.sendDecision(p.signed(claim, v)); a.Status != http.StatusOK {
		p.w.t.Fatalf("%s: %d %s", v, a.Status, a.Body)
	}
}

// approve scans the code that the page shows, and approves.
func (p rawPhone) approve(started api.DeviceAuthorization) {
	p.w.t.Helper()
	p.decide(p.claim(started), proof.Approve)
}

func (p rawPhone) release(claim api.Claim) answer {
	p.w.t.Helper()
	return p.send(http.MethodDelete, "/phone/scans/"+claim.ChallengeId, nil)
}

// inFolder keeps the provider's database where a test can look into it.
func inFolder(t testing.TB) (folder string, change func(*app.Config)) {
	t.Helper()
	folder = t.TempDir()
	return folder, func(c *app.Config) { c.Data = folder }
}

// withRedelivery sets how long a redeemed device_code answers again.
func withRedelivery(d time.Duration) func(*app.Config) {
	return func(c *app.Config) { c.Redelivery = &d }
}

func withStore(url string) func(*app.Config) { return func(c *app.Config) { c.Store = url } }

// withClient registers one more site.
func withClient(client app.Client) func(*app.Config) {
	return func(c *app.Config) { c.Clients = append(slices.Clone(c.Clients), client) }
}

// audited is the audit events of a kind, the oldest first.
func audited(t testing.TB, folder, kind string) []identity.AuditEvent {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.AuditEvents(t.Context(), time.Time{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(e identity.AuditEvent) bool { return e.Kind != kind })
}

// keepNumbers has a database keep phone numbers as the provider that made it does.
func keepNumbers(t testing.TB, db *sqlstore.DB) {
	t.Helper()
	secret, err := db.Secret(t.Context(), "phone numbers")
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := identity.NewNumbers(secret)
	if err == nil {
		err = db.KeepNumbers(t.Context(), numbers)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// loginRows counts the logins that the database holds.
func loginRows(t testing.TB, folder string) int {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "qrlogin.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM logins`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// limitedClient may not ask for the number.
var limitedClient = app.Client{ID: "limited", Scopes: []string{"openid"}}

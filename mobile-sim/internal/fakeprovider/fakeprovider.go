package fakeprovider

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/api/handoff"
	"qrlogin/api/picture"
	"qrlogin/api/proof"
)

// Code is the code that every enrolment is sent; Digits are those of every approval that the page must confirm.
const (
	Code   = "493021"
	Digits = "4821"
)

// Provider is a running fake.
type Provider struct {
	URL string

	mu         sync.Mutex
	issuer     string
	nonce      string
	drops      map[string]int    // route → how many answers to swallow
	requests   []string          // method and path of every request
	seen       map[string]bool   // jti
	pending    map[string]string // enrolment → thumbprint
	numbers    map[string]string // enrolment → number
	accounts   map[string]api.PhoneAccount
	wait       bool         // whoever enrols has to
	others     []api.Device // of whoever asks, beside that one
	challenges map[string]*Challenge
	logins     []*api.Login    // of whoever asks, the newest first
	events     []api.Event     // of the same, the newest first
	disowned   map[string]bool // login → said so
	server     *httptest.Server
}

// Challenge is a challenge to scan.
type Challenge struct {
	ID      string
	State   string // pending, claimed, confirming, approved, denied, released
	Consent api.Consent
	Session bool         // approved with one
	PIN     bool         // approved with one
	Refuse  *api.Problem // what a scan is answered, when set
	Reject  *api.Problem // what is answered when something is handed off, when set
	Expires int          // seconds
	bytes   []byte
	claimer string
	page    *ecdsa.PrivateKey // of a handoff
	sent    []byte            // of a handoff, until the challenge ends without an approval
}

// New starts a fake on the loopback. The caller closes it.
func New() *Provider {
	p := &Provider{
		drops: map[string]int{}, seen: map[string]bool{},
		pending: map[string]string{}, numbers: map[string]string{},
		accounts: map[string]api.PhoneAccount{}, challenges: map[string]*Challenge{}, disowned: map[string]bool{},
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.URL = "http://" + p.server.Listener.Addr().String() // known before the first request
	p.issuer = p.URL
	p.server.Start()
	return p
}

// Close stops the fake.
func (p *Provider) Close() { p.server.Close() }

// SetIssuer makes the fake claim another name.
func (p *Provider) SetIssuer(issuer string) { p.locked(func() { p.issuer = issuer }) }

// SetNonce makes the fake want this nonce in every proof.
func (p *Provider) SetNonce(nonce string) { p.locked(func() { p.nonce = nonce }) }

// Drop makes the fake do what the next n requests of a route ("POST /phone/scans") ask, and close the connection
// instead of answering.
func (p *Provider) Drop(route string, n int) { p.locked(func() { p.drops[route] = n }) }

// Requests returns the routes of all requests so far, challenge ids and the like left out.
func (p *Provider) Requests() (routes []string) {
	p.locked(func() { routes = append(routes, p.requests...) })
	return routes
}

// Forget forgets all phones.
func (p *Provider) Forget() { p.locked(func() { clear(p.accounts) }) }

// SetWait makes phones that enrol wait.
func (p *Provider) SetWait() { p.locked(func() { p.wait = true }) }

// Device adds another device that waits.
func (p *Provider) Device(name string) (id string) {
	now := time.Now().UTC().Truncate(time.Second)
	d := api.Device{Id: rand.Text(), Name: name, CreatedAt: now, LastSeenAt: now, ActiveAt: now.Add(24 * time.Hour)}
	p.locked(func() { p.others = append(p.others, d) })
	return d.Id
}

// Challenge makes a challenge, and returns it with the text of its QR code. edit may change it before anybody scans.
func (p *Provider) Challenge(edit func(*Challenge)) (c *Challenge, frame string) {
	c = &Challenge{ID: rand.Text(), State: "pending", Expires: 180}
	c.Consent.Challenge = c.ID
	c.Consent.Client.Id, c.Consent.Client.Name = "demo-shop", "Demo Shop"
	c.Consent.Client.Domains = []string{"shop.example"}
	c.Consent.Browser.Address = new("192.0.2.7")
	c.Consent.Browser.Name = &api.BrowserName{Name: "Chrome", System: "Linux"}
	c.Consent.Browser.UserAgent = new("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36")
	c.Consent.Scopes = []string{"openid", "phone"}
	c.Consent.ClaimedAt = time.Now().UTC().Truncate(time.Second)
	if edit != nil {
		edit(c)
	}
	c.bytes, _ = json.Marshal(c.Consent)
	p.locked(func() { p.challenges[c.ID] = c })
	return c, p.URL + "/q/" + c.ID + ".0.AEBAGBAFAYDQQ"
}

// Order is an order for two things.
func Order() *api.Order {
	return &api.Order{
		Type: api.OrderTypeOrder, OrderId: "2026-0815", Merchant: "Kiln Lane",
		Lines: []api.OrderLine{{Name: "Moon jar", Quantity: 1, UnitPrice: 48000}, {Name: "Tea cup", Quantity: 2, UnitPrice: 4505}},
		Total: 57010, Currency: "CNY",
	}
}

// Handoff makes a challenge that asks for bookmarks, as HTML and of at most 5 MB, with the text of the QR code that the page draws. edit
// may change what the provider says of it.
func (p *Provider) Handoff(edit func(*Challenge)) (c *Challenge, frame string) {
	page, public := pageKey()
	shown, err := handoff.Thumbprint(public)
	if err != nil {
		panic(err)
	}
	c, frame = p.Challenge(func(c *Challenge) {
		c.page = page
		c.Consent.Handoff = &api.Handoff{Type: api.HandoffTypeHandoff, Kind: "bookmarks", MediaTypes: &[]string{"text/html"}, Jwk: public}
		c.Consent.HandoffLimit = new(int64(5 << 20))
		if edit != nil {
			edit(c)
		}
	})
	return c, frame + "#" + shown
}

// Lie has a provider show a key of its own in place of the page's.
func Lie(c *Challenge) { c.page, c.Consent.Handoff.Jwk = pageKey() }

func pageKey() (*ecdsa.PrivateKey, api.HandoffKey) {
	page, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	text, err := jose.JSONWebKey{Key: &page.PublicKey}.MarshalJSON()
	if err != nil {
		panic(err)
	}
	var public api.HandoffKey
	if err := json.Unmarshal(text, &public); err != nil {
		panic(err)
	}
	return page, public
}

// Sent opens what was handed off, as the page would; err says that nothing is kept, or that it is not for the page.
func (p *Provider) Sent(id string) (mediaType string, plain []byte, err error) {
	p.locked(func() {
		c := p.challenges[id]
		mediaType, plain, err = handoff.Open(c.page, c.sent)
	})
	return mediaType, plain, err
}

// Kept tells whether anything that was handed off is there, readable or not.
func (p *Provider) Kept(id string) (kept bool) {
	p.locked(func() { kept = p.challenges[id].sent != nil })
	return kept
}

// Unlocked tells whether a challenge was approved with the PIN.
func (p *Provider) Unlocked(id string) (pin bool) {
	p.locked(func() { pin = p.challenges[id].PIN })
	return pin
}

// State returns a challenge's state.
func (p *Provider) State(id string) (state string) {
	p.locked(func() { state = p.challenges[id].State })
	return state
}

// Session tells whether a challenge was approved with a session.
func (p *Provider) Session(id string) (session bool) {
	p.locked(func() { session = p.challenges[id].Session })
	return session
}

// Login makes a login, newer than all others. edit may change it.
func (p *Provider) Login(edit func(*api.Login)) (id string) {
	now := time.Now().UTC().Truncate(time.Second)
	l := &api.Login{Id: rand.Text(), At: now, AuthTime: now, Address: new("192.0.2.7"), Browser: &api.BrowserName{Name: "Chrome", System: "Linux"},
		UserAgent: new("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36")}
	l.Client.Id, l.Client.Name, l.Client.Domains = "demo-shop", "Demo Shop", []string{"shop.example"}
	if edit != nil {
		edit(l)
	}
	p.locked(func() { p.logins = append([]*api.Login{l}, p.logins...) })
	return l.Id
}

// Event makes an event, newer than all others.
func (p *Provider) Event(e api.Event) {
	p.locked(func() { p.events = append([]api.Event{e}, p.events...) })
}

// LoginState is active, ended or disowned.
func (p *Provider) LoginState(id string) (state string) {
	p.locked(func() {
		state = "active"
		if l := p.login(id); l.EndedAt != nil {
			state = "ended"
		}
		if p.disowned[id] {
			state = "disowned"
		}
	})
	return state
}

func (p *Provider) login(id string) *api.Login {
	for _, l := range p.logins {
		if l.Id == id {
			return l
		}
	}
	return nil
}

func (p *Provider) locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// refusal is an error that is answered as a problem document.
type refusal struct {
	status int
	code   string
}

func refuse(status int, code string) error { return &refusal{status, code} }

func (r *refusal) Error() string { return r.code }

// serve answers one request at a time.
func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	route := r.Method + " " + r.URL.Path
	for _, prefix := range []string{"/phone/scans/", "/phone/enrollments/", "/phone/logins/", "/phone/devices/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			route = r.Method + " " + prefix + "…"
		}
	}
	p.requests = append(p.requests, route)
	status, body, err := p.handle(r, route)
	if p.drops[route] > 0 {
		p.drops[route]--
		panic(http.ErrAbortHandler) // closes the connection
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		re, ok := err.(*refusal)
		if !ok {
			re = &refusal{http.StatusBadRequest, "bad-request"}
		}
		w.Header().Set("Content-Type", "application/problem+json")
		if re.code == "proof-nonce" {
			w.Header().Set("DPoP-Nonce", p.nonce)
		}
		status = re.status
		body = api.Problem{Type: "urn:qrlogin:problem:" + re.code, Status: re.status, Code: re.code, Title: "Title of " + re.code}
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (p *Provider) handle(r *http.Request, route string) (status int, body any, err error) {
	switch route {
	case "GET /.well-known/openid-configuration":
		return http.StatusOK, api.Metadata{Issuer: p.issuer}, nil
	case "POST /phone/decisions":
		return p.decide(r)
	}
	proven, err := p.authenticate(r)
	if err != nil {
		return 0, nil, err
	}
	switch route {
	case "POST /phone/enrollments":
		return p.enroll(r, proven.Thumbprint)
	case "POST /phone/enrollments/…":
		return p.confirm(r, proven.Thumbprint)
	}
	account, ok := p.accounts[proven.Thumbprint]
	if !ok {
		return 0, nil, refuse(http.StatusUnauthorized, "device-unknown")
	}
	itself := route == "DELETE /phone/devices/…" && strings.HasSuffix(r.URL.Path, "/"+proven.Thumbprint)
	if account.Device.ActiveAt.After(time.Now()) && route != "GET /phone/account" && !itself {
		return 0, nil, refuse(http.StatusForbidden, "device-waiting")
	}
	switch route {
	case "GET /phone/account":
		return http.StatusOK, account, nil
	case "DELETE /phone/account":
		delete(p.accounts, proven.Thumbprint)
		return http.StatusNoContent, nil, nil
	case "GET /phone/account/export":
		all := api.AccountExport{Issuer: p.URL, ExportedAt: time.Now().UTC()}
		all.Account.PhoneNumber = account.PhoneNumber
		return http.StatusOK, all, nil
	case "GET /phone/devices":
		return http.StatusOK, api.DeviceList{Devices: append([]api.Device{account.Device}, p.others...)}, nil
	case "DELETE /phone/devices/…", "POST /phone/devices/…":
		return p.changeDevice(r, proven.Thumbprint)
	case "DELETE /phone/logins":
		for _, l := range p.logins {
			if l.EndedAt == nil {
				l.EndedAt = new(time.Now().UTC())
			}
		}
		return http.StatusNoContent, nil, nil
	case "GET /phone/logins":
		return http.StatusOK, api.LoginList{Logins: p.list()}, nil
	case "DELETE /phone/logins/…", "POST /phone/logins/…":
		return p.endLogin(r)
	case "GET /phone/events":
		return http.StatusOK, api.EventList{Events: append([]api.Event{}, p.events...)}, nil // never null
	case "POST /phone/scans":
		return p.scan(r, proven.Thumbprint)
	case "DELETE /phone/scans/…":
		return p.release(r, proven.Thumbprint)
	case "PUT /phone/scans/…":
		return p.take(r, proven.Thumbprint)
	}
	return 0, nil, refuse(http.StatusNotFound, "not-found")
}

func (p *Provider) authenticate(r *http.Request) (proof.DPoP, error) {
	got, err := proof.VerifyDPoP(r.Header.Get("DPoP"), r.Method, p.URL+r.URL.EscapedPath())
	if err != nil || r.Header.Get("Authorization") != "" || time.Since(got.IssuedAt).Abs() > time.Minute || p.seen[got.ID] {
		return got, refuse(http.StatusUnauthorized, "proof-invalid")
	}
	p.seen[got.ID] = true
	if got.Nonce != p.nonce {
		return got, refuse(http.StatusUnauthorized, "proof-nonce")
	}
	return got, nil
}

func (p *Provider) enroll(r *http.Request, device string) (int, any, error) {
	var req api.EnrollmentRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return 0, nil, err
	}
	if !strings.HasPrefix(req.PhoneNumber, "+") {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "phone-number-invalid")
	}
	id := rand.Text()
	p.pending[id], p.numbers[id] = device, req.PhoneNumber
	return http.StatusCreated, api.Enrollment{EnrollmentId: id, ExpiresIn: 600}, nil
}

func (p *Provider) confirm(r *http.Request, device string) (int, any, error) {
	var req api.EnrollmentConfirmation
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return 0, nil, err
	}
	id := strings.Split(r.URL.Path, "/")[3]
	if p.pending[id] != device {
		return 0, nil, refuse(http.StatusNotFound, "not-found")
	}
	if req.Code != Code {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "enrollment-code-wrong")
	}
	delete(p.pending, id)
	now := time.Now().UTC().Truncate(time.Second)
	account := api.PhoneAccount{Issuer: p.URL, PhoneNumber: p.numbers[id], CreatedAt: now, Device: api.Device{
		Id: device, Name: "My phone", CreatedAt: now, LastSeenAt: now, Current: true,
	}}
	account.Device.ActiveAt = now
	if p.wait {
		account.Device.ActiveAt = now.Add(24 * time.Hour)
	}
	p.accounts[device] = account
	return http.StatusCreated, account, nil
}

// changeDevice allows or removes one.
func (p *Provider) changeDevice(r *http.Request, current string) (int, any, error) {
	id, allow := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/phone/devices/"), "/allow")
	if id == current && !allow {
		delete(p.accounts, id)
		return http.StatusNoContent, nil, nil
	}
	i := slices.IndexFunc(p.others, func(d api.Device) bool { return d.Id == id })
	switch {
	case i < 0 || allow != (r.Method == http.MethodPost):
		return 0, nil, refuse(http.StatusNotFound, "no-such-device")
	case allow:
		p.others[i].ActiveAt = time.Now().UTC()
	default:
		p.others = slices.Delete(p.others, i, i+1)
	}
	return http.StatusNoContent, nil, nil
}

func (p *Provider) scan(r *http.Request, device string) (int, any, error) {
	req, err := p.presented(r)
	if err != nil {
		return 0, nil, err
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(req.Code, p.URL+"/q/"), ".")
	if req.Code == "WDJB-MJHT" { // the one challenge that there is
		for only := range p.challenges {
			id = only
		}
	}
	c := p.challenges[id]
	switch {
	case strings.Contains(req.Code, "#"):
		return 0, nil, errors.New("what stands behind the # is not for the provider")
	case c == nil:
		return 0, nil, refuse(http.StatusNotFound, "code-unknown")
	case c.Refuse != nil:
		return 0, nil, refuse(c.Refuse.Status, c.Refuse.Code)
	case c.State == "denied":
		return 0, nil, refuse(http.StatusGone, "gone")
	case c.claimer != "" && c.claimer != device:
		return 0, nil, refuse(http.StatusConflict, "claimed-by-another")
	}
	c.State, c.claimer = "claimed", device
	return http.StatusOK, api.Claim{
		ChallengeId: c.ID, ExpiresIn: c.Expires, Consent: base64.RawURLEncoding.EncodeToString(c.bytes),
	}, nil
}

// presented reads a code, or the one of this provider that is in a picture.
func (p *Provider) presented(r *http.Request) (req api.ScanRequest, err error) {
	switch r.Header.Get("Content-Type") {
	case "application/json":
		return req, json.NewDecoder(r.Body).Decode(&req)
	case "image/png", "image/jpeg", "image/webp":
	default:
		return req, refuse(http.StatusUnsupportedMediaType, "unsupported-media-type")
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return req, err
	}
	ours := func(text string) bool { return strings.HasPrefix(text, p.URL+"/q/") }
	texts, err := picture.Read(r.Context(), data, ours)
	if errors.Is(err, picture.ErrTooLarge) {
		return req, refuse(http.StatusRequestEntityTooLarge, "too-large")
	}
	if err != nil {
		return req, refuse(http.StatusUnprocessableEntity, "picture-unreadable")
	}
	if len(texts) == 0 {
		return req, refuse(http.StatusUnprocessableEntity, "picture-without-code")
	}
	for _, text := range texts {
		if ours(text) && req.Code != "" {
			return req, refuse(http.StatusUnprocessableEntity, "picture-with-several-codes")
		}
		if ours(text) {
			req.Code, _, _ = strings.Cut(text, "#")
		}
	}
	return req, nil
}

func (p *Provider) release(r *http.Request, device string) (int, any, error) {
	c := p.challenges[strings.Split(r.URL.Path, "/")[3]]
	if c == nil || c.claimer != device {
		return 0, nil, refuse(http.StatusNotFound, "not-found")
	}
	c.State, c.claimer, c.sent = "released", "", nil
	return http.StatusNoContent, nil, nil
}

// take keeps what is handed off.
func (p *Provider) take(r *http.Request, device string) (int, any, error) {
	c := p.challenges[strings.Split(r.URL.Path, "/")[3]]
	switch {
	case c == nil || c.claimer != device:
		return 0, nil, refuse(http.StatusNotFound, "not-found")
	case c.Reject != nil:
		return 0, nil, refuse(c.Reject.Status, c.Reject.Code)
	case c.Consent.Handoff == nil || r.Header.Get("Content-Type") != "application/jose" || r.ContentLength < 0:
		return 0, nil, refuse(http.StatusUnprocessableEntity, "handoff-malformed")
	}
	jwe, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, err
	}
	c.sent = jwe
	return http.StatusNoContent, nil, nil
}

func (p *Provider) list() []api.Login {
	list := []api.Login{} // never null
	for _, l := range p.logins {
		list = append(list, *l)
	}
	return list
}

func (p *Provider) endLogin(r *http.Request) (int, any, error) {
	id, disown := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/phone/logins/"), "/disown")
	l := p.login(id)
	if l == nil || disown != (r.Method == http.MethodPost) {
		return 0, nil, refuse(http.StatusNotFound, "login-unknown")
	}
	if l.EndedAt == nil {
		l.EndedAt = new(time.Now().UTC())
	}
	p.disowned[id] = p.disowned[id] || disown
	return http.StatusNoContent, nil, nil
}

func (p *Provider) decide(r *http.Request) (int, any, error) {
	var req api.DecisionRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return 0, nil, err
	}
	if r.Header.Get("DPoP") != "" {
		return 0, nil, fmt.Errorf("a decision needs no proof")
	}
	d, err := proof.VerifyDecision(req.Decision, p.URL)
	if err != nil {
		return 0, nil, err
	}
	c := p.challenges[d.Challenge]
	verdict := map[proof.Verdict]string{proof.Approve: "approved", proof.Deny: "denied"}[d.Verdict]
	if d.Verdict == proof.Approve && c != nil && c.Consent.Confirmation != nil && *c.Consent.Confirmation {
		verdict = "confirming"
	}
	retracted := c != nil && c.State == "confirming" && d.Verdict == proof.Deny
	switch {
	case c == nil || c.State == "denied": // a denied challenge is gone
		return 0, nil, refuse(http.StatusGone, "gone")
	case c.claimer != d.Thumbprint:
		return 0, nil, refuse(http.StatusConflict, "claimed-by-another")
	case !bytes.Equal(c.bytes, d.Consent):
		return 0, nil, refuse(http.StatusUnprocessableEntity, "consent-mismatch")
	case d.Verdict == proof.Approve && c.Consent.Handoff != nil && (c.sent == nil || d.Handoff != proof.Digest(c.sent)),
		d.Handoff != "" && c.Consent.Handoff == nil:
		return 0, nil, refuse(http.StatusUnprocessableEntity, "handoff-missing")
	case d.Session && (c.Consent.SessionOffered == nil || !*c.Consent.SessionOffered):
		return 0, nil, refuse(http.StatusForbidden, "not-allowed")
	case c.State != "claimed" && !retracted && (c.State != verdict || c.Session != d.Session):
		return 0, nil, refuse(http.StatusConflict, "wrong-state")
	}
	c.State, c.Session, c.PIN = verdict, d.Session, d.PIN
	answer := api.DecisionResult{State: api.DecisionResultState(verdict)}
	if verdict == "confirming" {
		answer.ConfirmationCode = new(Digits)
	}
	return http.StatusOK, answer, nil
}

package shop

import (
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"qrlogin/api"
)

const (
	grantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"
	scope           = "openid phone"
	answerLimit     = 1 << 20          // bytes of one answer, whatever the provider sends
	callTimeout     = 10 * time.Second // of one call that the provider answers at once
)

// A provider is the identity provider as this site sees it. The calls of the device flow are written by hand: x/oauth2 sends no
// client secret to the device endpoint, drops the extra members of its answer, and knows nothing of `Prefer: wait`. The code flow is
// the library's.
type provider struct {
	issuer       string
	clientID     string
	clientSecret string
	http         *http.Client
	discovered   atomic.Pointer[metadata]
}

// metadata is what discovery told.
type metadata struct {
	authorization       string // "" if it has no page of its own
	pushed              string // "" if it takes no requests before the browser is sent there
	deviceAuthorization string
	token               string
	saysIssuer          bool // in every answer that a browser brings (RFC 9207)
	verifier            *oidc.IDTokenVerifier
}

func newProvider(c Config) *provider {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64 // every waiting visitor holds a connection
	if c.Roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	}
	return &provider{
		issuer: c.Issuer, clientID: c.ClientID, clientSecret: c.ClientSecret,
		http: &http.Client{
			Transport: limited{transport},
			Timeout:   hold + 2*callTimeout,
			// A redirect would carry the client's secret or a device_code to wherever it points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// limited ends an answer that is longer than any honest one, also for libraries that read to the end.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, answerLimit)
	}
	return resp, err
}

// discover returns the provider's metadata, fetched at the first need: the shop may start before the provider.
func (p *provider) discover(ctx context.Context) (*metadata, error) {
	if m := p.discovered.Load(); m != nil {
		return m, nil
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.http), callTimeout)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.issuer) // checks that the document names the same issuer
	if err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.issuer, err)
	}
	var more struct {
		SaysIssuer bool   `json:"authorization_response_iss_parameter_supported"`
		Pushed     string `json:"pushed_authorization_request_endpoint"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.issuer, err)
	}
	m := &metadata{
		authorization: found.Endpoint().AuthURL, pushed: more.Pushed, saysIssuer: more.SaysIssuer,
		deviceAuthorization: found.Endpoint().DeviceAuthURL,
		token:               found.Endpoint().TokenURL,
		verifier:            found.Verifier(&oidc.Config{ClientID: p.clientID}),
	}
	scheme, _, _ := strings.Cut(p.issuer, "://")
	for i, endpoint := range []string{m.authorization, m.pushed, m.deviceAuthorization, m.token} {
		if (i > 1 || endpoint != "") && !strings.HasPrefix(endpoint, scheme+"://") { // no secret goes from https to http
			return nil, fmt.Errorf("discover %s: unusable endpoint %q", p.issuer, endpoint)
		}
	}
	p.discovered.Store(m)
	return m, nil
}

// challenge is the provider's answer to a device authorization request (RFC 8628 section 3.2) with its two extensions.
type challenge struct {
	DeviceCode  string `json:"device_code"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	Interval    int    `json:"interval"`   // seconds
	ChallengeID string `json:"challenge_id"`
	Watch       string `json:"watch"`
}

var challengeID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// authorizeDevice starts a challenge: a login, and what more it asks for. Its nonce comes back in the ID token.
func (p *provider) authorizeDevice(ctx context.Context, more url.Values) (challenge, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return challenge{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	form := url.Values{"scope": {scope}}
	maps.Copy(form, more)
	got, err := p.post(ctx, m.deviceAuthorization, form, 0)
	if err != nil {
		return challenge{}, fmt.Errorf("start a challenge: %w", err)
	}
	if got.status != http.StatusOK {
		return challenge{}, fmt.Errorf("start a challenge: %w", refusalOf(got))
	}
	var c challenge
	if err := json.Unmarshal(got.body, &c); err != nil {
		return challenge{}, errors.New("start a challenge: the answer is not the JSON that was asked for")
	}
	if c.DeviceCode == "" || c.Watch == "" || c.ExpiresIn <= 0 || !challengeID.MatchString(c.ChallengeID) {
		return challenge{}, errors.New("start a challenge: the answer lacks what a QR login needs")
	}
	if c.Interval <= 0 {
		c.Interval = 5 // RFC 8628 §3.2
	}
	return c, nil
}

// A refusal is an OAuth error (RFC 6749 section 5.2), or an answer that is not even that.
type refusal struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
	RetryAfter  string `json:"-"`
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the provider answered %d %s", r.Status, strings.TrimSpace(r.Code+" "+r.Description))
}

func refusalOf(got response) *refusal {
	r := &refusal{}
	if json.Unmarshal(got.body, r) != nil {
		*r = refusal{}
	}
	r.Status = got.status
	if _, err := strconv.Atoi(got.header.Get("Retry-After")); err == nil {
		r.RetryAfter = got.header.Get("Retry-After")
	}
	return r
}

// pauses lie between the tries of one redemption. The provider gives a redeemed answer again for 10 s to the client that
// it belongs to, so that a connection that dropped with the tokens on it loses no login.
var pauses = []time.Duration{0, 200 * time.Millisecond, time.Second, 2 * time.Second}

// tokens is what the provider gives for a device_code, or a code. The access token is not kept: this shop has no use for it.
type tokens struct {
	IDToken string      `json:"id_token"`
	Details []api.Order `json:"authorization_details"` // what was approved beyond the login (RFC 9396 section 7)
}

// redeem asks for the tokens of a device_code (RFC 8628 section 3.4) and lets the provider hold the answer for up to wait
// (RFC 7240). held says whether the provider did wait, so that the next question may follow at once.
func (p *provider) redeem(ctx context.Context, deviceCode string, wait time.Duration) (got *tokens, held bool, err error) {
	m, err := p.discover(ctx)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	form := url.Values{"grant_type": {grantDeviceCode}, "device_code": {deviceCode}}
	for try := 0; ; try++ {
		got, held, err = p.redeemOnce(ctx, m.token, form, wait)
		var refused *refusal
		answered := err == nil || errors.As(err, &refused) && refused.Status < 500
		if answered || ctx.Err() != nil || try == len(pauses) {
			return got, held, err
		}
		pause(ctx, pauses[try])
	}
}

func (p *provider) redeemOnce(ctx context.Context, endpoint string, form url.Values, wait time.Duration) (*tokens, bool, error) {
	got, err := p.post(ctx, endpoint, form, wait)
	if err != nil {
		return nil, false, fmt.Errorf("redeem: %w", err)
	}
	held := strings.Contains(got.header.Get("Preference-Applied"), "wait")
	if got.status != http.StatusOK {
		return nil, held, fmt.Errorf("redeem: %w", refusalOf(got))
	}
	var given tokens
	if json.Unmarshal(got.body, &given) != nil || given.IDToken == "" {
		return nil, held, errors.New("redeem: the answer has no ID token")
	}
	return &given, held, nil
}

// response is a whole answer of the provider.
type response struct {
	status int
	header http.Header
	body   []byte
}

// post sends a form as this client, by client_secret_basic.
func (p *provider) post(ctx context.Context, endpoint string, form url.Values, wait time.Duration) (response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// RFC 6749 §2.3.1: each part is form-encoded before the two are joined.
	req.SetBasicAuth(url.QueryEscape(p.clientID), url.QueryEscape(p.clientSecret))
	if wait > 0 {
		req.Header.Set("Prefer", fmt.Sprintf("wait=%.0f", math.Ceil(wait.Seconds())))
	}
	return p.do(req)
}

func (p *provider) do(req *http.Request) (response, error) {
	resp, err := p.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return response{}, fmt.Errorf("read the answer: %w", err)
	}
	return response{resp.StatusCode, resp.Header, body}, nil
}

// A proof is how a person was proven to this shop: the claims of the ID token that it shows or keeps.
type proof struct {
	Issuer   string
	Subject  string
	Phone    string // E.164; only when the provider has verified it
	ACR      string
	AMR      []string
	AuthTime time.Time
	Device   string // the thumbprint of the key that signed, where the provider says it: with an order
	IDToken  string // says to the provider who is logged in here
}

// verify checks an ID token (OIDC Core section 3.1.3.7): signature, issuer, audience and expiry by go-oidc, then the nonce.
func (p *provider) verify(ctx context.Context, idToken, nonce string) (proof, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return proof{}, err
	}
	token, err := m.verifier.Verify(ctx, idToken)
	if err != nil {
		return proof{}, fmt.Errorf("verify the ID token: %w", err)
	}
	if len(token.Audience) != 1 { // made for somebody else too, whom this shop has no reason to trust
		return proof{}, errors.New("verify the ID token: more than one audience")
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1 { // not the token of this session's login
		return proof{}, errors.New("verify the ID token: wrong nonce")
	}
	var claims struct {
		ACR      string   `json:"acr"`
		AMR      []string `json:"amr"`
		AuthTime int64    `json:"auth_time"`
		Phone    string   `json:"phone_number"`
		Verified bool     `json:"phone_number_verified"`
		Device   string   `json:"device_jkt"`
	}
	if err := token.Claims(&claims); err != nil {
		return proof{}, fmt.Errorf("verify the ID token: %w", err)
	}
	if token.Subject == "" || len(token.Subject) > 255 { // OIDC Core §2
		return proof{}, errors.New("verify the ID token: unusable subject")
	}
	got := proof{Issuer: token.Issuer, Subject: token.Subject, ACR: claims.ACR, AMR: claims.AMR, Device: claims.Device, IDToken: idToken}
	if claims.AuthTime > 0 {
		got.AuthTime = time.Unix(claims.AuthTime, 0)
	}
	if claims.Verified {
		got.Phone = claims.Phone
	}
	return got, nil
}

// authorizeURL is where a browser asks for a code (RFC 6749 section 4.1.1), with PKCE. What more there is to ask for stays between
// this server and the provider (RFC 9126): in a link, anybody could write it.
func (p *provider) authorizeURL(ctx context.Context, callback string, e *errand, more url.Values) (string, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	if m.authorization == "" {
		return "", errors.New("the provider has no page to log in on")
	}
	to, err := url.Parse(p.oauth(m, callback).AuthCodeURL(e.state, oidc.Nonce(e.nonce), oauth2.S256ChallengeOption(e.verifier)))
	if err != nil {
		return "", fmt.Errorf("the provider's page: %w", err)
	}
	if len(more) == 0 {
		return to.String(), nil
	}
	form := to.Query()
	maps.Copy(form, more)
	request, err := p.push(ctx, m, form)
	if err != nil {
		return "", err
	}
	to.RawQuery = url.Values{"client_id": {p.clientID}, "request_uri": {request}}.Encode()
	return to.String(), nil
}

// push leaves an authorization request with the provider, and returns what names it there (RFC 9126 section 2).
func (p *provider) push(ctx context.Context, m *metadata, form url.Values) (string, error) {
	if m.pushed == "" {
		return "", errors.New("the provider takes no pushed requests")
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	got, err := p.post(ctx, m.pushed, form, 0)
	if err == nil && got.status != http.StatusCreated {
		err = refusalOf(got)
	}
	if err != nil {
		return "", fmt.Errorf("push a request: %w", err)
	}
	var kept struct {
		RequestURI string `json:"request_uri"`
	}
	if json.Unmarshal(got.body, &kept) != nil || kept.RequestURI == "" {
		return "", errors.New("push a request: the answer does not name it")
	}
	return kept.RequestURI, nil
}

// redeemCode asks for the tokens of a code (RFC 6749 section 4.1.3). A code is good once, so it is not asked for twice.
func (p *provider) redeemCode(ctx context.Context, callback, code, verifier string) (tokens, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return tokens{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.http), callTimeout)
	defer cancel()
	given, err := p.oauth(m, callback).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return tokens{}, fmt.Errorf("redeem a code: %w", err)
	}
	var got tokens
	got.IDToken, _ = given.Extra("id_token").(string) // "" does not verify
	if details := given.Extra("authorization_details"); details != nil {
		text, err := json.Marshal(details)
		if err == nil {
			err = json.Unmarshal(text, &got.Details)
		}
		if err != nil {
			return tokens{}, fmt.Errorf("redeem a code: what was approved: %w", err)
		}
	}
	return got, nil
}

func (p *provider) oauth(m *metadata, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.clientID, ClientSecret: p.clientSecret, RedirectURL: callback, Scopes: strings.Fields(scope),
		Endpoint: oauth2.Endpoint{AuthURL: m.authorization, TokenURL: m.token, AuthStyle: oauth2.AuthStyleInHeader},
	}
}

// saysItself tells whether an answer that a browser brings names this provider, as it must where the provider says that it does
// (RFC 9207 section 2.4): an answer of another one is not taken to this one.
func (p *provider) saysItself(ctx context.Context, iss []string) bool {
	m, err := p.discover(ctx)
	return err == nil && (len(iss) == 0 && !m.saysIssuer || len(iss) == 1 && iss[0] == p.issuer)
}

// picture fetches the QR code of this moment as a PNG.
func (p *provider) picture(ctx context.Context, id, watch string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	got, err := p.atChallenge(ctx, http.MethodGet, id, "/qr.png", watch)
	if err != nil {
		return nil, fmt.Errorf("fetch the picture: %w", err)
	}
	if got.status != http.StatusOK {
		return nil, fmt.Errorf("fetch the picture: %w", &refusal{Status: got.status})
	}
	if !bytes.HasPrefix(got.body, []byte("\x89PNG\r\n\x1a\n")) {
		return nil, errors.New("fetch the picture: the answer is no PNG")
	}
	return got.body, nil
}

// cancel ends a challenge, unless the phone has approved.
func (p *provider) cancel(ctx context.Context, id, watch string) error {
	ctx, end := context.WithTimeout(ctx, callTimeout)
	defer end()
	got, err := p.atChallenge(ctx, http.MethodDelete, id, "", watch)
	if err == nil && got.status >= 500 {
		err = &refusal{Status: got.status}
	}
	if err != nil {
		return fmt.Errorf("cancel a challenge: %w", err)
	}
	return nil
}

// atChallenge calls the door of who shows a challenge, with the watch capability in a header: it is never part of a URL.
func (p *provider) atChallenge(ctx context.Context, method, id, rest, watch string) (response, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.issuer+"/challenges/"+id+rest, nil)
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Authorization", "Bearer "+watch)
	return p.do(req)
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

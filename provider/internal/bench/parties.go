package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// userAgent is as long as browsers' are: the provider keeps it and puts it into the consent.
const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// parties is everybody else: the site, the browsers and the phones of one subject.
type parties struct {
	issuer   string
	site     *http.Client
	browsers []*http.Client // in which each page has a connection of its own while it waits
	mobile   *http.Client
	phones   []phone
	begun    atomic.Int64 // logins
	answered atomic.Int64 // bytes of answers' bodies
}

// phone is a device key.
type phone struct{ key *ecdsa.PrivateKey }

// perBrowser stays under what one address may begin at /authorize (600 in ten minutes).
const perBrowser = 500

func newParties(issuer string, logins int) *parties {
	connect := func(from net.IP) *http.Client {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
		return &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 1 << 16, DisableCompression: true, DialContext: dialer.DialContext},
			Timeout:       time.Minute, // only so that nothing hangs
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	p := &parties{issuer: issuer, site: connect(nil), mobile: connect(nil)}
	for i := range logins/perBrowser + 1 {
		p.browsers = append(p.browsers, connect(net.IPv4(127, 1, byte(i>>8), byte(i))))
	}
	return p
}

// hangUp closes the connections that are not in use.
func (p *parties) hangUp() {
	for _, c := range append([]*http.Client{p.site, p.mobile}, p.browsers...) {
		c.CloseIdleConnections()
	}
}

// exchange sends a request and reads its answer, which is to have this status. written is called when the request is on its way.
func (p *parties) exchange(from *http.Client, r *http.Request, status int, written func()) (http.Header, []byte, error) {
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { written() },
	}))
	response, err := from.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	p.answered.Add(int64(len(body)))
	if response.StatusCode != status {
		return nil, nil, fmt.Errorf("%s %s: %d %s", r.Method, r.URL.Path, response.StatusCode, body)
	}
	return response.Header, body, nil
}

// send is exchange for an answer in JSON, read into v.
func (p *parties) send(from *http.Client, r *http.Request, status int, v any, written func()) error {
	_, body, err := p.exchange(from, r, status, written)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

func nothing() {}

func (p *parties) form(ctx context.Context, site, path string, values url.Values) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.issuer+path, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(site, clientSecret)
	return r, nil
}

// begin is the site starting a challenge.
func (p *parties) begin(ctx context.Context, pg *page) error {
	r, err := p.form(ctx, pg.flow.site, "/device_authorization", url.Values{"scope": {"openid phone"}, "nonce": {rand.Text()}})
	if err != nil {
		return err
	}
	return p.send(p.site, r, http.StatusOK, &pg.started, nothing)
}

// wait is the site asking for the tokens, and waiting for them.
func (p *parties) wait(ctx context.Context, pg *page, written func()) error {
	return p.redeem(ctx, pg.flow.site, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {pg.started.DeviceCode},
	}, written)
}

func (p *parties) redeem(ctx context.Context, site string, grant url.Values, written func()) error {
	r, err := p.form(ctx, site, "/token", grant)
	if err != nil {
		return err
	}
	r.Header.Set("Prefer", "wait=25")
	var tokens api.TokenResponse
	if err := p.send(p.site, r, http.StatusOK, &tokens, written); err != nil {
		return err
	}
	if tokens.IdToken == nil || tokens.AccessToken == "" {
		return fmt.Errorf("the site got no tokens")
	}
	return nil
}

// watch is one long poll of the page.
func (p *parties) watch(ctx context.Context, pg *page, after int64, written func()) (view api.ChallengeView, err error) {
	address := p.issuer + "/challenges/" + pg.started.ChallengeId + "?after=" + strconv.FormatInt(after, 10)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return view, err
	}
	r.Header.Set("Authorization", "Bearer "+pg.started.Watch)
	if !pg.flow.hosted { // whose page is the provider's own
		r.Header.Set("Origin", "https://"+clientDomain)
	}
	r.Header.Set("User-Agent", userAgent)
	return view, p.send(pg.browser, r, http.StatusOK, &view, written)
}

func (p *parties) post(ctx context.Context, path, dpop string, status int, body, v any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.issuer+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if dpop != "" {
		r.Header.Set("DPoP", dpop)
	}
	return p.send(p.mobile, r, status, v, nothing)
}

// prove posts with a proof of the phone's key.
func (p *parties) prove(ctx context.Context, ph phone, path string, status int, body, v any) error {
	dpop, err := proof.SignDPoP(ph.key, http.MethodPost, p.issuer+path, "", time.Now())
	if err != nil {
		return err
	}
	return p.post(ctx, path, dpop, status, body, v)
}

// scan claims what the code names, and signs the approval of it.
func (p *parties) scan(ctx context.Context, ph phone, code string) (approval string, err error) {
	var claim api.Claim
	if err := p.prove(ctx, ph, "/phone/scans", http.StatusOK, api.ScanRequest{Code: code}, &claim); err != nil {
		return "", err
	}
	consent, err := base64.RawURLEncoding.DecodeString(claim.Consent)
	if err != nil {
		return "", fmt.Errorf("consent: %w", err)
	}
	return proof.SignDecision(ph.key, proof.Statement{
		Audience: p.issuer, Challenge: claim.ChallengeId, Verdict: proof.Approve, Consent: consent,
	}, time.Now())
}

func (p *parties) decide(ctx context.Context, approval string) error {
	var result api.DecisionResult
	return p.post(ctx, "/phone/decisions", "", http.StatusOK, api.DecisionRequest{Decision: approval}, &result)
}

// addPhones makes n phones, and enrols them by what the subject writes into the file sms.
func (p *parties) addPhones(ctx context.Context, n int, sms string) error {
	for i := range n {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		ph := phone{key}
		if err := p.enrol(ctx, ph, fmt.Sprintf("+86138001380%02d", i), sms); err != nil {
			return fmt.Errorf("enrol: %w", err)
		}
		p.phones = append(p.phones, ph)
	}
	return nil
}

func (p *parties) enrol(ctx context.Context, ph phone, number, sms string) error {
	var e api.Enrollment
	err := p.prove(ctx, ph, "/phone/enrollments", http.StatusCreated, api.EnrollmentRequest{PhoneNumber: number}, &e)
	if err != nil {
		return err
	}
	messages, err := os.ReadFile(sms)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(messages)), "\n")
	var last struct{ Code string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		return err
	}
	var account api.PhoneAccount
	return p.prove(ctx, ph, "/phone/enrollments/"+e.EnrollmentId+"/confirm", http.StatusCreated,
		api.EnrollmentConfirmation{Code: last.Code}, &account)
}

// atOnce calls f for 0 to n-1, so many at a time, until one fails.
func atOnce(n, concurrency int, f func(i int) error) error {
	var next atomic.Int64
	var failed error
	var once sync.Once
	var workers sync.WaitGroup
	for range min(n, concurrency) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					next.Store(int64(n))
					once.Do(func() { failed = err })
				}
			}
		})
	}
	workers.Wait()
	return failed
}

package swarm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
)

// What requests are counted and timed as.
const (
	atMetadata = "GET /.well-known/openid-configuration"
	atJWKS     = "GET /jwks"
	atRegister = "POST /register"
	atBegin    = "POST /device_authorization"
	atToken    = "POST /token"
	atWatch    = "GET /challenges/{id}"
	atCancel   = "DELETE /challenges/{id}"
	atEnrol    = "POST /phone/enrollments"
	atConfirm  = "POST /phone/enrollments/{id}/confirm"
	atScan     = "POST /phone/scans"
	atDecide   = "POST /phone/decisions"
)

const acceptJSON = "Accept: application/json\r\n"

// discover learns the issuer of all nodes, which is to be one: requests are proven and signed for it.
func (s *swarm) discover(ctx context.Context) error {
	l := s.link(nil)
	defer l.close()
	for i, n := range s.nodes {
		l.at = i
		a, _, err := l.exchange(ctx, request{method: http.MethodGet, path: "/.well-known/openid-configuration", headers: acceptJSON})
		if err != nil {
			return fmt.Errorf("find the provider at %s: %w", n.host, err)
		}
		var got api.Metadata
		if a.status != http.StatusOK || json.Unmarshal(a.body, &got) != nil || got.Issuer == "" {
			return fmt.Errorf("find the provider at %s: it answers %d and no metadata", n.host, a.status)
		}
		if s.issuer != "" && got.Issuer != s.issuer {
			return fmt.Errorf("the node at %s is of %s, another is of %s: nodes of one provider have one issuer", n.host, got.Issuer, s.issuer)
		}
		s.issuer = got.Issuer
	}
	u, err := url.Parse(s.issuer)
	if err != nil || u.Host == "" {
		return fmt.Errorf("the provider calls itself %q", s.issuer)
	}
	s.issuerHost = u.Host
	return nil
}

// hostOf is what a request says it is for: the issuer, as it would through a load balancer, once that is known.
func (s *swarm) hostOf(node int) string {
	if s.issuerHost != "" {
		return s.issuerHost
	}
	return s.nodes[node].host
}

// register makes the site, where none is named.
func (s *swarm) register(ctx context.Context) error {
	id, secret := s.Client, s.Secret
	if id == "" {
		const metadata = `{"client_name":"mobile-sim swarm","grant_types":["urn:ietf:params:oauth:grant-type:device_code"],` +
			`"token_endpoint_auth_method":"client_secret_basic","id_token_signed_response_alg":"ES256","scope":"openid phone"}`
		l := s.link(nil)
		defer l.close()
		headers := "Content-Type: application/json\r\nAuthorization: Bearer " + s.Token + "\r\n" + acceptJSON
		a, _, err := l.exchange(ctx, request{method: http.MethodPost, path: "/register", headers: headers, body: metadata})
		if err != nil {
			return fmt.Errorf("register the site: %w", err)
		}
		var got struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
		if a.status != http.StatusCreated || json.Unmarshal(a.body, &got) != nil {
			return fmt.Errorf("register the site: %w", hinted(&refusal{atRegister, a}))
		}
		id, secret = got.ID, got.Secret
	}
	s.client = id
	s.siteHeaders = "Content-Type: application/x-www-form-urlencoded\r\n" + acceptJSON
	if secret == "" {
		s.siteForm = "&client_id=" + url.QueryEscape(id)
		return nil
	}
	basic := &http.Request{Header: http.Header{}}
	basic.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) // RFC 6749 §2.3.1
	s.siteHeaders += "Authorization: " + basic.Header.Get("Authorization") + "\r\n"
	return nil
}

// begun is a challenge, as its site has it.
type begun struct {
	api.DeviceAuthorization
	nonce string
}

// begin is a site starting a challenge.
func (s *swarm) begin(ctx context.Context, site *link) (b begun, err error) {
	b.nonce = rand.Text()
	r := request{method: http.MethodPost, path: "/device_authorization", headers: s.siteHeaders, body: "scope=openid+phone&nonce=" + b.nonce + s.siteForm}
	a, _, err := site.persist(ctx, atBegin, func() (request, error) { return r, nil })
	if err != nil {
		return b, err
	}
	if a.status != http.StatusOK {
		return b, s.refused(atBegin, a)
	}
	if err := json.Unmarshal(a.body, &b.DeviceAuthorization); err != nil || b.ChallengeId == "" || b.Watch == "" || b.DeviceCode == "" {
		return b, s.malformed(atBegin)
	}
	s.tally.took(seriesBegin, a.took)
	return b, nil
}

// errMalformed is an answer that is not what the contract says.
var errMalformed = errors.New("the answer is not what the contract says")

func (s *swarm) malformed(endpoint string) error {
	err := fmt.Errorf("%s: %w", endpoint, errMalformed)
	s.tally.failed(err.Error())
	return err
}

// refused counts an answer that is an error for good.
func (s *swarm) refused(endpoint string, a answer) error {
	r := &refusal{endpoint, a}
	s.tally.failed(r.Error())
	return r
}

func (s *swarm) tokenRequest(b begun) request {
	return request{
		method: http.MethodPost, path: "/token", headers: s.siteHeaders,
		body: "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=" + url.QueryEscape(b.DeviceCode) + s.siteForm,
	}
}

// redeem is a site waiting for its tokens, in requests that are held. sent is called when the first is on its way.
func (s *swarm) redeem(ctx context.Context, site *link, b begun, sent func()) (body []byte, at time.Time, err error) {
	r := s.tokenRequest(b)
	r.headers += "Prefer: wait=" + strconv.Itoa(int(hold/time.Second)) + "\r\n"
	r.hold, r.sent = hold, sent
	for early := 0; ; {
		a, _, err := site.persist(ctx, atToken, func() (request, error) { return r, nil })
		if err != nil {
			return nil, time.Time{}, err
		}
		if a.status == http.StatusOK {
			return a.body, time.Now(), nil
		}
		switch code := a.code(); {
		case code == "slow_down": // RFC 8628 §3.5
			err = sleep(ctx, 5*time.Second)
		case code != "authorization_pending":
			err = s.refused(atToken, a)
		case a.took < time.Second: // it was not held, as by a node that stops
			if early++; early > 1 {
				err = sleep(ctx, time.Second)
			}
		}
		if err != nil {
			return nil, time.Time{}, err
		}
	}
}

// again redeems a code that has been redeemed. It tells whether other tokens came than those.
func (s *swarm) again(ctx context.Context, site *link, b begun, first []byte) (doubled bool) {
	site.next()
	a, _, err := site.persist(ctx, atToken, func() (request, error) { return s.tokenRequest(b), nil })
	if err != nil {
		return false // which is counted
	}
	switch {
	case a.status == http.StatusOK:
		s.tally.took(seriesAgain, a.took)
		return string(a.body) != string(first)
	case a.code() == "invalid_grant": // past the window, or where there is none
	default:
		_ = s.refused(atToken, a)
	}
	return false
}

// claims is what a swarm looks at in an ID token.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Nonce    string   `json:"nonce"`
}

// audience is one or several (RFC 7519 §4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256}

// judge says what is wrong with a token response: of another login, of another person, or, when it is verified, not the provider's.
func (s *swarm) judge(ctx context.Context, site *link, b begun, p *phone, body []byte, verify bool) error {
	var got api.TokenResponse
	if err := json.Unmarshal(body, &got); err != nil || got.IdToken == nil || got.AccessToken == "" {
		return errors.New("there is no token in it")
	}
	token, err := jose.ParseSignedCompact(*got.IdToken, algorithms)
	if err != nil {
		return errors.New("the ID token is not one")
	}
	payload := token.UnsafePayloadWithoutVerification()
	if verify {
		key, err := s.keys.find(ctx, site, token.Signatures[0].Header.KeyID)
		switch {
		case err != nil: // which is counted, and says nothing of the token
		case key == nil:
			return errors.New("the ID token's key is not published")
		default:
			if payload, err = token.Verify(key); err != nil {
				return errors.New("the ID token's signature is wrong")
			}
		}
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return errors.New("the ID token's claims are not JSON")
	}
	switch {
	case c.Issuer != s.issuer:
		return errors.New("iss is another provider")
	case len(c.Audience) != 1 || c.Audience[0] != s.client:
		return errors.New("aud is another site")
	case c.Nonce != b.nonce:
		return errors.New("nonce is another login's")
	case !s.people.is(p.number, c.Subject):
		return errors.New("sub is another person")
	case !s.tokens.fresh(got.AccessToken):
		return errors.New("the access token is another login's")
	}
	return nil
}

// find returns the provider's key of an id, or nil. The keys are fetched when it is not among them: they rotate.
func (k *keyRing) find(ctx context.Context, l *link, id string) (*jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found := k.set.Key(id); len(found) > 0 {
		return &found[0], nil
	}
	a, _, err := l.persist(ctx, atJWKS, func() (request, error) {
		return request{method: http.MethodGet, path: "/jwks", headers: acceptJSON}, nil
	})
	if err != nil {
		return nil, err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(a.body, &set); a.status != http.StatusOK || err != nil {
		return nil, l.s.malformed(atJWKS)
	}
	k.set = set
	if found := k.set.Key(id); len(found) > 0 {
		return &found[0], nil
	}
	return nil, nil
}

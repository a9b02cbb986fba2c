package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// floor is a bare gin server that does a login's requests with the same cryptography, in answers of the same size: a map,
// and a channel for those who wait. It checks what it must to be served by the same sites and phones, and believes the rest.
// It is what no provider on this library could cost less than.
type floor struct {
	issuer string
	sms    string // the file of enrolment codes
	key    *ecdsa.PrivateKey
	keyID  string
	rsa    *rsa.PrivateKey

	mu       sync.Mutex
	sessions map[string]*session
}

// session is one login. The floor's lock guards it.
type session struct {
	api.DeviceAuthorization
	site    string
	nonce   string
	back    string // where the code flow's browser goes, but for the code
	state   api.ChallengeState
	version int64
	changed chan struct{} // closed by the next change
	ends    time.Time
	device  string
	consent []byte
}

func newFloor(issuer, sms string) (http.Handler, error) {
	if err := os.WriteFile(sms, nil, 0o600); err != nil { // a swarm opens it before its first phone enrols
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	f := &floor{issuer: issuer, sms: sms, key: key, keyID: proof.Thumbprint(&key.PublicKey), rsa: rsaKey, sessions: map[string]*session{}}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/.well-known/openid-configuration", f.metadata)
	r.POST("/phone/enrollments", f.enrol)
	r.POST("/phone/enrollments/:id/confirm", f.confirm)
	r.POST("/device_authorization", f.deviceAuthorization)
	r.GET("/authorize", f.authorize)
	r.GET("/authorize/:id", f.hostedPage)
	r.POST("/authorize/:id/challenge", f.hostedChallenge)
	r.POST("/authorize/:id/finish", f.hostedFinish)
	r.GET("/challenges/:id", f.watch)
	r.POST("/phone/scans", f.scan)
	r.POST("/phone/decisions", f.decide)
	r.POST("/token", f.token)
	return r, nil
}

func (f *floor) deviceAuthorization(c *gin.Context) {
	site, secret, ok := c.Request.BasicAuth()
	if !ok || secret != clientSecret {
		c.Status(http.StatusUnauthorized)
		return
	}
	c.JSON(http.StatusOK, f.begin(site, c.PostForm("nonce"), "").DeviceAuthorization)
}

func (f *floor) begin(site, nonce, back string) *session {
	id := rand.Text()
	s := &session{
		DeviceAuthorization: api.DeviceAuthorization{
			ChallengeId: id, DeviceCode: id + "." + random43(), Watch: id + "." + random43(),
			UserCode: "BCDF-GHJK", VerificationUri: f.issuer + "/q", ExpiresIn: 300, Interval: 5,
		},
		site: site, nonce: nonce, back: back, state: api.ChallengeStatePending, version: 1, changed: make(chan struct{}),
		ends: time.Now().Add(5 * time.Minute),
	}
	f.mu.Lock()
	f.sessions[id] = s
	f.mu.Unlock()
	return s
}

func (f *floor) watch(c *gin.Context) {
	after, err := strconv.ParseInt(c.Query("after"), 10, 64)
	s := f.session(c.Param("id"))
	if err != nil || s == nil || c.GetHeader("Authorization") != "Bearer "+s.Watch {
		c.Status(http.StatusUnauthorized)
		return
	}
	f.hold(c, s, func() bool { return s.version > after })
	f.mu.Lock()
	view := api.ChallengeView{State: s.state, Version: s.version, ExpiresInMs: time.Until(s.ends).Milliseconds()}
	f.mu.Unlock()
	if view.State == api.ChallengeStatePending {
		frames := make([]api.Frame, 8)
		for i := range frames {
			at := int64(i) * 5000
			frames[i] = api.Frame{
				Code: f.issuer + "/q/" + s.ChallengeId + "." + strconv.Itoa(i) + ".ABCDEFGHIJKLM", FromMs: at, UntilMs: at + 5000,
			}
		}
		view.Frames = &frames
	}
	c.JSON(http.StatusOK, view)
}

func (f *floor) scan(c *gin.Context) {
	p, err := proof.VerifyDPoP(c.GetHeader("DPoP"), http.MethodPost, f.issuer+"/phone/scans")
	var body api.ScanRequest
	if err != nil || json.NewDecoder(c.Request.Body).Decode(&body) != nil {
		c.Status(http.StatusBadRequest)
		return
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(body.Code, f.issuer+"/q/"), ".")
	s := f.session(id)
	if s == nil {
		c.Status(http.StatusNotFound)
		return
	}
	address, agent := c.ClientIP(), userAgent
	consent := api.Consent{Challenge: id, Scopes: []string{"openid", "phone"}, ClaimedAt: time.Now().UTC().Truncate(time.Millisecond)}
	consent.Browser.Address, consent.Browser.UserAgent = &address, &agent
	consent.Client.Id, consent.Client.Name, consent.Client.Domains = s.site, clientName, []string{clientDomain}
	raw, err := json.Marshal(consent)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	f.change(s, api.ChallengeStateClaimed, func() { s.device, s.consent = p.Thumbprint, raw })
	c.JSON(http.StatusOK, api.Claim{ChallengeId: id, Consent: base64.RawURLEncoding.EncodeToString(raw), ExpiresIn: 285})
}

func (f *floor) decide(c *gin.Context) {
	var body api.DecisionRequest
	if json.NewDecoder(c.Request.Body).Decode(&body) != nil {
		c.Status(http.StatusBadRequest)
		return
	}
	decision, err := proof.VerifyDecision(body.Decision, f.issuer)
	s := f.session(decision.Challenge)
	if err != nil || s == nil || decision.Thumbprint != s.device || string(decision.Consent) != string(s.consent) {
		c.Status(http.StatusForbidden)
		return
	}
	f.change(s, api.ChallengeStateApproved, func() {})
	c.JSON(http.StatusOK, api.DecisionResult{State: api.DecisionResultStateApproved})
}

func (f *floor) token(c *gin.Context) {
	site, secret, ok := c.Request.BasicAuth()
	code := c.PostForm("device_code") + c.PostForm("code") // as it was begun
	id, _, _ := strings.Cut(code, ".")
	s := f.session(id)
	if !ok || secret != clientSecret || s == nil || site != s.site || code != s.DeviceCode {
		c.Status(http.StatusUnauthorized)
		return
	}
	f.hold(c, s, func() bool { return s.state == api.ChallengeStateApproved })
	f.mu.Lock()
	approved := s.state == api.ChallengeStateApproved
	f.mu.Unlock()
	if !approved {
		c.Status(http.StatusBadRequest)
		return
	}
	login := random43()
	access, err := f.sign("at+jwt", siteES256, claims{
		Subject: s.device, Audience: f.issuer, ClientID: site, TokenID: random43(), SessionID: login, Scope: "openid phone",
	})
	idToken, idErr := f.sign("JWT", site, claims{
		Subject: s.device, Audience: site, Nonce: s.nonce, SessionID: login, PhoneNumber: "+8613800138000", PhoneVerified: true,
	})
	if err != nil || idErr != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	scope := "openid phone"
	c.JSON(http.StatusOK, api.TokenResponse{
		AccessToken: access, TokenType: api.Bearer, ExpiresIn: 600, Scope: &scope, IdToken: &idToken,
	})
}

// claims is either token's.
type claims struct {
	Issuer        string   `json:"iss"`
	Subject       string   `json:"sub"`
	Audience      string   `json:"aud"`
	ExpiresAt     int64    `json:"exp"`
	IssuedAt      int64    `json:"iat"`
	AuthTime      int64    `json:"auth_time"`
	ACR           string   `json:"acr"`
	AMR           []string `json:"amr"`
	ClientID      string   `json:"client_id,omitempty"`
	TokenID       string   `json:"jti,omitempty"`
	Scope         string   `json:"scope,omitempty"`
	Nonce         string   `json:"nonce,omitempty"`
	SessionID     string   `json:"sid,omitempty"`
	PhoneNumber   string   `json:"phone_number,omitempty"`
	PhoneVerified bool     `json:"phone_number_verified,omitempty"`
}

// sign signs as the site has it: access tokens are ES256 for all.
func (f *floor) sign(typ, site string, c claims) (string, error) {
	now := time.Now().Unix()
	c.Issuer, c.IssuedAt, c.AuthTime, c.ExpiresAt = f.issuer, now, now, now+600
	c.ACR, c.AMR = "urn:qrlogin:acr:qr", []string{"pop", "user"}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	var method jwt.SigningMethod = jwt.SigningMethodES256
	var key any = f.key
	if site == siteRS256 {
		method, key = jwt.SigningMethodRS256, f.rsa
	}
	text := encode([]byte(`{"alg":"`+method.Alg()+`","kid":"`+f.keyID+`","typ":"`+typ+`"}`)) + "." + encode(payload)
	signature, err := method.Sign(text, key)
	return text + "." + encode(signature), err
}

func (f *floor) session(id string) *session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[id]
}

func (f *floor) change(s *session, to api.ChallengeState, also func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	also()
	s.state = to
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}

// hold waits, for as long as the provider would, until the session is as it is wanted.
func (f *floor) hold(c *gin.Context, s *session, wanted func() bool) {
	timeout := time.NewTimer(25 * time.Second)
	defer timeout.Stop()
	for {
		f.mu.Lock()
		changed, done := s.changed, wanted()
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			return
		case <-c.Request.Context().Done():
			return
		}
	}
}

func random43() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

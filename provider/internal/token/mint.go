package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
)

// How long tokens are good for. RFC 10027 §6.1.10: short-lived tokens.
const (
	AccessTokenLife = 10 * time.Minute
	IDTokenLife     = 10 * time.Minute
)

// The values that say how a login was done. docs/tokens.md explains them to sites.
const (
	ACR = "urn:qrlogin:acr:qr" // a QR code was scanned and approved with an enrolled device key
)

// AMR: proof of possession of a key, and a person's presence at it (RFC 8176).
var AMR = []string{"pop", "user"}

// Mint makes tokens in the name of one issuer.
type Mint struct {
	issuer     string
	subjectKey []byte
	key        Key
	set        []byte
}

// NewMint signs with the first key and publishes all of them. subjectKey is the secret behind the pairwise subjects.
func NewMint(issuer string, subjectKey []byte, keys []Key) (*Mint, error) {
	if len(keys) == 0 || len(subjectKey) == 0 {
		return nil, errors.New("token: a mint needs a signing key and a subject key")
	}
	set, err := marshalSet(keys)
	if err != nil {
		return nil, fmt.Errorf("token: key set: %w", err)
	}
	return &Mint{issuer: issuer, subjectKey: subjectKey, key: keys[0], set: set}, nil
}

// JWKS is the public key set, encoded.
func (m *Mint) JWKS() []byte { return m.set }

// Grant is what a site is given, and by whom.
type Grant struct {
	Client    identity.Client
	Account   identity.Account
	Scopes    []string
	Nonce     string
	AuthTime  time.Time // when the phone approved
	SessionID string    // sid: the login
	Now       time.Time
}

// idClaims is an ID token (OIDC Core §2).
type idClaims struct {
	registered
	Nonce         string `json:"nonce,omitempty"`
	SessionID     string `json:"sid"`
	PhoneNumber   string `json:"phone_number,omitempty"`
	PhoneVerified bool   `json:"phone_number_verified,omitempty"`
}

// accessClaims is an access token (RFC 9068 §2.2).
type accessClaims struct {
	registered
	ClientID string `json:"client_id"`
	TokenID  string `json:"jti"`
	Scope    string `json:"scope,omitempty"`
}

// registered is the claims that both have.
type registered struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	ExpiresAt int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	AuthTime  int64    `json:"auth_time"`
	ACR       string   `json:"acr"`
	AMR       []string `json:"amr"`
}

// The methods of jwt.Claims are for reading tokens; these claims are only ever written.
func (r registered) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(r.ExpiresAt, 0)), nil
}
func (r registered) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(r.IssuedAt, 0)), nil
}
func (r registered) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (r registered) GetIssuer() (string, error)              { return r.Issuer, nil }
func (r registered) GetSubject() (string, error)             { return r.Subject, nil }
func (r registered) GetAudience() (jwt.ClaimStrings, error)  { return jwt.ClaimStrings{r.Audience}, nil }

// Tokens makes the answer of the token endpoint. The ID token is there when the scope has openid; the phone number is in it
// when the scope has phone.
func (m *Mint) Tokens(g Grant) (api.TokenResponse, error) {
	common := registered{
		Issuer: m.issuer, Subject: g.Client.Subject(m.subjectKey, g.Account.ID),
		IssuedAt: g.Now.Unix(), AuthTime: g.AuthTime.Unix(), ACR: ACR, AMR: AMR,
	}
	scope := strings.Join(g.Scopes, " ")

	access := accessClaims{registered: common, ClientID: g.Client.ID, TokenID: challenge.NewSecret(), Scope: scope}
	access.Audience = m.issuer
	access.ExpiresAt = g.Now.Add(AccessTokenLife).Unix()
	accessToken, err := m.sign("at+jwt", access)
	if err != nil {
		return api.TokenResponse{}, err
	}
	answer := api.TokenResponse{
		AccessToken: accessToken, TokenType: api.Bearer, ExpiresIn: int(AccessTokenLife / time.Second), Scope: &scope,
	}
	if slices.Contains(g.Scopes, "openid") {
		id := idClaims{registered: common, Nonce: g.Nonce, SessionID: g.SessionID}
		id.Audience = g.Client.ID
		id.ExpiresAt = g.Now.Add(IDTokenLife).Unix()
		if slices.Contains(g.Scopes, "phone") {
			id.PhoneNumber, id.PhoneVerified = g.Account.PhoneNumber, true
		}
		idToken, err := m.sign("JWT", id)
		if err != nil {
			return api.TokenResponse{}, err
		}
		answer.IdToken = &idToken
	}
	return answer, nil
}

func (m *Mint) sign(typ string, claims jwt.Claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["typ"] = typ
	t.Header["kid"] = m.key.ID
	signed, err := t.SignedString(m.key.Private)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	return signed, nil
}

package token

import (
	"encoding/json"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// registered is the claims that all kinds have.
type registered struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ExpiresAt int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	LoginID   string   `json:"sid"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
}

// idClaims is an ID token (OIDC Core §2).
type idClaims struct {
	registered
	Nonce         string `json:"nonce,omitempty"`
	Device        string `json:"device_jkt,omitempty"` // thumbprint (RFC 7638) of the key that signed a receipt
	PhoneNumber   string `json:"phone_number,omitempty"`
	PhoneVerified bool   `json:"phone_number_verified,omitempty"`
}

// accessClaims is an access token (RFC 9068 §2.2).
type accessClaims struct {
	registered
	ClientID     string        `json:"client_id"`
	TokenID      string        `json:"jti"`
	Scope        string        `json:"scope,omitempty"`
	Confirmation *confirmation `json:"cnf,omitempty"`
}

// confirmation names the key that whoever uses a token must prove to have (RFC 9449 §6.1).
type confirmation struct {
	Thumbprint string `json:"jkt"`
}

// logoutClaims is a logout token (OIDC Back-Channel Logout §2.4). It never has a nonce, so that it cannot pass for an ID token.
type logoutClaims struct {
	registered
	TokenID string              `json:"jti"`
	Events  map[string]struct{} `json:"events"`
}

// audience is one string or several (RFC 7519 §4.1.3): one alone is not written as a list, which many a library cannot read.
type audience []string

func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

func (a *audience) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, (*jwt.ClaimStrings)(a))
}

// The methods of jwt.Claims.
func (r registered) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(r.ExpiresAt, 0)), nil
}
func (r registered) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(r.IssuedAt, 0)), nil
}
func (r registered) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (r registered) GetIssuer() (string, error)              { return r.Issuer, nil }
func (r registered) GetSubject() (string, error)             { return r.Subject, nil }
func (r registered) GetAudience() (jwt.ClaimStrings, error)  { return jwt.ClaimStrings(r.Audience), nil }

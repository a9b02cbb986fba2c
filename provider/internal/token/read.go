package token

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ErrInvalidToken is all that is said of a token that is not ours, not of the kind that is wanted, or over.
var ErrInvalidToken = errors.New("token: not a valid token of this provider")

// maxToken is the longest token that is looked at, in bytes. Ours are a few hundred; many resources make them longer.
const maxToken = 16 << 10

// Access is an access token, verified.
type Access struct {
	ID         string // jti
	ClientID   string
	Subject    string
	LoginID    string
	Scopes     []string
	Audience   []string
	Thumbprint string // of the key that it is bound to, "" for none
	AuthTime   time.Time
	IssuedAt   time.Time
	ExpiresAt  time.Time
}

// Access verifies one of our own access tokens (RFC 9068 §4). Whether its login has been ended is not in it. [ErrInvalidToken]
// unless the keeper fails.
func (m *Mint) Access(raw string, now time.Time) (Access, error) {
	var c accessClaims
	err := m.read(raw, typAccess, &c, func(k Key) bool { return m.keys.Load().State(k, now) != Past },
		jwt.WithValidMethods([]string{ES256}), jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithExpirationRequired(),
		jwt.WithIssuer(m.issuer))
	if err != nil {
		return Access{}, err
	}
	a := Access{
		ID: c.TokenID, ClientID: c.ClientID, Subject: c.Subject, LoginID: c.LoginID, Scopes: strings.Fields(c.Scope), Audience: c.Audience,
		AuthTime: time.Unix(c.AuthTime, 0), IssuedAt: time.Unix(c.IssuedAt, 0), ExpiresAt: time.Unix(c.ExpiresAt, 0),
	}
	if c.Confirmation != nil {
		a.Thumbprint = c.Confirmation.Thumbprint
	}
	return a, nil
}

// Hint is what an ID token that comes back says.
type Hint struct {
	ClientID string
	Subject  string
	LoginID  string
}

// Hint reads an id_token_hint: one of our own ID tokens, over or not (OIDC Core §3.1.2.1, RP-Initiated Logout §2). Any key is
// good that has not been removed. [ErrInvalidToken] unless the keeper fails.
func (m *Mint) Hint(raw string) (Hint, error) {
	var c idClaims
	err := m.read(raw, typID, &c, func(Key) bool { return true },
		jwt.WithValidMethods([]string{ES256, RS256}), jwt.WithoutClaimsValidation())
	if err != nil {
		return Hint{}, err
	}
	if c.Issuer != m.issuer || len(c.Audience) != 1 {
		return Hint{}, ErrInvalidToken
	}
	return Hint{ClientID: c.Audience[0], Subject: c.Subject, LoginID: c.LoginID}, nil
}

// errUnknownKey is a token by a key that is not in the ring.
var errUnknownKey = errors.New("unknown key")

// read verifies a token of the given typ by a key that is good, and decodes its claims.
func (m *Mint) read(raw, typ string, claims jwt.Claims, good func(Key) bool, options ...jwt.ParserOption) error {
	// encoding/base64 skips line breaks even when strict; a JWS has none.
	if len(raw) > maxToken || strings.ContainsAny(raw, "\r\n") {
		return ErrInvalidToken
	}
	parser := jwt.NewParser(append(options, jwt.WithStrictDecoding())...)
	verify := func() error {
		_, err := parser.ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
			if t.Header["typ"] != typ {
				return nil, fmt.Errorf("typ is not %s", typ)
			}
			// RFC 7515 §4.1.11: an extension that is not understood must not be passed over.
			if _, ok := t.Header["crit"]; ok {
				return nil, errors.New("crit names extensions, and none is supported")
			}
			kid, _ := t.Header["kid"].(string)
			key := m.keys.Load().find(kid)
			if key.ID == "" {
				return nil, errUnknownKey
			}
			// RFC 8725 §3.1: a key is for one algorithm, whatever the header says.
			if key.Alg != t.Method.Alg() || !good(key) {
				return nil, errors.New("not a key for this")
			}
			return key.Private.Public(), nil
		})
		return err
	}
	err := verify()
	if errors.Is(err, errUnknownKey) && m.Keeper != nil {
		// Another node may have made the key a moment ago and signed with it at once.
		if err := m.Keeper.Reload(context.Background()); err != nil {
			return fmt.Errorf("token: read: %w", err)
		}
		err = verify()
	}
	if err != nil {
		return ErrInvalidToken
	}
	return nil
}

package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
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
	LogoutTokenLife = 2 * time.Minute // OIDC Back-Channel Logout §4: preferably at most two minutes
)

// The typ of each kind (RFC 8725 §3.11): no token passes for one of another kind.
const (
	typID     = "JWT"
	typAccess = "at+jwt"     // RFC 9068 §2.1
	typLogout = "logout+jwt" // OIDC Back-Channel Logout §2.4
)

// Keeper is where a mint's keys come from. It is asked when one is missing, and gives it by SetKeys.
type Keeper interface {
	// Ensure makes a key of this algorithm if there is none.
	Ensure(ctx context.Context, alg string) error
	// Reload looks whether there are new ones, made by another node.
	Reload(ctx context.Context) error
}

// Mint makes tokens in the name of one issuer.
type Mint struct {
	Keeper Keeper // nil when SetKeys was told all there is

	issuer     string
	subjectKey []byte
	keys       atomic.Pointer[keys]
}

// keys is a ring and what is made of it beforehand.
type keys struct {
	Ring
	sets []keySet
}

// NewMint makes a mint that has no signing keys yet. subjectKey is the secret behind the pairwise subjects.
func NewMint(issuer string, subjectKey []byte) (*Mint, error) {
	if len(subjectKey) == 0 {
		return nil, errors.New("token: a mint needs a subject key")
	}
	m := &Mint{issuer: issuer, subjectKey: subjectKey}
	m.keys.Store(&keys{})
	return m, nil
}

// SetKeys replaces all signing keys at once; tokens that are being made or read meanwhile keep to the old ones.
func (m *Mint) SetKeys(list []Key) error {
	ring := NewRing(list)
	sets, err := ring.sets()
	if err != nil {
		return err
	}
	m.keys.Store(&keys{ring, sets})
	return nil
}

// JWKS is the public key set, encoded: the keys that sign, will sign, or have signed what still matters.
func (m *Mint) JWKS(now time.Time) []byte {
	for _, set := range m.keys.Load().sets {
		if now.Before(set.until) {
			return set.jwks
		}
	}
	return []byte(`{"keys":[]}`)
}

// Subject is what the client knows the account by.
func (m *Mint) Subject(client identity.Client, account string) string {
	return client.Subject(m.subjectKey, account)
}

// Grant is what a site is given, and by whom.
type Grant struct {
	Client    identity.Client
	Account   identity.Account
	Scopes    []string
	Resources []string // whom the access token is for (RFC 8707), beside the provider
	// ResourcesAlone leaves the provider out: who is shown such a token cannot show it at userinfo (RFC 9700 §2.3).
	ResourcesAlone bool
	Nonce          string
	AuthTime       time.Time // when the phone approved
	ACR            string    // and how, as [Authentication] says
	AMR            []string
	LoginID        string // sid
	Thumbprint     string // of the key that the access token is bound to (RFC 9449), "" for none
	Device         string // thumbprint of the phone's key, where the site holds a receipt of it
	Now            time.Time
}

// Tokens makes the answer of the token endpoint. The ID token is there when the scope has openid; the phone number is in it
// when the scope has phone.
func (m *Mint) Tokens(g Grant) (api.TokenResponse, error) {
	common := registered{
		Issuer: m.issuer, Subject: m.Subject(g.Client, g.Account.ID), IssuedAt: g.Now.Unix(), LoginID: g.LoginID,
		AuthTime: g.AuthTime.Unix(), ACR: g.ACR, AMR: g.AMR,
	}
	scope := strings.Join(g.Scopes, " ")
	openID := slices.Contains(g.Scopes, "openid")

	access := accessClaims{registered: common, ClientID: g.Client.ID, TokenID: challenge.NewSecret(), Scope: scope}
	access.Audience = slices.Clone(g.Resources)
	if openID && !g.ResourcesAlone || len(g.Resources) == 0 { // the provider itself: userinfo
		access.Audience = append(access.Audience, m.issuer)
	}
	access.ExpiresAt = g.Now.Add(AccessTokenLife).Unix()
	answer := api.TokenResponse{TokenType: api.Bearer, ExpiresIn: int(AccessTokenLife / time.Second), Scope: &scope}
	if g.Thumbprint != "" { // SECURITY.md §2, row 12: sender-constrained tokens
		access.Confirmation = &confirmation{g.Thumbprint}
		answer.TokenType = api.DPoP
	}
	var err error
	if answer.AccessToken, err = m.sign(ES256, typAccess, access, g.Now); err != nil {
		return api.TokenResponse{}, err
	}
	if openID {
		id := idClaims{registered: common, Nonce: g.Nonce, Device: g.Device}
		id.Audience = audience{g.Client.ID}
		id.ExpiresAt = g.Now.Add(IDTokenLife).Unix()
		if slices.Contains(g.Scopes, "phone") {
			id.PhoneNumber, id.PhoneVerified = g.Account.PhoneNumber, true
		}
		idToken, err := m.sign(algOf(g.Client), typID, id, g.Now)
		if err != nil {
			return api.TokenResponse{}, err
		}
		answer.IdToken = &idToken
	}
	return answer, nil
}

// LogoutToken tells a client that a login has ended (OIDC Back-Channel Logout §2.4).
func (m *Mint) LogoutToken(client identity.Client, account, loginID string, now time.Time) (string, error) {
	return m.sign(algOf(client), typLogout, logoutClaims{
		registered: registered{
			Issuer: m.issuer, Subject: m.Subject(client, account), Audience: audience{client.ID}, LoginID: loginID,
			IssuedAt: now.Unix(), ExpiresAt: now.Add(LogoutTokenLife).Unix(),
		},
		TokenID: challenge.NewSecret(),
		Events:  map[string]struct{}{"http://schemas.openid.net/event/backchannel-logout": {}},
	}, now)
}

// algOf is what the client's ID tokens and logout tokens are signed with. Access tokens are not for the client to read.
func algOf(c identity.Client) string {
	if c.SigningAlg == "" {
		return ES256
	}
	return c.SigningAlg
}

func (m *Mint) sign(alg, typ string, claims jwt.Claims, now time.Time) (string, error) {
	key := m.keys.Load().signer(alg, now)
	if key.ID == "" && m.Keeper != nil {
		if err := m.Keeper.Ensure(context.Background(), alg); err != nil {
			return "", fmt.Errorf("token: sign: %w", err)
		}
		key = m.keys.Load().signer(alg, now)
	}
	if key.ID == "" {
		return "", fmt.Errorf("token: sign: there is no key for %s", alg)
	}
	signed, err := key.sign(typ, claims)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	return signed, nil
}

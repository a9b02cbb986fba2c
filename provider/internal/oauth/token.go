package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
)

// deviceGrant is the grant type of RFC 8628 §3.4.
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// token is the token endpoint: one grant each.
func (d *Door) token(c *gin.Context, r request) error {
	switch r.form["grant_type"] {
	case deviceGrant:
		return d.deviceCode(c, r)
	case "authorization_code":
		return d.authorizationCode(c, r)
	case "refresh_token":
		return d.refresh(c, r)
	case "":
		return invalidRequest("no grant_type")
	default:
		return errUnsupportedGrant
	}
}

// Refresh tokens (RFC 10027 §6.1.10): each is good this long, and the last of them this long after the scan.
const (
	refreshIdle = 30 * 24 * time.Hour
	refreshLife = 90 * 24 * time.Hour
)

// issue answers the tokens of a login that exists.
func (d *Door) issue(c *gin.Context, r request, login identity.Login, scopes, resources []string, nonce string, g beyond) error {
	answer, err := d.tokens(c.Request.Context(), r, login, scopes, resources, nonce, g)
	if err != nil {
		return err
	}
	if err := d.addRefreshToken(c.Request.Context(), r, login, &answer); err != nil {
		return err
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

// addRefreshToken adds the first refresh token to an answer, where the login may have one. A login that has ended this moment has
// none: what is answered is void.
func (d *Door) addRefreshToken(ctx context.Context, r request, login identity.Login, answer *api.TokenResponse) error {
	if !slices.Contains(still(login.Scopes, r.client.MayAsk()), "offline_access") {
		return nil
	}
	secret, t := d.newRefreshToken(r, login)
	err := d.Logins.AddRefreshToken(ctx, t)
	if errors.Is(err, identity.ErrEnded) {
		return nil
	}
	answer.RefreshToken = &secret
	return err
}

// tokens mints for a login that has not ended.
func (d *Door) tokens(ctx context.Context, r request, login identity.Login, scopes, resources []string, nonce string, g beyond) (api.TokenResponse, error) {
	if !login.EndedAt.IsZero() {
		return api.TokenResponse{}, identity.ErrEnded
	}
	account, err := d.Logins.Account(ctx, login.Account)
	if err != nil {
		return api.TokenResponse{}, err
	}
	answer, err := d.Mint.Tokens(token.Grant{
		Client: r.client, Account: account, Scopes: scopes, Resources: resources, ResourcesAlone: r.form["resource"] != "", Nonce: nonce,
		AuthTime: login.AuthTime, ACR: login.ACR, AMR: login.AMR, LoginID: login.ID, Thumbprint: r.thumbprint, Device: g.Device, Now: time.Now(),
	})
	if err != nil {
		return answer, err
	}
	return answer, g.into(&answer)
}

// newRefreshToken makes one. A public client's is bound to its DPoP key, since nothing else binds it (RFC 9449 §5).
func (d *Door) newRefreshToken(r request, login identity.Login) (secret string, t identity.RefreshToken) {
	secret = challenge.NewSecret()
	t = identity.RefreshToken{Hash: challenge.HashOf(secret).String(), Login: login.ID, ExpiresAt: time.Now().Add(refreshIdle)}
	if last := login.AuthTime.Add(refreshLife); last.Before(t.ExpiresAt) {
		t.ExpiresAt = last
	}
	if r.client.Public() {
		t.Thumbprint = r.thumbprint
	}
	return secret, t
}

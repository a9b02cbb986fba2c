package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
)

// introspect tells a client whether a token is good (RFC 7662). A public client proves nothing of itself, so it is told nothing;
// neither is a client whose affair the token is not.
func (d *Door) introspect(c *gin.Context, r request) error {
	if r.client.Public() {
		return errCredentials // RFC 7662 §2.1: the endpoint requires authorization
	}
	raw := r.form["token"]
	if raw == "" {
		return invalidRequest("no token")
	}
	var answer api.Introspection
	access, err := d.Mint.Access(raw, time.Now())
	switch {
	case err == nil:
		answer, err = d.introspectAccess(c, r.client, access)
	case errors.Is(err, token.ErrInvalidToken):
		answer, err = d.introspectRefresh(c, r.client, raw)
	}
	if errors.Is(err, identity.ErrEnded) || errors.Is(err, identity.ErrUnknownLogin) {
		answer, err = api.Introspection{}, nil
	}
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

func (d *Door) introspectAccess(c *gin.Context, client identity.Client, access token.Access) (api.Introspection, error) {
	if access.ClientID != client.ID && !serves(client, access.Audience) {
		return api.Introspection{}, identity.ErrEnded
	}
	if _, err := d.alive(c.Request.Context(), access); err != nil {
		return api.Introspection{}, err
	}
	scope, kind := strings.Join(access.Scopes, " "), "Bearer"
	exp, iat, authTime := access.ExpiresAt.Unix(), access.IssuedAt.Unix(), access.AuthTime.Unix()
	answer := api.Introspection{
		Active: true, Scope: &scope, ClientId: &access.ClientID, TokenType: &kind, Exp: &exp, Iat: &iat, AuthTime: &authTime,
		Sub: &access.Subject, Aud: &access.Audience, Iss: &d.Issuer, Jti: &access.ID, Sid: &access.LoginID,
	}
	if access.Thumbprint != "" {
		kind = "DPoP"
		answer.Cnf = &struct {
			Jkt string `json:"jkt"`
		}{access.Thumbprint}
	}
	return answer, nil
}

// serves tells whether the client is the resource server of a token: the audience lies on one of its registered origins.
func serves(client identity.Client, audience []string) bool {
	return slices.ContainsFunc(audience, func(resource string) bool {
		u, err := url.Parse(resource)
		return err == nil && client.HasOrigin(u.Scheme+"://"+u.Host)
	})
}

func (d *Door) introspectRefresh(c *gin.Context, client identity.Client, raw string) (api.Introspection, error) {
	t, login, used, err := d.Logins.RefreshToken(c.Request.Context(), challenge.HashOf(raw).String())
	if err != nil {
		return api.Introspection{}, err
	}
	if used || login.Client != client.ID || !login.EndedAt.IsZero() || !time.Now().Before(t.ExpiresAt) {
		return api.Introspection{}, identity.ErrEnded
	}
	scope, exp, subject := strings.Join(login.Scopes, " "), t.ExpiresAt.Unix(), d.Mint.Subject(client, login.Account)
	return api.Introspection{
		Active: true, Scope: &scope, ClientId: &client.ID, Exp: &exp, Sub: &subject, Iss: &d.Issuer, Sid: &login.ID,
	}, nil
}

// revoke makes a token void (RFC 7009): an access token alone, a refresh token with all that its login gave out. A token that is
// not this client's, or none at all, is answered alike: there is nothing left to do.
func (d *Door) revoke(c *gin.Context, r request) error {
	raw := r.form["token"]
	if raw == "" {
		return invalidRequest("no token")
	}
	ctx := c.Request.Context()
	access, err := d.Mint.Access(raw, time.Now())
	switch {
	case err == nil && access.ClientID == r.client.ID:
		err = d.Keys.Put(ctx, "revoked "+access.ID, []byte{1}, time.Until(access.ExpiresAt)+time.Minute)
	case errors.Is(err, token.ErrInvalidToken):
		var login identity.Login
		_, login, _, err = d.Logins.RefreshToken(ctx, challenge.HashOf(raw).String())
		if err == nil && login.Client == r.client.ID {
			err = d.SignOut.Revoke(ctx, login.ID)
		}
	}
	if err != nil && !errors.Is(err, identity.ErrUnknownLogin) {
		return err
	}
	c.Status(http.StatusOK)
	return nil
}

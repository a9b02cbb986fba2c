package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
)

var (
	errInvalidToken      = oauthError{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "the access token is missing, expired, revoked, or not for this"}
	errInsufficientScope = oauthError{Status: http.StatusForbidden, Code: "insufficient_scope", Description: "the access token has no openid in its scope"}
)

// userInfo tells a site about the person (OIDC Core §5.3).
func (d *Door) userInfo(c *gin.Context) error {
	access, err := d.presented(c)
	if err != nil {
		return err
	}
	login, err := d.alive(c.Request.Context(), access)
	if errors.Is(err, identity.ErrEnded) || err == nil && !slices.Contains(access.Audience, d.Issuer) {
		return errInvalidToken
	}
	if err != nil {
		return err
	}
	if !slices.Contains(access.Scopes, "openid") {
		return errInsufficientScope
	}
	account, err := d.Logins.Account(c.Request.Context(), login.Account)
	if err != nil {
		return err
	}
	info := api.UserInfo{Sub: access.Subject}
	if slices.Contains(access.Scopes, "phone") {
		verified := true
		info.PhoneNumber, info.PhoneNumberVerified = &account.PhoneNumber, &verified
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, info)
	return nil
}

// presented reads the access token that a request shows, in the one place where it does (RFC 6750 §2), and the proof of the key
// that it is bound to, if it is (RFC 9449 §7).
func (d *Door) presented(c *gin.Context) (token.Access, error) {
	var raw string
	header := c.Request.Header.Values("Authorization")
	scheme := "Bearer"
	switch {
	case len(header) > 1:
		return token.Access{}, invalidRequest("the Authorization header is repeated")
	case len(header) == 1:
		scheme, raw, _ = strings.Cut(header[0], " ")
	}
	if c.Request.Method == http.MethodPost && c.Request.ContentLength != 0 {
		f, err := readForm(c)
		if err != nil {
			return token.Access{}, err
		}
		if f["access_token"] != "" && raw != "" {
			return token.Access{}, invalidRequest("the access token is there twice")
		}
		if raw == "" {
			raw = f["access_token"]
		}
	}
	if raw == "" { // RFC 6750 §3.1: no error for who does not know how
		c.Header("WWW-Authenticate", `Bearer realm="qrlogin"`)
		c.Writer.Header().Add("WWW-Authenticate", `DPoP algs="ES256"`)
		return token.Access{}, errInvalidToken
	}
	access, err := d.Mint.Access(raw, time.Now())
	if errors.Is(err, token.ErrInvalidToken) {
		return access, errInvalidToken
	}
	if err != nil {
		return access, err
	}
	switch bound := access.Thumbprint != ""; {
	case bound != strings.EqualFold(scheme, "DPoP"), !bound && !strings.EqualFold(scheme, "Bearer"):
		return access, errInvalidToken // RFC 9449 §7.2: a bound token is no bearer token
	case bound:
		p, err := d.DPoP.Verify(c.Request.Context(), c.Request, raw)
		if err := d.unproven(c, err); err != nil {
			if e, ok := errors.AsType[oauthError](err); ok {
				e.Status = http.StatusUnauthorized // RFC 9449 §7.1
				return access, e
			}
			return access, err
		}
		if p.Thumbprint != access.Thumbprint {
			return access, errInvalidToken
		}
	}
	return access, nil
}

// alive answers the login that an access token comes from, if neither has been ended; identity.ErrEnded.
func (d *Door) alive(ctx context.Context, access token.Access) (identity.Login, error) {
	login, err := d.Logins.Login(ctx, access.LoginID)
	if errors.Is(err, identity.ErrUnknownLogin) || err == nil && !login.EndedAt.IsZero() {
		return login, identity.ErrEnded
	}
	if err != nil {
		return login, err
	}
	switch _, err := d.Keys.Peek(ctx, "revoked "+access.ID); {
	case err == nil:
		return login, identity.ErrEnded
	case errors.Is(err, challenge.ErrNotFound):
		return login, nil
	default:
		return login, err
	}
}

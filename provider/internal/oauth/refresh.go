package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
)

// refresh is the grant of RFC 6749 §6. A refresh token is good once; whoever uses one again, a thief or the one who was robbed,
// ends the login (RFC 9700 §4.14.2).
func (d *Door) refresh(c *gin.Context, r request) error {
	secret := r.form["refresh_token"]
	if secret == "" {
		return invalidRequest("no refresh_token")
	}
	ctx := c.Request.Context()
	old, login, used, err := d.Logins.RefreshToken(ctx, challenge.HashOf(secret).String())
	if err != nil {
		return err
	}
	switch {
	case login.Client != r.client.ID:
		return errInvalidGrant
	case used:
		return d.reused(c, login, identity.EventRefreshTokenReused)
	case !time.Now().Before(old.ExpiresAt) || !slices.Contains(r.client.MayAsk(), "offline_access"):
		return errInvalidGrant
	case old.Thumbprint != "" && old.Thumbprint != r.thumbprint:
		return invalidProof("the refresh token is bound to another key")
	}
	granted := still(login.Scopes, r.client.MayAsk())
	scopes := granted
	if asked := r.form.list("scope"); len(asked) > 0 {
		if scopes = asked; !covers(granted, asked) {
			return errInvalidScope
		}
	}
	resources, err := narrowed(still(login.Resources, r.client.Resources), r.form)
	if err != nil {
		return err
	}
	answer, err := d.tokens(ctx, r, login, scopes, resources, "", beyond{})
	if err != nil {
		return err
	}
	next, t := d.newRefreshToken(r, login)
	// To its end, whoever hangs up: a rotation that is done while its client is told that it failed would be taken for theft next time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastStep)
	defer cancel()
	if err := d.Logins.RotateRefreshToken(ctx, old.Hash, t, time.Now()); errors.Is(err, identity.ErrEnded) {
		return d.reused(c, login, identity.EventRefreshTokenReused) // another was faster with the same token
	} else if err != nil {
		return err
	}
	answer.RefreshToken = &next
	c.JSON(http.StatusOK, answer)
	return nil
}

// still is what of a grant the client may have today: what has been taken from it since is not renewed.
func still(granted, allowed []string) []string {
	return slices.DeleteFunc(slices.Clone(granted), func(s string) bool { return !slices.Contains(allowed, s) })
}

package oauth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
	"qrlogin/provider/internal/web"
)

// sessionLife is how long "this is my computer" holds (RFC 10027 §6.1.10).
const sessionLife = 8 * time.Hour

// session finds the provider session of this browser; identity.ErrEnded when it has none.
func (d *Door) session(c *gin.Context) (identity.Session, error) {
	secret := d.cookieSecret(c, sessionCookie)
	if secret == "" {
		return identity.Session{}, identity.ErrEnded
	}
	return d.Logins.Session(c.Request.Context(), challenge.HashOf(secret).String(), time.Now())
}

// usable is the session, if it can answer the authorization without a scan.
func (d *Door) usable(c *gin.Context, client identity.Client, a authorization) (identity.Session, bool, error) {
	if a.wantsScan() {
		return identity.Session{}, false, nil
	}
	s, err := d.session(c)
	if errors.Is(err, identity.ErrEnded) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	policy := rules(client.Policy) // a session that was begun at a laxer site, or elsewhere, is no way around it
	return s, !a.tooOld(s.AuthTime, time.Now()) && a.satisfies(s.ACR) && token.Suffices(s.ACR, s.AMR, policy) && policy.Admits(web.Address(c)) &&
		d.meant(client, a, s.Account), nil
}

// meant tells whether an account is whom the site asked for.
func (d *Door) meant(client identity.Client, a authorization, account string) bool {
	return a.Subject == "" || a.Subject == d.Mint.Subject(client, account)
}

// consented tells whether the person let this site have all of it already, within the session.
func (d *Door) consented(ctx context.Context, s identity.Session, a authorization) (bool, error) {
	logins, err := d.Logins.Logins(ctx, s.Account, 100)
	if err != nil {
		return false, err
	}
	for _, l := range logins {
		if l.Session == s.ID && l.Client == a.Client && l.EndedAt.IsZero() && covers(l.Scopes, a.Scopes) && covers(l.Resources, a.Resources) {
			return true, nil
		}
	}
	return false, nil
}

func covers(granted, asked []string) bool {
	return !slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(granted, s) })
}

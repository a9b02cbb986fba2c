package app

import (
	"context"

	"qrlogin/provider/internal/identity"
)

// noLogins is phone.Logins until the database has them.
type noLogins struct{}

func (noLogins) Logins(context.Context, string, int) ([]identity.Login, error) { return nil, nil }

func (noLogins) Login(context.Context, string) (identity.Login, error) {
	return identity.Login{}, identity.ErrUnknownLogin
}

// noSignOut is phone.SignOut as long.
type noSignOut struct{}

func (noSignOut) Login(context.Context, string) error { return identity.ErrUnknownLogin }

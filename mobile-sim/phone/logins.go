package phone

import (
	"context"
	"fmt"

	"qrlogin/api"
)

// Logins returns where this phone's account is, or was, logged in, the newest first, at most 100.
func (p *Phone) Logins(ctx context.Context) ([]api.Login, error) {
	var got *api.LoginList
	_, err := persist(ctx, func() error {
		resp, err := p.api.ListLoginsWithResponse(ctx)
		if err != nil {
			return err
		}
		got, err = answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("logins: %w", err)
	}
	return got.Logins, nil
}

// EndLogin ends a login, or the whole session that it belongs to. One that has ended stays so.
func (p *Phone) EndLogin(ctx context.Context, id string) error {
	_, err := persist(ctx, func() error {
		resp, err := p.api.EndLoginWithResponse(ctx, id)
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil {
		return fmt.Errorf("end login: %w", err)
	}
	return nil
}

// EndLogins ends all logins and sessions of this phone's account.
func (p *Phone) EndLogins(ctx context.Context) error {
	_, err := persist(ctx, func() error {
		resp, err := p.api.EndLoginsWithResponse(ctx)
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil {
		return fmt.Errorf("end logins: %w", err)
	}
	return nil
}

// Disown ends a login like EndLogin, and says that it was not this phone's holder who logged in.
func (p *Phone) Disown(ctx context.Context, id string) error {
	_, err := persist(ctx, func() error {
		resp, err := p.api.DisownLoginWithResponse(ctx, id)
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil {
		return fmt.Errorf("disown login: %w", err)
	}
	return nil
}

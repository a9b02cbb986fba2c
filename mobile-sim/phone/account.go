package phone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// AllowDevice lets a device of this phone's account work that waits.
func (p *Phone) AllowDevice(ctx context.Context, id string) error {
	_, err := persist(ctx, func() error {
		resp, err := p.api.AllowDeviceWithResponse(ctx, id, nil)
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil {
		return fmt.Errorf("allow device: %w", err)
	}
	return nil
}

// RemoveDevice removes a device of this phone's account, this one too; one that waits is refused by it.
func (p *Phone) RemoveDevice(ctx context.Context, id string) error {
	tries, err := persist(ctx, func() error {
		resp, err := p.api.RemoveDeviceWithResponse(ctx, id, nil)
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil && !(tries > 1 && (isProblem(err, "no-such-device") || isProblem(err, "device-unknown"))) { // by a try before
		return fmt.Errorf("remove device: %w", err)
	}
	return nil
}

// Export returns all that the provider keeps of this phone's account, as it came (JSON).
func (p *Phone) Export(ctx context.Context) (json.RawMessage, error) {
	var got json.RawMessage
	_, err := persist(ctx, func() error {
		resp, err := p.api.ExportPhoneAccountWithResponse(ctx)
		if err != nil {
			return err
		}
		_, err = answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		got = resp.Body
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return got, nil
}

// DeleteAccount deletes this phone's account and everything that is kept of it.
func (p *Phone) DeleteAccount(ctx context.Context) error {
	tries, err := persist(ctx, func() error {
		resp, err := p.api.DeletePhoneAccountWithResponse(ctx, nil)
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil && !(tries > 1 && isProblem(err, "device-unknown")) { // a try before has deleted it
		return fmt.Errorf("delete account: %w", err)
	}
	return nil
}

func isProblem(err error, code string) bool {
	problem, ok := errors.AsType[*Problem](err)
	return ok && problem.Code == code
}

// Forget removes the enrolled phone from a home folder, for one that its provider does not know any more.
func Forget(home string) error { return os.Remove(filepath.Join(home, enrolledFile)) }

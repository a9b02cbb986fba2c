package phone

import (
	"context"
	"fmt"

	"qrlogin/api"
)

// Events returns what happened with this phone's account, the newest first, at most 100.
func (p *Phone) Events(ctx context.Context) ([]api.Event, error) {
	var got *api.EventList
	_, err := persist(ctx, func() error {
		resp, err := p.api.ListEventsWithResponse(ctx)
		if err != nil {
			return err
		}
		got, err = answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return got.Events, nil
}

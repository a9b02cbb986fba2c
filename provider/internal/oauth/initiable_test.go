package oauth

import (
	"encoding/json"
	"errors"
	"testing"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
)

// RFC 10027 §6.1.15: authenticate, then initiate.
func TestAnOrderOfAStrictSiteNamesWhoIsLoggedIn(t *testing.T) {
	order := json.RawMessage(`[{"type":"order"}]`)
	for _, c := range []struct {
		policy identity.Policy
		asked  challenge.Request
		want   error
	}{
		{identity.Policy{Preset: "strict"}, challenge.Request{Details: order}, errLoginRequired},
		{identity.Policy{Orders: "signed-in"}, challenge.Request{Details: order}, errLoginRequired},
		{identity.Policy{Preset: "strict"}, challenge.Request{Details: order, Account: "somebody"}, nil},
		{identity.Policy{Preset: "strict"}, challenge.Request{}, nil}, // a login
		{identity.Policy{}, challenge.Request{Details: order}, nil},
	} {
		if err := initiable(identity.Client{Policy: c.policy}, c.asked); !errors.Is(err, c.want) {
			t.Errorf("%+v of %+v: %v, want %v", c.asked, c.policy, err, c.want)
		}
	}
}

package oauth

import (
	"encoding/json"
	"errors"
	"testing"

	"qrlogin/provider/internal/identity"
)

// RFC 10027 §6.1.15: authenticate, then initiate.
func TestAnOrderOfAStrictSiteNamesWhoIsLoggedIn(t *testing.T) {
	handoff := json.RawMessage(`{"type":"handoff"}`)
	order := json.RawMessage(`{"type":"order"}`)
	for _, c := range []struct {
		policy identity.Policy
		asked  json.RawMessage
		who    string
		want   error
	}{
		{identity.Policy{Preset: "strict"}, order, "", errLoginRequired},
		{identity.Policy{Orders: "signed-in"}, order, "", errLoginRequired},
		{identity.Policy{Preset: "strict"}, order, "somebody", nil},
		{identity.Policy{Preset: "strict"}, nil, "", nil}, // a login
		{identity.Policy{Preset: "strict"}, handoff, "", nil},
		{identity.Policy{}, order, "", nil},
	} {
		if err := initiable(identity.Client{Policy: c.policy}, c.asked, c.who); !errors.Is(err, c.want) {
			t.Errorf("%s of %+v: %v, want %v", c.asked, c.policy, err, c.want)
		}
	}
}

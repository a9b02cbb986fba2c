package details

import (
	"encoding/json"
	"fmt"

	"qrlogin/api"
)

// Details is what a challenge asks for beyond a login: at most one of the two.
type Details struct {
	Order   *api.Order
	Handoff *api.Handoff
}

// Of reads what a challenge carries; nothing of one that asks for a login alone.
func Of(carried json.RawMessage) (Details, error) {
	if len(carried) == 0 {
		return Details{}, nil
	}
	var d Details
	var kind struct {
		Type string `json:"type"`
	}
	err := json.Unmarshal(carried, &kind)
	switch {
	case err != nil:
	case kind.Type == string(api.OrderTypeOrder):
		err = json.Unmarshal(carried, &d.Order)
	case kind.Type == string(api.HandoffTypeHandoff):
		err = json.Unmarshal(carried, &d.Handoff)
	default:
		err = fmt.Errorf("a type %q", kind.Type)
	}
	if err != nil {
		return d, fmt.Errorf("details: what a challenge carries: %w", err)
	}
	return d, nil
}

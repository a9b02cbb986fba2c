package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"qrlogin/api"
)

// Receipt is a verified receipt: what the holder of a device key was shown of an order, and approved.
type Receipt struct {
	Decision
	ClientID string    // whose order it was, by its client_id
	Order    api.Order // as it was shown
	At       time.Time // of the scan, by the provider's clock
}

// VerifyReceipt verifies what a site gets with an order (docs/orders.md): the phone's own decision over the consent. device is the
// thumbprint that the ID token names, device_jkt. The caller still judges whether ClientID is itself, and by [Receipt.Confirms]
// whether the order is the one that it asked for: a receipt of an earlier one is as well signed. An error says what is wrong with it.
func VerifyReceipt(jws, issuer, device string) (Receipt, error) {
	d, err := VerifyDecision(jws, issuer)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	if device == "" || d.Thumbprint != device {
		return Receipt{}, errors.New("receipt: signed by another key than the ID token names")
	}
	if d.Verdict != Approve {
		return Receipt{}, errors.New("receipt: it is a refusal")
	}
	var consent struct {
		api.Consent
		Order json.RawMessage `json:"order"`
	}
	if err := json.Unmarshal(d.Consent, &consent); err != nil {
		return Receipt{}, errors.New("receipt: the consent is no consent")
	}
	if consent.Challenge != d.Challenge {
		return Receipt{}, errors.New("receipt: the consent is about another challenge")
	}
	if len(consent.Order) == 0 {
		return Receipt{}, errors.New("receipt: the consent has no order")
	}
	var order *api.Order
	strict := json.NewDecoder(bytes.NewReader(consent.Order))
	strict.DisallowUnknownFields() // what a person signed and this cannot read might be a term of the sale
	if err := strict.Decode(&order); err != nil || order == nil {
		return Receipt{}, errors.New("receipt: the consent's order is none that is known here")
	}
	return Receipt{Decision: d, ClientID: consent.Client.Id, Order: *order, At: consent.ClaimedAt}, nil
}

// Confirms tells whether this is the order that was shown, member by member.
func (r Receipt) Confirms(order api.Order) bool {
	order.Receipt = nil
	shown := r.Order
	shown.Receipt = nil
	return reflect.DeepEqual(shown, order)
}

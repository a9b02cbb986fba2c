package phone

import (
	"context"
	"encoding/json"
	"net/netip"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/place"
)

// consent is what the phone at that address will show and sign: who asks, from where, for what (RFC 10027 §6.1.14).
func (d *Door) consent(ctx context.Context, phone string, r challenge.Record, scan challenge.Scan) ([]byte, error) {
	client, err := d.Clients.Client(ctx, r.Client)
	if err != nil {
		return nil, err
	}
	var consent api.Consent
	consent.Challenge = r.ID.String()
	consent.Client.Id, consent.Client.Name, consent.Client.Domains = client.ID, client.Name, client.Domains()
	consent.Browser.Address, consent.Browser.UserAgent = known(r.Browser.Address), known(r.Browser.UserAgent)
	consent.Browser.Name, consent.Browser.Place = browserName(r.Browser.UserAgent), d.place(r.Browser.Address)
	if r.Policy.Proximity != challenge.ProximityOff {
		proximity := api.ConsentProximity(scan.Near.String())
		consent.Proximity = &proximity
		consent.Phone = &struct {
			Address string     `json:"address"`
			Place   *api.Place `json:"place,omitempty"`
		}{phone, d.place(phone)}
	}
	if warnings := warn(r, scan); len(warnings) > 0 {
		consent.Warnings = &warnings
	}
	here := r.IsHere(scan.Ticket)
	if here {
		consent.SameBrowser = &here // RFC 10027 §6.2
	}
	if r.Policy.Confirm && !here {
		consent.Confirmation = &r.Policy.Confirm // RFC 10027 §6.1.16
	}
	consent.Scopes = r.Request.Scopes
	if len(r.Request.Resources) > 0 {
		consent.Resources = &r.Request.Resources
	}
	consent.BindingMessage = known(r.Request.BindingMessage) // RFC 10027 §6.1.17
	if r.Request.SessionOffered {
		consent.SessionOffered = &r.Request.SessionOffered // RFC 10027 §6.1.10
	}
	if err := d.asks(&consent, r); err != nil {
		return nil, err
	}
	consent.ClaimedAt = r.Now.UTC()
	return json.Marshal(consent)
}

// asks says what is asked for beyond a login. The receipt of an order goes to the site, which learns nothing by it of where the phone is.
func (d *Door) asks(consent *api.Consent, r challenge.Record) error {
	asked, err := details.Of(r.Request.Details)
	switch {
	case err != nil:
		return err
	case asked.Order != nil:
		digits := details.Digits(asked.Order.Currency)
		consent.Order, consent.CurrencyDigits, consent.Phone = asked.Order, &digits, nil
	case asked.Handoff != nil:
		consent.Handoff, consent.HandoffLimit = asked.Handoff, &d.HandoffLimit
	}
	return nil
}

// warn is what the person must see before deciding.
func warn(r challenge.Record, scan challenge.Scan) (warnings []api.ConsentWarnings) {
	if r.Browser.Address == "" {
		warnings = append(warnings, api.ConsentWarningsNoBrowser)
	}
	if r.Policy.Proximity != challenge.ProximityOff && scan.Near == challenge.Elsewhere {
		warnings = append(warnings, api.ConsentWarningsElsewhere)
	}
	if scan.Code.MAC == nil && !r.IsHere(scan.Ticket) {
		warnings = append(warnings, api.ConsentWarningsCopyable)
	}
	return warnings
}

// near tells how near the phone at that address is to the browser (RFC 10027 §6.1.1). Where the networks say nothing, or that they are
// others, the places may say more: a phone in a mobile network is beside a computer in another one.
func (d *Door) near(phone string, r challenge.Record, ticket challenge.Ticket) challenge.Nearness {
	switch {
	case r.Policy.Proximity == challenge.ProximityOff:
		return challenge.NearUnknown
	case r.IsHere(ticket): // nothing is nearer, whatever its two connections come from
		return challenge.SameAddress
	}
	near := challenge.Compare(r.Browser.Address, phone)
	if near.Near() {
		return near
	}
	there, found := d.find(r.Browser.Address)
	here, foundToo := d.find(phone)
	if found && foundToo {
		near = challenge.Elsewhere
		if place.Same(there, here) {
			near = challenge.SamePlace
		}
	}
	return near
}

// find is where an address is, if that is known.
func (d *Door) find(address string) (place.Place, bool) {
	at, err := netip.ParseAddr(address)
	if err != nil {
		return place.Place{}, false
	}
	return d.Places.Find(at)
}

package identity

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Policy is how strict a site is with the codes that it shows, and with what a login gives out (RFC 10027 §6.1). A field that is
// empty is as the preset has it. docs/security.md says what each is good for.
type Policy struct {
	Preset        string   `json:"preset,omitempty"`         // relaxed, standard or strict; "" is standard
	Rotation      string   `json:"rotation,omitempty"`       // required, or optional: a code that stands still and a typed one work too
	Proximity     string   `json:"proximity,omitempty"`      // of phone and browser: off, warn, or require
	Confirmation  string   `json:"confirmation,omitempty"`   // none, or code: the digits on the phone are typed into the page
	Networks      []string `json:"networks,omitempty"`       // CIDRs in which the browser must be; none for anywhere
	RefreshTokens string   `json:"refresh_tokens,omitempty"` // allowed or refused
	Orders        string   `json:"orders,omitempty"`         // anybody, or signed-in: an order names who is logged in at the site
}

// presets are whole policies. strict also has a code accepted for 10 s, not 30.
var presets = map[string]Policy{
	"relaxed":  {Preset: "relaxed", Rotation: "optional", Proximity: "off", Confirmation: "none", RefreshTokens: "allowed", Orders: "anybody"},
	"standard": {Preset: "standard", Rotation: "required", Proximity: "warn", Confirmation: "none", RefreshTokens: "allowed", Orders: "anybody"},
	"strict":   {Preset: "strict", Rotation: "required", Proximity: "require", Confirmation: "code", RefreshTokens: "refused", Orders: "signed-in"},
}

// Effective is the policy with every field said.
func (p Policy) Effective() Policy {
	preset := presets[cmp.Or(p.Preset, "standard")]
	return Policy{
		Preset: preset.Preset, Rotation: cmp.Or(p.Rotation, preset.Rotation), Proximity: cmp.Or(p.Proximity, preset.Proximity),
		Confirmation: cmp.Or(p.Confirmation, preset.Confirmation), Networks: p.Networks,
		RefreshTokens: cmp.Or(p.RefreshTokens, preset.RefreshTokens), Orders: cmp.Or(p.Orders, preset.Orders),
	}
}

// check refuses what is no policy: one [Invalid].
func (p Policy) check() error {
	for _, field := range []struct{ name, value, known string }{
		{"policy", p.Preset, "relaxed standard strict"},
		{"rotation", p.Rotation, "required optional"},
		{"proximity", p.Proximity, "off warn require"},
		{"confirmation", p.Confirmation, "none code"},
		{"refresh tokens", p.RefreshTokens, "allowed refused"},
		{"orders", p.Orders, "anybody signed-in"},
	} {
		if field.value != "" && !slices.Contains(strings.Fields(field.known), field.value) {
			return invalid("%s %q is not one of %s", field.name, field.value, strings.ReplaceAll(field.known, " ", ", "))
		}
	}
	if len(p.Networks) > maxList {
		return invalid("there are more than %d networks", maxList)
	}
	for _, network := range p.Networks {
		if prefix, err := netip.ParsePrefix(network); err != nil || prefix != prefix.Masked() {
			return invalid("network %q is not like 192.0.2.0/24 or 2001:db8::/32", network)
		}
	}
	return nil
}

// Prefixes is the networks, read. [Client.Check] has seen to it that they can be.
func (p Policy) Prefixes() []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(p.Networks))
	for _, network := range p.Networks {
		if prefix, err := netip.ParsePrefix(network); err == nil {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

// MayAsk is the scopes that the client may ask for (RFC 10027 §6.1.9): its own, without refresh tokens where the policy refuses
// them (RFC 10027 §6.1.10).
func (c Client) MayAsk() []string {
	if c.Policy.Effective().RefreshTokens == "allowed" {
		return c.Scopes
	}
	return slices.DeleteFunc(slices.Clone(c.Scopes), func(scope string) bool { return scope == "offline_access" })
}

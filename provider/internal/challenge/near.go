package challenge

import (
	"net/netip"
	"slices"
)

// Proximity is what a policy makes of a phone that is not near the browser (RFC 10027 §6.1.1).
type Proximity int

// The three.
const (
	ProximityOff     Proximity = iota // nothing is compared
	ProximityWarn                     // the person is told
	ProximityRequire                  // the scan is refused
)

// Nearness is how near a phone is to the browser, as far as their networks tell.
type Nearness int

// From nothing known to the nearest.
const (
	NearUnknown Nearness = iota // no browser watches, or the two addresses cannot be compared
	Elsewhere                   // another network, and as far as is known another place
	SamePlace                   // what a file of places says of the two networks
	SameNetwork                 // the same /24 (IPv4) or /48 (IPv6)
	SameAddress
)

var nearnessTexts = [...]string{"unknown", "elsewhere", "same-place", "same-network", "same-address"}

// String is the nearness as the API names it.
func (n Nearness) String() string { return nearnessTexts[n] }

// Near tells whether a policy that requires a phone to be near takes it for that.
func (n Nearness) Near() bool { return n >= SamePlace }

// Compare tells how near two addresses are. One of IPv4 and one of IPv6 are not comparable: a computer and a phone in one room
// often have one of each. Places are the caller's to compare.
func Compare(browser, phone string) Nearness {
	a, errA := netip.ParseAddr(browser)
	b, errB := netip.ParseAddr(phone)
	a, b = a.Unmap().WithZone(""), b.Unmap().WithZone("")
	if errA != nil || errB != nil || a.Is4() != b.Is4() {
		return NearUnknown
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	switch network, _ := a.Prefix(bits); {
	case a == b:
		return SameAddress
	case network.Contains(b):
		return SameNetwork
	default:
		return Elsewhere
	}
}

// admits tells whether the policy and the request take this device in this place.
func (c Challenge) admits(e Scan) error {
	if c.Request.Account != "" && c.Request.Account != e.Account {
		return ErrOtherAccount // RFC 10027 §6.1.15: authenticate, then initiate
	}
	if !c.Policy.Admits(c.Browser.Address) {
		return ErrOutside
	}
	if c.Policy.Proximity == ProximityRequire && !e.Near.Near() && !c.IsHere(e.Ticket) {
		return ErrTooFar // RFC 10027 §6.1.1
	}
	return nil
}

// Admits tells whether a browser at this address is where the policy has browsers be (RFC 10027 §6.1.8: trusted networks).
func (p Policy) Admits(browser string) bool {
	if len(p.Networks) == 0 {
		return true
	}
	address, err := netip.ParseAddr(browser)
	return err == nil && slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(address.Unmap().WithZone("")) })
}

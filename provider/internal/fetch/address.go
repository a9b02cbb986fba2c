package fetch

import (
	"net/netip"
	"slices"
)

// public tells whether an address is the internet's, by the IANA registries of special-purpose addresses (RFC 6890).
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case a.Is4():
		return !inAny(special4, a)
	case nat64.Contains(a): // what a host without IPv4 dials in place of an IPv4 address
		return public(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(a):
		return public(netip.AddrFrom4([4]byte(b[2:6])))
	default:
		return unicast6.Contains(a) && !inAny(special6, a)
	}
}

func loopback(a netip.Addr) bool { return a.Unmap().IsLoopback() }

var (
	special4 = prefixes(
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // carrier-grade NAT
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local; clouds tell their machines' secrets there
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/3",     // multicast, reserved, broadcast
	)

	// Outside of it lie the loopback, link-local, unique local and multicast addresses, IPv4 in IPv6 but for the two forms
	// below, the NAT64 of local networks (RFC 8215), and what is not given out yet.
	unicast6 = netip.MustParsePrefix("2000::/3")
	special6 = prefixes(
		"2001::/23",     // protocol assignments: Teredo, benchmarks, identifiers
		"2001:db8::/32", // documentation
		"3fff::/20",     // documentation
	)

	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func inAny(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

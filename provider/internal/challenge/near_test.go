package challenge

import (
	"net/netip"
	"testing"
	"time"
)

func TestAddressesAreAsNearAsTheirNetworks(t *testing.T) {
	for _, c := range []struct {
		browser, phone string
		want           Nearness
	}{
		{"192.0.2.1", "192.0.2.1", SameAddress},
		{"192.0.2.1", "192.0.2.254", SameNetwork},
		{"192.0.2.1", "192.0.3.1", Elsewhere},
		{"2001:db8:1:2::1", "2001:db8:1:2::1", SameAddress},
		{"2001:db8:1:2::1", "2001:db8:1:ffff::9", SameNetwork},
		{"2001:db8:1:2::1", "2001:db8:2:2::1", Elsewhere},
		{"::ffff:192.0.2.1", "192.0.2.1", SameAddress},
		{"fe80::1%eth0", "fe80::1", SameAddress},
		{"192.0.2.1", "2001:db8::1", NearUnknown},
		{"", "192.0.2.1", NearUnknown},
		{"192.0.2.1", "", NearUnknown},
		{"a name", "a name", NearUnknown},
	} {
		if got := Compare(c.browser, c.phone); got != c.want {
			t.Errorf("%q and %q: %v, want %v", c.browser, c.phone, got, c.want)
		}
	}
}

// RFC 10027 §6.1.1: what is not known to be near is not near.
func TestAPolicyThatRequiresAPhoneToBeNearRefusesAllOthers(t *testing.T) {
	for _, proximity := range []Proximity{ProximityOff, ProximityWarn, ProximityRequire} {
		for near := NearUnknown; near <= SameAddress; near++ {
			c := pendingWith(Policy{Proximity: proximity})
			scan := scanBy(device, c.frameAt(begin))
			scan.Near = near
			if proximity == ProximityRequire && near < SamePlace {
				refuses(t, c, scan, begin, ErrTooFar)
				continue
			}
			leadsTo(t, c, scan, begin, Claimed)
		}
	}
}

// RFC 10027 §6.1.8: trusted networks. A browser that has not presented itself is in none.
func TestABrowserOutsideTheTrustedNetworksMakesNoScanCount(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for address, inside := range map[string]bool{
		"192.0.2.1": true, "::ffff:192.0.2.1": true, "2001:db8:7::1": true, "198.51.100.1": false, "2001:db9::1": false, "": false, "a name": false,
	} {
		c := pendingWith(Policy{Networks: networks})
		c.Browser.Address = address
		if inside {
			leadsTo(t, c, scanBy(device, c.frameAt(begin)), begin, Claimed)
		} else {
			refuses(t, c, scanBy(device, c.frameAt(begin)), begin, ErrOutside)
		}
	}
}

// RFC 10027 §6.1.15: authenticate, then initiate.
func TestAChallengeForOneAccountIsNoOtherAccounts(t *testing.T) {
	c := pending()
	c.Request.Account = "somebody else"
	refuses(t, c, scanBy(device, c.frameAt(begin)), begin, ErrOtherAccount)
	c.Request.Account = account
	leadsTo(t, c, scanBy(device, c.frameAt(begin)), begin, Claimed)
}

// Who holds no good code learns nothing of the policy, nor of whom the site asked for.
func TestAForgedOrStaleCodeIsRefusedBeforeThePolicySpeaks(t *testing.T) {
	c := pendingWith(Policy{Proximity: ProximityRequire, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	c.Request.Account = "somebody else"
	forged := c.frameAt(begin)
	forged.MAC = make([]byte, macLen)
	refuses(t, c, scanBy(device, forged), begin, ErrCodeUnknown)
	refuses(t, c, scanBy(device, c.frame(0)), begin.Add(time.Minute), ErrCodeStale)
}

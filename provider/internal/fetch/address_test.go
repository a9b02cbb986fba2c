package fetch

import (
	"net/netip"
	"testing"
)

func TestOnlyAddressesOfTheInternetArePublic(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "11.0.0.1": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.255.255": true,
		"172.32.0.0": true, "192.167.255.255": true, "198.17.255.255": true, "198.20.0.0": true, "223.255.255.255": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "10.255.255.255": false, "100.64.0.1": false, "100.127.255.255": false,
		"127.0.0.1": false, "127.9.9.9": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false, "198.19.255.255": false,
		"198.51.100.7": false, "203.0.113.7": false, "224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false,

		"2606:4700:4700::1111": true, "2a00:1450::1": true, "2001:200::1": true, "2001:db9::": true, "3ffe::1": true,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "fc00::1": false, "fd00:ec2::254": false,
		"ff02::1": false, "ff0e::1": false, "2001::1": false, "2001:2::1": false, "2001:10::1": false, "2001:db8::1": false,
		"3fff::1": false, "3fff:fff::1": false, "100::1": false, "4000::1": false, "5f00::1": false,

		// IPv4 in IPv6 is what it stands for.
		"::ffff:1.1.1.1": true, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"::1.1.1.1": false, "::ffff:0:127.0.0.1": false,
		"64:ff9b::1.1.1.1": true, "64:ff9b::10.0.0.1": false, "64:ff9b::127.0.0.1": false, "64:ff9b::169.254.169.254": false, "64:ff9b:1::1.1.1.1": false,
		"2002:101:101::1": true, "2002:a00:1::1": false, "2002:7f00:1::": false, "2002:a9fe:a9fe::": false, "2002:c0a8:101::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %t", text, got)
		}
	}
}

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"

	"github.com/alecthomas/kong"
)

// lanFlag is --lan, alone or with an address.
type lanFlag struct {
	on   bool
	host string // "" is to be found
}

// IsBool lets the flag stand alone.
func (*lanFlag) IsBool() bool { return true }

// Decode implements kong.MapperValue.
func (f *lanFlag) Decode(ctx *kong.DecodeContext) error {
	f.on = true
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	if err := ctx.Scan.PopValueInto("address", &f.host); err != nil {
		return err
	}
	if f.host == "auto" { // for the environment variable, which cannot stand alone
		f.host = ""
	}
	return nil
}

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// A lan serves the demo in one's own network: a phone in one's hand reaches it there, and browsers let a page use keys and the
// camera over TLS alone.
type lan struct {
	host  string // as it stands in URLs: an address or a name
	file  string // where the certificate is kept
	roots *x509.CertPool
	tls   *tls.Config
}

// openLAN finds the machine's address, unless one is named, and the certificate for it.
func openLAN(f lanFlag) (*lan, error) {
	host := f.host
	if host == "" {
		var err error
		if host, err = ownAddress(); err != nil {
			return nil, err
		}
	}
	if _, err := netip.ParseAddr(host); err != nil && !hostName.MatchString(host) {
		return nil, fmt.Errorf("--lan=%s is neither an address nor a name such as my-laptop.local", host)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("a folder for the certificate: %w", err)
	}
	l := &lan{host: host, file: filepath.Join(cache, "qrlogin", "relyingparty-demo", "certificate.pem")}
	certificate, err := keptCertificate(l.file, host)
	if err != nil {
		return nil, err
	}
	l.roots = x509.NewCertPool()
	l.roots.AddCert(certificate.Leaf)
	l.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return l, nil
}

// ownAddress is the address of the interface that leads out. No packet is sent for it, and the addresses are nobody's
// (RFC 5737, RFC 3849).
func ownAddress() (string, error) {
	for _, nobody := range []string{"198.51.100.1:9", "[2001:db8::1]:9"} {
		c, err := net.Dial("udp", nobody) //nolint:noctx // nothing is waited for
		if err != nil {
			continue
		}
		_ = c.Close()
		if own := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(); !own.IsLoopback() && own.Zone() == "" {
			return own.String(), nil
		}
	}
	return "", errors.New("this machine is in no network that could be found; name its address: --lan=ADDRESS")
}

// at puts the machine's address, or every address for a name, in place of the host of an address to listen on.
func (l *lan) at(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address // listen says what is wrong
	}
	if _, err := netip.ParseAddr(l.host); err != nil {
		return net.JoinHostPort("", port) // what a name leads to differs between this machine and the phone
	}
	return net.JoinHostPort(l.host, port)
}

// url is how browsers in the network reach a listener.
func (l *lan) url(listener net.Listener) string {
	host := l.host
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("https://%s:%d", host, listener.Addr().(*net.TCPAddr).Port)
}

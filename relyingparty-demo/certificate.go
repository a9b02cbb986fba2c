package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	certificateLife = 90 * 24 * time.Hour
	certificateLeft = 7 * 24 * time.Hour // with less left, another one is made
)

// keptCertificate is the certificate in a file, with its key, if it is still good for this host; otherwise one that is made now. It
// stays the same between starts, so that who has told a browser to go on is not asked each time.
func keptCertificate(file, host string) (tls.Certificate, error) {
	kept, err := readCertificate(file)
	if err == nil && kept.Leaf.VerifyHostname(host) == nil && time.Until(kept.Leaf.NotAfter) > certificateLeft {
		return kept, nil
	}
	content, err := makeCertificate(host)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return tls.Certificate{}, fmt.Errorf("a folder for the certificate: %w", err)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) { // a new file is its owner's alone
		return tls.Certificate{}, fmt.Errorf("keep the certificate: %w", err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return tls.Certificate{}, fmt.Errorf("keep the certificate: %w", err)
	}
	return tls.X509KeyPair(content, content)
}

func readCertificate(file string) (tls.Certificate, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(content, content)
}

// makeCertificate makes a certificate that nobody vouches for, and its key, as PEM. It can vouch for no other: whoever installs it
// trusts this host alone.
func makeCertificate(host string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "relyingparty-demo at " + host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), // the phone's clock may be behind
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// fingerprint is how browsers show which certificate they warn of.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

package redisstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/storetest"
	"qrlogin/provider/internal/testenv"
)

// accessLine is the line of docs/operate.md that gives the provider's user what it needs.
func accessLine(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "ACL SETUSER qrlogin ") {
			return strings.Fields(line)
		}
	}
	t.Fatal("no such line")
	return nil
}

// as gives each server the user of the documentation, and answers the URL by which it comes in.
func as(t *testing.T, address string, servers ...*testenv.RedisServer) string {
	t.Helper()
	for _, server := range servers {
		if _, err := testenv.RedisCommand(server.Addr, accessLine(t)...); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Replace(address, "://", "://qrlogin:PASSWORD@", 1)
}

func TestAUserWithNoMoreRightsThanDocumentedKeepsAllThatAStoreMust(t *testing.T) {
	if redisServer == "" {
		return
	}
	server, err := testenv.RedisOnPort(redisServer, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	for kind, at := range map[string]struct {
		url     string
		servers []*testenv.RedisServer
	}{"redis": {"redis://" + server.Addr, []*testenv.RedisServer{server}}, "cluster": {clusterURL, clusterServers}} {
		restricted := as(t, at.url, at.servers...)
		with := func(t *testing.T, test func(*testing.T, storetest.Backend)) {
			admin := openEmpty(t, at.url)
			withReal(t, open(t, restricted), admin.db, test)
		}
		t.Run(kind, func(t *testing.T) {
			storetest.RunStore(t, with)
			storetest.RunKeys(t, with)
			storetest.RunContents(t, with)
			if err := open(t, restricted).Bind(t.Context(), "a database"); err != nil {
				t.Error(err)
			}
			db := open(t, restricted).db
			for _, words := range [][]any{{"get", "another's"}, {"keys", "*"}, {"flushall"}, {"config", "get", "*"}, {"publish", "another's", "x"}} {
				if err := db.Do(t.Context(), words...).Err(); !redis.HasErrorPrefix(err, "NOPERM") {
					t.Errorf("%v: %v", words, err)
				}
			}
		})
	}
}

// certify writes a certificate for 127.0.0.1 and its key into dir. It is its own authority.
func certify(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestARedisThatSpeaksTLSIsKnownByItsCertificateAndKnowsTheProviderByIts(t *testing.T) {
	if redisServer == "" {
		return
	}
	dir := t.TempDir()
	cert, key := certify(t, dir, "server")
	own, ownKey := certify(t, dir, "provider")
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	server, err := testenv.RedisOnPort(redisServer, dir, "--tls-port", strconv.Itoa(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", own)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	address := "127.0.0.1:" + strconv.Itoa(port)
	query := func(pairs ...string) string {
		q := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return "?" + q.Encode()
	}
	s := open(t, "rediss://"+address+query("ca_file", cert, "cert_file", own, "key_file", ownKey))
	c := create(t, s)
	notified := await(t, s, c.ID)
	visit(t, s, c.ID, "192.0.2.1")
	isNotified(t, notified)

	for what, bad := range map[string]string{
		"a server that nobody vouches for": "rediss://" + address + query("cert_file", own, "key_file", ownKey),
		"a server of another authority":    "rediss://" + address + query("ca_file", own, "cert_file", own, "key_file", ownKey),
		"no certificate of one's own":      "rediss://" + address + query("ca_file", cert),
		"no TLS":                           "redis://" + address,
		"a file that is not there":         "rediss://" + address + query("ca_file", filepath.Join(dir, "nothing.pem")),
		"a file without a certificate":     "rediss://" + address + query("ca_file", key),
		"a key without its certificate":    "rediss://" + address + query("ca_file", cert, "key_file", ownKey),
		"files without TLS":                "redis://" + server.Addr + query("ca_file", cert),
	} {
		if s, err := New(t.Context(), bad, slog.New(slog.DiscardHandler)); err == nil {
			_ = s.Close()
			t.Errorf("%s: connected", what)
		} else if strings.ContainsAny(err.Error(), "\n?") {
			t.Errorf("%s: %q is not one line without the URL", what, err)
		}
	}
}

func TestAStoresURLThatCannotBeReadIsRefusedInOneLineWithoutIt(t *testing.T) {
	for _, bad := range []string{
		"redis://:hunter2@127.0.0.1:bad", "redis-sentinel://:hunter2@127.0.0.1:26379", "redis-sentinel://:hunter2@127.0.0.1:26379?master=m",
		"redis-cluster://:hunter2@127.0.0.1:1/nodb?what=1", "redis-ring://:hunter2@127.0.0.1", "http://:hunter2@127.0.0.1", "redis://:hunter2@127.0.0.1/none", "\x7f",
	} {
		s, err := New(t.Context(), bad, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: connected", bad)
		} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", bad, err)
		}
	}
}

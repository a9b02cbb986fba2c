package deploytest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/internal/testenv"
)

// proxy is a reverse proxy that runs with the configuration of deploy/, in front of three nodes.
type proxy struct {
	issuer  string // under which it serves
	address string // where it listens
	roots   *x509.CertPool
	logs    func() string
}

// proxies is each reverse proxy that there is a configuration for.
var proxies = []struct {
	name    string
	program *string
	start   func(t *testing.T, listen string, nodes []string) *proxy
}{
	{"nginx", &nginx, startNginx},
	{"compose", &nginx, startComposed},
	{"caddy", &caddy, startCaddy},
}

// behindEach runs a test behind each proxy that is installed.
func behindEach(t *testing.T, test func(t *testing.T, start func(t *testing.T, listen string, nodes []string) *proxy)) {
	for _, p := range proxies {
		if *p.program != "" {
			t.Run(p.name, func(t *testing.T) { test(t, p.start) })
		}
	}
}

// put is a text with each of the old pieces, of which each must be there, replaced by the new one after it.
func put(t *testing.T, text string, oldNew ...string) string {
	t.Helper()
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("there is no %q in\n%s", oldNew[i], text)
		}
		text = strings.ReplaceAll(text, oldNew[i], oldNew[i+1])
	}
	return text
}

// startNginx runs nginx with the files of deploy/nginx, in which addresses and folders are the test's.
func startNginx(t *testing.T, listen string, nodes []string) *proxy {
	t.Helper()
	dir := public(t) // its workers give up root's rights
	write(t, dir+"/conf.d/upstream.conf", put(t, read(t, "deploy/nginx/upstream.conf"), "10.0.0.11:9000", nodes[0], "10.0.0.12:9000", nodes[1], "10.0.0.13:9000", nodes[2]))
	write(t, dir+"/conf.d/https.conf", put(t, read(t, "deploy/nginx/https.conf"), "listen 80;", "listen "+freeAddress(t)+";", "listen 443 ", "listen "+listen+" ",
		"/etc/ssl/login.example", dir, "/etc/nginx", dir))
	roots := certificate(t, dir, "login.example")
	return &proxy{"https://login.example", listen, roots, runNginx(t, dir, listen)}
}

// startComposed runs nginx with the files that compose.yaml mounts.
func startComposed(t *testing.T, listen string, nodes []string) *proxy {
	t.Helper()
	dir := public(t)
	write(t, dir+"/conf.d/upstream.conf", put(t, read(t, "deploy/compose/upstream.conf"), "provider-1:9000", nodes[0], "provider-2:9000", nodes[1], "provider-3:9000", nodes[2]))
	write(t, dir+"/conf.d/http.conf", put(t, read(t, "deploy/compose/http.conf"), "listen 9000;", "listen "+listen+";", "/etc/nginx", dir))
	return &proxy{"http://localhost:" + port(listen), listen, nil, runNginx(t, dir, listen)}
}

func runNginx(t *testing.T, dir, listen string) (logs func() string) {
	t.Helper()
	write(t, dir+"/nginx.conf", put(t, read(t, "deploy/nginx/nginx.conf"), "/etc/nginx", dir, "/run/nginx.pid", dir+"/pid", "/var/log/nginx", dir))
	write(t, dir+"/qrlogin.inc", read(t, "deploy/nginx/qrlogin.inc"))
	write(t, dir+"/conf.d/test.conf", fmt.Sprintf("client_body_temp_path %[1]s/body;\nproxy_temp_path %[1]s/t;\nfastcgi_temp_path %[1]s/t;\nuwsgi_temp_path %[1]s/t;\nscgi_temp_path %[1]s/t;\n", dir))
	start(t, exec.Command(nginx, "-c", dir+"/nginx.conf", "-g", "daemon off;")).answers(t, listen)
	return func() string { return fileText(dir+"/access.log")() + fileText(dir+"/error.log")() }
}

// startCaddy runs Caddy with the file of deploy/caddy, without the certificate that it would get.
func startCaddy(t *testing.T, listen string, nodes []string) *proxy {
	t.Helper()
	dir := t.TempDir()
	issuer := "http://localhost:" + port(listen)
	write(t, dir+"/Caddyfile", put(t, read(t, "deploy/caddy/Caddyfile"), "login.example {", issuer+" {",
		"10.0.0.11:9000", nodes[0], "10.0.0.12:9000", nodes[1], "10.0.0.13:9000", nodes[2]))
	command := exec.Command(caddy, "run", "--config", dir+"/Caddyfile", "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	p := start(t, command)
	p.answers(t, listen)
	return &proxy{issuer, listen, nil, p.log.String}
}

// public is a folder that everybody may enter; those of [testing.T] nobody may.
func public(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "deploy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// certificate makes one for a name, by itself, as nginx wants it, and answers what believes it.
func certificate(t *testing.T, dir, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/fullchain.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, dir+"/privkey.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return roots
}

// from is a client at an address of the loopback, which finds the proxy under whatever name.
func (p *proxy) from(t *testing.T, ip string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", p.address)
		},
		TLSClientConfig:     &tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// node is a fake provider.
type node struct {
	mu     sync.Mutex
	asked  map[string]int // by method
	breaks bool           // it reads a request and closes the connection
	last   *http.Request
	length int
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.HasPrefix(r.URL.Path, "/.well-known/") { // Caddy asks whether it is there
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[r.Method]++
	n.last, n.length = r, len(body)
	if n.breaks {
		n.breaks = false
		panic(http.ErrAbortHandler)
	}
}

// fakes starts a proxy in front of one fake provider at three addresses.
func fakes(t *testing.T, startProxy func(*testing.T, string, []string) *proxy) (*proxy, *node) {
	t.Helper()
	n := &node{asked: map[string]int{}}
	var addresses []string
	for range 3 {
		server := httptest.NewServer(n)
		t.Cleanup(server.Close)
		addresses = append(addresses, server.Listener.Addr().String())
	}
	return startProxy(t, freeAddress(t), addresses), n
}

func (p *proxy) send(t *testing.T, method, path string, body []byte, header http.Header) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.issuer+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	response, err := p.from(t, "127.0.0.7").Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	response.Body.Close()
	return response.StatusCode
}

// What a node has heard and not answered may have been done. A browser's look may be repeated; a site decides about its POST itself.
func TestARequestThatBrokeOffIsRepeatedOnlyIfItMayBe(t *testing.T) {
	behindEach(t, func(t *testing.T, start func(*testing.T, string, []string) *proxy) {
		p, n := fakes(t, start)
		for method, wants := range map[string]struct{ status, times int }{http.MethodGet: {200, 2}, http.MethodPost: {502, 1}} {
			n.mu.Lock()
			n.breaks = true
			n.mu.Unlock()
			if status := p.send(t, method, "/token", map[string][]byte{http.MethodPost: []byte("a=b")}[method], nil); status != wants.status || n.asked[method] != wants.times {
				t.Errorf("%s: %d, sent %d times", method, status, n.asked[method])
			}
		}
	})
}

func TestTheLargestBodiesPassTheProxyAndLargerOnesDoNot(t *testing.T) {
	const handoff = (5<<20)*4/3 + 64<<10 // the default limit, encrypted
	behindEach(t, func(t *testing.T, start func(*testing.T, string, []string) *proxy) {
		p, n := fakes(t, start)
		for _, c := range []struct {
			path   string
			length int
			passes bool
		}{
			{"/phone/scans", 4 << 20, true},
			{"/phone/scans/abc/handoff", handoff, true},
			{"/phone/scans/abc/handoff", 9 << 20, false},
			{"/register", 64 << 10, true},
			{"/token", 1 << 20, false},
		} {
			if !c.passes && strings.HasSuffix(t.Name(), "/caddy") { // the provider refuses it
				continue
			}
			n.length = 0
			status := p.send(t, http.MethodPost, c.path, make([]byte, c.length), nil)
			if passed := status == 200 && n.length == c.length; passed != c.passes || status >= 500 {
				t.Errorf("%d bytes to %s: %d, %d arrived", c.length, c.path, status, n.length)
			}
		}
	})
}

func TestTheProxySaysWhereABrowserIsWhateverItClaims(t *testing.T) {
	behindEach(t, func(t *testing.T, start func(*testing.T, string, []string) *proxy) {
		p, n := fakes(t, start)
		long := strings.Repeat("a", 11<<10) // a passkey's answer: 8 KB in base64
		p.send(t, http.MethodGet, "/jwks?secret-query", nil, http.Header{
			"X-Forwarded-For": {"203.0.113.9"}, "Authorization": {"Bearer " + long}})
		if n.last == nil {
			t.Fatal("nothing arrived")
		}
		if got := n.last.Header.Values("X-Forwarded-For"); len(got) != 1 || got[0] != "127.0.0.7" {
			t.Errorf("X-Forwarded-For: %v", got)
		}
		if host := n.last.Host; "http://"+host != p.issuer && "https://"+host != p.issuer {
			t.Errorf("Host: %s", host)
		}
		if n.last.Header.Get("Authorization") != "Bearer "+long {
			t.Error("a long header does not arrive")
		}
		if n.last.RequestURI != "/jwks?secret-query" {
			t.Errorf("it arrives as %s", n.last.RequestURI)
		}
		if strings.Contains(p.logs(), "secret-query") {
			t.Errorf("a query is logged:\n%s", p.logs())
		}
	})
}

// seconds is a setting of nginx or Caddy, such as "proxy_read_timeout 60s".
func seconds(t *testing.T, file, setting string) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^\s*` + setting + `\s+(\d+)s\b`).FindStringSubmatch(read(t, file))
	if found == nil {
		t.Fatalf("%s has no %s in seconds", file, setting)
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// The longest poll takes 25 s, and what it asks of the stores some more. Idle connections end at the proxy first.
func TestProxiesWaitLongerThanTheLongestPoll(t *testing.T) {
	const longest, idle = 25, 120
	for _, c := range []struct{ file, setting string }{
		{"deploy/nginx/qrlogin.inc", "proxy_read_timeout"},
		{"deploy/caddy/Caddyfile", "response_header_timeout"},
	} {
		if n := seconds(t, c.file, c.setting); n < longest+15 {
			t.Errorf("%s: %s is %d s", c.file, c.setting, n)
		}
	}
	if n := seconds(t, "deploy/caddy/Caddyfile", "keepalive"); n >= idle {
		t.Errorf("Caddy keeps idle connections for %d s, and the provider for %d", n, idle)
	}
}

// nodes starts providers on one store and one database, which trust the proxy at 127.0.0.1 alone.
func nodes(t *testing.T, issuer string, env ...string) (addresses []string, running []*process) {
	t.Helper()
	i := built(t)
	for range 3 {
		address := freeAddress(t)
		command := exec.Command(i.binary(), "serve")
		command.Env = append(append(os.Environ(), env...), "QRLOGIN_LISTEN="+address, "QRLOGIN_ISSUER="+issuer, "QRLOGIN_TRUSTED_PROXIES=127.0.0.1")
		addresses, running = append(addresses, address), append(running, start(t, command))
	}
	for k, p := range running {
		p.answers(t, addresses[k])
	}
	return addresses, running
}

// A busy site's moment: people at every stage of a login while one node is stopped and another one dies.
func TestNoLoginIsLostWhenNodesStopAndDieBehindAProxy(t *testing.T) {
	if redis == "" {
		return
	}
	behindEach(t, func(t *testing.T, startProxy func(*testing.T, string, []string) *proxy) {
		folder := t.TempDir()
		var env []string
		if strings.HasSuffix(t.Name(), "/compose") && postgres != "" {
			env = composedStores(t)
		} else {
			store, stop, err := testenv.Redis(redis)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			env = []string{"QRLOGIN_STORE=" + store, "QRLOGIN_DATA=" + filepath.Join(folder, "data")}
		}
		env = append(env, "QRLOGIN_SMS=file:"+filepath.Join(folder, "sms"))
		listen := freeAddress(t)
		issuer := "https://login.example"
		if !strings.HasSuffix(t.Name(), "/nginx") {
			issuer = "http://localhost:" + port(listen)
		}
		addresses, running := nodes(t, issuer, env...)
		p := startProxy(t, listen, addresses)
		if strings.HasSuffix(t.Name(), "/caddy") {
			goesOn(t, p, running, filepath.Join(folder, "sms"), env)
			return
		}
		losesNothing(t, p, running, filepath.Join(folder, "sms"), env)
	})
}

// people is a site whose pages are at 127.0.0.7, and a phone at 127.0.0.9.
func (p *proxy) people(t *testing.T, sms string, env []string) (*site, *phone.Phone) {
	t.Helper()
	add := exec.Command(built(t).binary())
	add.Env = append(os.Environ(), env...)
	return addClient(t, add, p.from(t, "127.0.0.7"), p.issuer), enroll(t, p.from(t, "127.0.0.9"), p.issuer, "+8613800138000", "", fileText(sms))
}

// losesNothing has six people log in while two of three nodes end, and looks at what each of them is told.
func losesNothing(t *testing.T, p *proxy, running []*process, sms string, env []string) {
	t.Helper()
	s, holder := p.people(t, sms, env)

	const people = 6
	var logins, bystanders []*login
	var claims []*phone.Claim
	seen := make(chan error, 2*people)
	watches := func(l *login, after int, until ...string) {
		go func() { // as a page does, which takes no error lightly
			for {
				v, err := l.watch(after, nil)
				if err != nil {
					seen <- err
					return
				}
				for _, state := range until {
					if v.State == state {
						seen <- nil
						return
					}
				}
				after = v.Version
			}
		}()
	}
	for range people {
		l := s.begin()
		v := l.seen(http.Header{"X-Forwarded-For": {"203.0.113.9"}})
		claim, err := holder.Scan(t.Context(), v.Frames[0].Code)
		if err != nil {
			t.Fatal(err)
		}
		if got := *claim.Consent.Browser.Address; got != "127.0.0.7" {
			t.Errorf("the phone is told that the page is at %s", got)
		}
		logins, claims = append(logins, l), append(claims, claim)
		watches(l, v.Version, "approved", "redeemed", "done")

		late := s.begin()
		bystanders = append(bystanders, late)
		watches(late, late.seen(nil).Version, "claimed", "scanned")
	}
	time.Sleep(300 * time.Millisecond) // until they wait; nothing fails if they do not yet
	end := func(p *process, with syscall.Signal) {
		if err := p.Process.Signal(with); err != nil {
			t.Fatal(err)
		}
		<-p.done
	}
	end(running[0], syscall.SIGTERM)

	tokens := make(chan string, people)
	for _, l := range logins {
		go func() { // as a site does: what broke off is asked again
			for range 20 {
				token, status, err := l.redeem(25)
				if status == http.StatusOK && err == nil {
					tokens <- token
					return
				}
				if status != http.StatusBadGateway {
					t.Errorf("a site is answered %d: %v", status, err)
					break
				}
			}
			tokens <- ""
		}()
	}
	time.Sleep(300 * time.Millisecond)
	end(running[1], syscall.SIGKILL)

	for _, claim := range claims {
		if _, err := holder.Approve(t.Context(), claim, phone.Approval{}); err != nil {
			t.Fatal(err)
		}
	}
	given := map[string]bool{}
	for range people {
		token := <-tokens
		if token == "" || given[token] {
			t.Errorf("a login ended with the token %q", token)
		}
		given[token] = true
	}
	for _, l := range bystanders {
		v := l.seen(nil)
		if _, err := holder.Scan(t.Context(), v.Frames[0].Code); err != nil {
			t.Error(err)
		}
	}
	for range 2 * people {
		if err := <-seen; err != nil {
			t.Errorf("a page is answered: %v", err)
		}
	}
	for _, l := range logins {
		if logs := p.logs(); strings.Contains(logs, l.Challenge) || strings.Contains(logs, l.Watch) {
			t.Errorf("the proxy's log has a challenge:\n%s", logs)
			break
		}
	}
}

// goesOn has a page wait at Caddy while nodes end, which is told of what happens then without an error. What others send is answered once
// Caddy has seen that they ended.
func goesOn(t *testing.T, p *proxy, running []*process, sms string, env []string) {
	t.Helper()
	s, holder := p.people(t, sms, env)
	const pages = 6
	var logins []*login
	seen := make(chan error, pages)
	for range pages {
		l := s.begin()
		v := l.seen(http.Header{"X-Forwarded-For": {"203.0.113.9"}})
		logins = append(logins, l)
		go func() {
			after, err := v.Version, error(nil)
			for v = (view{}); err == nil && v.State != "claimed"; after = v.Version {
				v, err = l.watch(after, nil)
			}
			seen <- err
		}()
	}
	time.Sleep(300 * time.Millisecond) // until they wait
	for k, with := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := running[k].Process.Signal(with); err != nil {
			t.Fatal(err)
		}
		<-running[k].done
	}
	for well := 0; well < 6; { // one node is left, and Caddy knows
		switch status := p.send(t, http.MethodPost, "/token", []byte("a=b"), nil); status {
		case http.StatusBadGateway:
			well = 0
			time.Sleep(50 * time.Millisecond)
		default:
			well++
		}
	}
	for _, l := range logins {
		claim, err := holder.Scan(t.Context(), l.seen(nil).Frames[0].Code)
		if err != nil {
			t.Fatal(err)
		}
		if got := *claim.Consent.Browser.Address; got != "127.0.0.7" {
			t.Errorf("the phone is told that the page is at %s", got)
		}
		if err := <-seen; err != nil {
			t.Errorf("a page is answered: %v", err)
		}
		if _, err := holder.Approve(t.Context(), claim, phone.Approval{}); err != nil {
			t.Fatal(err)
		}
		if token, status, err := l.redeem(5); err != nil || token == "" {
			t.Errorf("a site is answered %d: %v", status, err)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

// output is a terminal that a test may look at while the program writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// emptyTemp gives the program a folder for temporary files; at the end of the test nothing may be left in it.
func emptyTemp(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Cleanup(func() {
		left, err := os.ReadDir(folder)
		if err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

func TestPlayIsAWholeLogin(t *testing.T) {
	for _, args := range [][]string{
		{"--play"}, {"--play", "--nodes=2"}, {"--play", "--store=miniredis"}, {"--play", "--nodes=2", "--store=miniredis"},
		{"--play", "--policy=strict"}, {"--play", "--policy=strict", "--nodes=2"}, {"--play", "--policy=relaxed"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			emptyTemp(t)
			var out, errOut output
			if status := run(t.Context(), args, nil, &out, &errOut); status != statusDone {
				t.Fatalf("status %d\n%s\n%s", status, out.String(), errOut.String())
			}
			if !strings.Contains(out.String(), "browser: is logged in; the page shows the account of +8613800138000") {
				t.Errorf("it says\n%s", out.String())
			}
			if asked := strings.Contains(out.String(), "browser: asks for the digits"); asked != slices.Contains(args, "--policy=strict") {
				t.Errorf("digits: %t; it says\n%s", asked, out.String())
			}
		})
	}
}

func TestPlayFailsWhenItIsInterrupted(t *testing.T) {
	emptyTemp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errOut output
	if status := run(ctx, []string{"--play", "--nodes=2"}, nil, &out, &errOut); status != statusFailed {
		t.Errorf("status %d\n%s", status, out.String())
	}
}

// What a phone calls is answered by the second node, all else by the first.
func TestTheProxyTakesBrowsersToOneNodeAndPhonesToTheOther(t *testing.T) {
	var nodes [2]*url.URL
	for i := range nodes {
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, i, " ", r.Host, r.URL, r.Header["X-Forwarded-For"])
		}))
		defer node.Close()
		nodes[i], _ = url.Parse(node.URL)
	}
	proxy := httptest.NewServer(split(nodes[0], nodes[1]))
	defer proxy.Close()
	host := strings.TrimPrefix(proxy.URL, "http://")
	for path, node := range map[string]string{
		"/phone/scans": "1", "/phone/account?x=1": "1", "/challenges/A?after=1": "0", "/token": "0", "/device_authorization": "0", "/phones": "0", "/": "0",
	} {
		req, _ := http.NewRequest(http.MethodGet, proxy.URL+path, nil)
		req.Header.Set("X-Forwarded-For", "203.0.113.7") // a lie that no node may see
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := node + " " + host + path + " []"; string(body) != want {
			t.Errorf("%s: %s, want %s", path, body, want)
		}
	}
}

func TestPlayFailsUnlessThePageShowsTheAccount(t *testing.T) {
	_, provider, _, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	// A shop that always says that all is well, and shows nobody's account.
	page := `<qr-login ></qr-login> go run ./mobile-sim scan http://x/y.png`
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) }))
	defer shop.Close()
	sms := make(smsConsole, 1)
	sms <- "000000"
	p := &player{demo: &demo{url: shop.URL, issuer: provider}, out: &output{}, sms: sms}
	if err := p.play(t.Context()); err == nil || !strings.Contains(err.Error(), "phone: ") {
		t.Errorf("a wrong SMS code: %v", err)
	}
	p.phone = &phone.Phone{}
	if _, err := p.openLoginPage(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, page = range []string{"", "<html>", `action="/logout"`, `action="/logout" https://elsewhere.example`} {
		if err := p.openAccountPage(t.Context(), "/account"); err == nil {
			t.Errorf("%q is taken for the account page", page)
		}
	}
}

// running starts the demo and returns the addresses that it says; stop ends it and returns its status.
func running(t *testing.T, args ...string) (shop, provider string, out *output, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	out = &output{}
	var errOut output
	status := make(chan int, 1)
	go func() { status <- run(ctx, args, nil, out, &errOut) }()
	says := regexp.MustCompile(`The shop +(https?://\S+)\s+The provider +(https?://\S+)`)
	for {
		if found := says.FindStringSubmatch(out.String()); found != nil {
			return found[1], found[2], out, func() int { cancel(); return <-status }
		}
		select {
		case got := <-status:
			t.Fatalf("status %d: %s", got, errOut.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestTheIssuerFollowsTheProvidersPort(t *testing.T) {
	emptyTemp(t)
	_, provider, out, stop := running(t, "--listen=localhost:0", "--provider-listen=127.0.0.1:0")
	resp, err := http.Get(provider + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	resp.Body.Close()
	if !strings.Contains(b.String(), `"issuer":"`+provider+`"`) || strings.HasSuffix(provider, ":9000") {
		t.Errorf("%s says %s", provider, b.String())
	}
	if !strings.Contains(out.String(), "go run ./mobile-sim enroll --provider "+provider+" --phone +8613800138000") {
		t.Errorf("it says\n%s", out.String())
	}
	if got := stop(); got != statusDone {
		t.Errorf("status %d", got)
	}
}

// A page that waits is answered when the demo stops; nothing is dropped.
func TestStoppingAnswersThosePagesThatWait(t *testing.T) {
	for _, nodes := range []string{"--nodes=1", "--nodes=2"} {
		emptyTemp(t)
		shop, provider, _, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0", nodes)
		jar, _ := cookiejar.New(nil)
		p := &player{demo: &demo{url: shop, issuer: provider}, out: &output{}, browser: &http.Client{Jar: jar}}
		c, err := p.startChallenge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		version, err := p.watch(t.Context(), c, 0, "pending")
		if err != nil {
			t.Fatal(err)
		}
		answers := make(chan error, 2)
		go func() {
			_, err := p.call(t.Context(), http.MethodPost, shop+"/login/finish", nil)
			answers <- err
		}()
		go func() {
			_, err := p.watch(t.Context(), c, version, "pending")
			answers <- err
		}()
		time.Sleep(time.Second) // both are under way
		began := time.Now()
		if got := stop(); got != statusDone {
			t.Errorf("status %d", got)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("stopping took %v", took)
		}
		for range 2 {
			if err := <-answers; err != nil {
				t.Errorf("%s: a waiting page got %v", nodes, err)
			}
		}
	}
}

func TestAccountsAreKeptInTheFolder(t *testing.T) {
	emptyTemp(t)
	folder := t.TempDir()
	for range 2 {
		_, _, _, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0", "--data="+folder)
		if got := stop(); got != statusDone {
			t.Fatalf("status %d", got)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "shop.db")); err != nil {
		t.Error(err)
	}
}

// The same shop against a provider that is not its own.
func TestAProviderSomewhereElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	issuer, secret := localURL(l), randomSecret()
	shopListener, err := net.Listen("tcp", "localhost:0") // a port for the shop, to register it by
	if err != nil {
		t.Fatal(err)
	}
	shop := localURL(shopListener)
	shopListener.Close()
	sms := make(smsConsole, 1)
	provider, err := app.New(t.Context(), app.Config{
		Issuer: issuer, Console: sms, Log: logger(&output{}, false),
		Clients: []app.Client{{ID: "elsewhere", Secret: secret, Name: "Elsewhere", Origins: []string{shop}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- provider.Serve(ctx, l) }()
	defer func() { cancel(); <-served }()

	t.Setenv("RELYINGPARTY_DEMO_CLIENT_SECRET", secret)
	_, says, _, stop := running(t, "--listen="+strings.TrimPrefix(shop, "http://"), "--provider="+issuer, "--client-id=elsewhere")
	defer stop()
	if says != issuer {
		t.Errorf("the provider is said to be %s", says)
	}
	p := &player{demo: &demo{url: shop, issuer: issuer}, out: &output{}, sms: sms}
	if err := p.play(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongIsSaidInOneLine(t *testing.T) {
	busy, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := strings.TrimPrefix(localURL(busy), "http://")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		status int
		says   string
		args   []string
	}{
		{statusFailed, "the shop cannot listen on " + port + ": the port is in use; choose another with --listen", []string{"--listen=" + port}},
		{statusFailed, "the provider cannot listen on " + port + ": the port is in use; choose another with --provider-listen", []string{"--listen=localhost:0", "--provider-listen=" + port}},
		{statusFailed, "the shop cannot listen on nonsense", []string{"--listen=nonsense"}},
		{statusFailed, "--data=" + file + " is not a folder", []string{"--data=" + file}},
		{statusFailed, "--data=" + file + "-missing is not a folder", []string{"--data=" + file + "-missing"}},
		{statusFailed, "store", []string{"--listen=localhost:0", "--provider-listen=localhost:0", "--store=nonsense"}},
		{statusFailed, "must be https", []string{"--listen=localhost:0", "--provider=http://id.example", "--client-id=x", "--client-secret=y"}},
		{statusUsage, "--provider needs --client-id", []string{"--provider=https://id.example"}},
		{statusUsage, "--client-id and --client-secret are for a --provider", []string{"--client-id=x"}},
		{statusUsage, "--provider replaces it", []string{"--provider=https://id.example", "--client-id=x", "--client-secret=y", "--nodes=2"}},
		{statusUsage, "--provider replaces it", []string{"--provider=https://id.example", "--client-id=x", "--client-secret=y", "--policy=strict"}},
		{statusUsage, "--policy must be one of", []string{"--policy=lax"}},
		{statusUsage, "--lan serves both", []string{"--lan", "--play"}},
		{statusUsage, "--lan serves both", []string{"--lan=192.168.1.20", "--url=https://shop.example"}},
		{statusUsage, "--lan serves both", []string{"--lan", "--provider=https://id.example", "--client-id=x", "--client-secret=y"}},
		{statusFailed, "--lan=https://here is neither an address nor a name", []string{"--lan=https://here"}},
		{statusUsage, "--nodes is 1 or 2", []string{"--nodes=3"}},
		{statusUsage, "cannot be shared by two nodes", []string{"--nodes=2", "--store=nonsense"}},
		{statusUsage, "--play starts everything itself", []string{"--play", "--data=" + file}},
		{statusUsage, "unknown flag --nonsense", []string{"--nonsense"}},
		{statusUsage, "unexpected argument", []string{"serve"}},
	} {
		var out, errOut output
		status := run(t.Context(), test.args, nil, &out, &errOut)
		first, rest, _ := strings.Cut(errOut.String(), "\n")
		if status != test.status || !strings.Contains(first, test.says) || strings.Contains(strings.TrimSuffix(rest, "Try: relyingparty-demo --help\n"), "\n") {
			t.Errorf("%v: status %d, says %q", test.args, status, errOut.String())
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	var out, errOut output
	if status := run(t.Context(), []string{"--help"}, nil, &out, &errOut); status != statusDone || errOut.String() != "" {
		t.Errorf("status %d, %s", status, errOut.String())
	}
	for _, want := range []string{"--play", "--nodes", "--lan", "--provider-listen", "RELYINGPARTY_DEMO_DATA", "RELYINGPARTY_DEMO_POLICY", "RELYINGPARTY_DEMO_CLIENT_SECRET", "Examples:", "Exit status:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help lacks %s", want)
		}
	}
}

// What the provider's own page shows of an order has gone to it beforehand.
func TestTheProvidersPageShowsTheOrderThatTheShopHasPushed(t *testing.T) {
	emptyTemp(t)
	shop, provider, _, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Jar: jar}).Get(shop + "/buy/here?piece=vase")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Request.URL.String(), provider) || !strings.Contains(string(page), "Kiln Lane") {
		t.Errorf("%d at %s, %v: %s", resp.StatusCode, resp.Request.URL, err, page)
	}
}

package sites

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
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

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

var chromium string

// TestMain looks for the browser; see lacks for what happens without one.
func TestMain(m *testing.M) {
	_ = os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // where Debian has servers
	if !lacks("all recipes", []string{"chromium"}) {
		chromium = "chromium"
	}
	os.Exit(m.Run())
}

// lacks tells whether a program, or a file by its path, is missing that a recipe needs. A line says so; where
// QRLOGIN_REQUIRE=all says that every part must be there, the test run ends as failed.
func lacks(recipe string, programs []string) bool {
	for _, program := range programs {
		_, err := exec.LookPath(program)
		if found, _ := filepath.Glob(program); len(found) > 0 {
			err = nil
		}
		if err == nil {
			continue
		}
		if os.Getenv("QRLOGIN_REQUIRE") == "all" {
			fmt.Fprintf(os.Stderr, "QRLOGIN_REQUIRE=all, and %s is not installed\n", program)
			os.Exit(1)
		}
		fmt.Printf("left out: %s; %s is not installed\n", recipe, program)
		return true
	}
	return false
}

const phoneNumber = "+8613912345678"

// world is a provider with one phone, and one browser.
type world struct {
	issuer   string
	registry *app.Registry
	phone    *phone.Phone
	browser  context.Context

	mu       sync.Mutex
	idTokens map[string]string // the newest of each client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{issuer: "http://localhost:" + portOf(listener), idTokens: map[string]string{}}
	data, console := t.TempDir(), &lockedBuffer{}
	provider, err := app.New(t.Context(), app.Config{
		Issuer: w.issuer, Data: data, Console: console, Log: slog.New(slog.DiscardHandler), AllowPrivateNetworks: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.registry, err = app.OpenRegistry(t.Context(), app.Config{Data: data}); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w.noting(provider.Handler())}
	go server.Serve(listener)
	t.Cleanup(func() {
		server.Close()
		if err := errors.Join(w.registry.Close(), provider.Close()); err != nil {
			t.Error(err)
		}
	})
	w.phone, err = phone.Enroll(t.Context(), phone.Enrollment{
		Provider: w.issuer, Number: phoneNumber, Name: "Test phone",
		Code: func(context.Context) (string, error) { return smsCode.FindStringSubmatch(console.String())[1], nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.startBrowser(t)
	return w
}

var smsCode = regexp.MustCompile(`code is (\d{6})`)

// noting keeps the ID tokens that sites are given, so that a test knows what they should show.
func (w *world) noting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			next.ServeHTTP(rw, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		var tokens struct {
			IDToken string `json:"id_token"`
		}
		if json.Unmarshal(answer.Body.Bytes(), &tokens) == nil && tokens.IDToken != "" {
			if id, err := jwt.ParseSigned(tokens.IDToken, []jose.SignatureAlgorithm{jose.ES256}); err == nil {
				var claims jwt.Claims
				_ = id.UnsafeClaimsWithoutVerification(&claims)
				w.mu.Lock()
				w.idTokens[claims.Audience[0]] = tokens.IDToken
				w.mu.Unlock()
			}
		}
		maps.Copy(rw.Header(), answer.Header())
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(answer.Body.Bytes())
	})
}

// subject is the sub of the ID token that a site was given.
func (w *world) subject(t *testing.T, client string) string {
	t.Helper()
	w.mu.Lock()
	raw := w.idTokens[client]
	w.mu.Unlock()
	provider, err := oidc.NewProvider(t.Context(), w.issuer)
	if err != nil {
		t.Fatal(err)
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: client}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatalf("the ID token of %s: %v", client, err)
	}
	return id.Subject
}

// site is a recipe that runs.
type site struct {
	t            *testing.T
	world        *world
	folder, temp string
	id, name     string
	base, port   string
	env          []string
	log          string
	told         bool // of logins that end
}

// site registers a site as the recipe's README says, on a free port, and makes the recipe's environment.
func (w *world) site(t *testing.T, folder string) *site {
	t.Helper()
	s := &site{t: t, world: w, folder: folder, temp: t.TempDir(), id: folder, port: freePort(t)}
	s.base, s.log = "http://localhost:"+s.port, filepath.Join(s.temp, "log")
	t.Cleanup(func() {
		if said, _ := os.ReadFile(s.log); t.Failed() {
			t.Logf("the site's log:\n%s", said)
		}
	})
	client := app.Client{ID: s.id, Sector: folder + ".example"} // in a test they are all of one host
	for flag, values := range s.registration() {
		for i, v := range values {
			values[i] = strings.Replace(v, "https://site.example", s.base, 1)
		}
		switch flag {
		case "id": // each has its own
		case "name":
			client.Name = values[0]
		case "redirect-uri":
			client.RedirectURIs = values
		case "post-logout-redirect-uri":
			client.PostLogoutRedirectURIs = values
		case "backchannel-logout-uri":
			client.BackchannelLogoutURI, s.told = values[0], true
		default:
			t.Fatalf("the README registers with --%s, which this test does not know", flag)
		}
	}
	s.name = client.Name
	secret, err := w.registry.Add(t.Context(), client, false)
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(os.Environ(), "ISSUER="+w.issuer, "CLIENT_ID="+s.id, "CLIENT_SECRET="+secret, "SITE="+s.base, "PORT="+s.port)
	return s
}

var option = regexp.MustCompile(`--([a-z-]+)=(?:"([^"]*)"|(\S+))`)

// registration is the flags of `provider client add` in the recipe's README.
func (s *site) registration() map[string][]string {
	s.t.Helper()
	_, command, found := strings.Cut(strings.ReplaceAll(s.readme(), "\\\n", ""), "\n    provider client add ")
	if !found {
		s.t.Fatalf("%s/README.md registers no site", s.folder)
	}
	command, _, _ = strings.Cut(command, "\n")
	flags := map[string][]string{}
	for _, found := range option.FindAllStringSubmatch(command, -1) {
		flags[found[1]] = append(flags[found[1]], found[2]+found[3])
	}
	return flags
}

func (s *site) readme() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, "README.md"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// run runs a command of the recipe to its end.
func (s *site) run(name string, args ...string) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), name, args...)
	command.Dir, command.Env = s.folder, s.env
	if out, err := command.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

// serve starts a server of the recipe, which ends with the test, and waits until the site answers.
func (s *site) serve(name string, args ...string) {
	s.t.Helper()
	s.start(name, args...)
	s.listening(s.port)
}

func (s *site) start(name string, args ...string) {
	s.t.Helper()
	output, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.Command(name, args...)
	command.Dir, command.Env, command.Stdout, command.Stderr = s.folder, s.env, output, output
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Apache ends by a signal to all of its group
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // it may have processes of its own to end
		_ = command.Wait()
		_ = output.Close()
	})
}

func (s *site) listening(port string) {
	s.t.Helper()
	eventually(s.t, "the site answers on port "+port, func() bool {
		conn, err := net.Dial("tcp", "localhost:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// public is a folder that a server may read which gives up root's rights.
func (s *site) public() string {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "site-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// startBrowser starts the one Chromium, in which each site has a profile of its own.
func (w *world) startBrowser(t *testing.T) {
	t.Helper()
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // Chromium's own sandbox does not start as root
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	)...)
	t.Cleanup(stop)
	var cancel context.CancelFunc
	w.browser, cancel = chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(w.browser); err != nil {
		t.Fatal(err)
	}
}

// window is a window of the browser, with cookies of its own.
type window struct {
	t   *testing.T
	ctx context.Context
}

func (w *world) openWindow(t *testing.T) *window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(w.browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &window{t, ctx}
	b.do(chromedp.EmulateViewport(1200, 760))
	return b
}

func (b *window) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// await waits until a JavaScript expression is true in the page, or in the one that it goes to.
func (b *window) await(expression string) {
	b.t.Helper()
	eventually(b.t, expression, func() bool { return b.is(expression) }, b.text)
}

// is tells whether an expression is true now; it is not while the window is between two pages.
func (b *window) is(expression string) bool {
	holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
	return err == nil && holds
}

func (b *window) text() string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// press presses a link or a button that leads away: a click as an event of its own would wait for a page that is gone.
func (b *window) press(text string) {
	b.t.Helper()
	click := fmt.Sprintf("[...document.querySelectorAll('a, button')].find(e => e.innerText === %q).click() ?? true", text)
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](click)); err != nil {
		b.t.Fatal(err)
	}
}

// scanScreen points the phone at the screen: the code is read from the screenshot, as a camera would.
func (b *window) scanScreen(p *phone.Phone) (claim *phone.Claim) {
	b.t.Helper()
	eventually(b.t, "a code is on the screen", func() bool {
		shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := phone.ReadPicture(bytes.NewReader(shot.Data))
		if err != nil {
			return false
		}
		if claim, err = p.Scan(b.t.Context(), text); err != nil {
			b.t.Fatal(err)
		}
		if folder := os.Getenv("QRLOGIN_PICTURES"); folder != "" && strings.HasSuffix(b.t.Name(), "/apache") { // for the README
			if err := os.WriteFile(filepath.Join(folder, "hosted.png"), shot.Data, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
		return true
	})
	return claim
}

// eventually waits for what happens in another process. details may say how things are when it does not.
func eventually(t *testing.T, what string, holds func() bool, details ...func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			for _, d := range details {
				t.Log(d())
			}
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// freePort is one on which nobody listens, nor will until the site does: it lies below those that Linux gives to others.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20_000 + rand.IntN(12_000))
		if listener, err := net.Listen("tcp", ":"+port); err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

func portOf(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }

// lockedBuffer is a bytes.Buffer that several goroutines may use.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

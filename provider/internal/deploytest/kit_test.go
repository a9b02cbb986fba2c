package deploytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/internal/testenv"
)

// root is the top of the repository, from here.
const root = "../../.."

// What tests start; "" is not installed, and its tests are left out.
var redis, postgres, nginx, caddy, analyze string

var isRoot = os.Geteuid() == 0

func TestMain(m *testing.M) {
	_ = os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // where Debian has servers
	redis, _ = testenv.Require("redis-server", "valkey-server")
	postgres, _ = testenv.Require(testenv.PostgresPrograms()...)
	nginx, _ = testenv.Require("nginx")
	caddy, _ = testenv.Require("caddy")
	analyze, _ = testenv.Require("systemd-analyze")
	if !isRoot {
		if os.Getenv("QRLOGIN_REQUIRE") == "all" {
			fmt.Fprintln(os.Stderr, "QRLOGIN_REQUIRE=all, and the tests do not run as root, which chroot takes")
			os.Exit(1)
		}
		fmt.Println("left out: running the binary in the image's root filesystem; chroot takes root")
	}
	status := m.Run()
	for _, f := range atTheEnd {
		f()
	}
	os.Exit(status)
}

var atTheEnd []func() // after all tests

// read is a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// process is a program that a test has started.
type process struct {
	*exec.Cmd
	log  *testenv.Buffer
	done chan struct{} // closed at its end
	err  error         // then
}

// start runs a program until the test ends. Its output is shown if the test fails.
func start(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: command, log: &testenv.Buffer{}, done: make(chan struct{})}
	command.Stdout, command.Stderr = p.log, p.log
	command.WaitDelay = 5 * time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = command.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // nginx has workers to end
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			_ = command.Process.Kill()
			<-p.done
		}
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(command.Path), p.log)
		}
	})
	return p
}

// answers waits until something listens there.
func (p *process) answers(t *testing.T, address string) {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-p.done:
			t.Fatalf("%v ended: %v\n%s", p.Cmd, p.err, p.log)
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// freeAddress is one where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// site is a client of a provider, over HTTP.
type site struct {
	t          *testing.T
	http       *http.Client
	issuer     string
	id, secret string
}

// login is one that a browser has begun.
type login struct {
	*site
	Device    string `json:"device_code"`
	Challenge string `json:"challenge_id"`
	Watch     string `json:"watch"`
}

type view struct {
	State   string
	Version int
	Frames  []struct{ Code string }
}

// post sends a form and reads JSON. It answers the status, 0 where there was no answer.
func (s *site) post(path string, header http.Header, form url.Values, into any) (int, error) {
	r, err := http.NewRequest(http.MethodPost, s.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.id, s.secret)
	return s.do(r, into)
}

func (s *site) do(r *http.Request, into any) (int, error) {
	response, err := s.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %s: %w\n%s", r.Method, r.URL.Path, response.Status, err, body)
	}
	return response.StatusCode, err
}

func (s *site) begin() *login {
	s.t.Helper()
	l := &login{site: s}
	if status, err := s.post("/device_authorization", nil, url.Values{"scope": {"openid"}}, l); err != nil || status != http.StatusOK {
		s.t.Fatal(status, err)
	}
	return l
}

// watch looks at the challenge as its page does, which waits for what comes after a version.
func (l *login) watch(after int, header http.Header) (v view, err error) {
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/challenges/%s?after=%d", l.issuer, l.Challenge, after), nil)
	if err != nil {
		return v, err
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("Authorization", "Bearer "+l.Watch)
	r.Header.Set("User-Agent", "Browser/1.0")
	status, err := l.do(r, &v)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("watch: %d", status)
	}
	return v, err
}

// seen is the challenge at once, with the code that its page shows.
func (l *login) seen(header http.Header) view {
	l.t.Helper()
	v, err := l.watch(0, header)
	if err == nil && len(v.Frames) == 0 {
		err = errors.New("no code is shown")
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

// redeem asks for the tokens, and waits for them.
func (l *login) redeem(wait int) (idToken string, status int, err error) {
	var answer struct {
		IDToken string `json:"id_token"`
	}
	status, err = l.post("/token", http.Header{"Prefer": {fmt.Sprintf("wait=%d", wait)}},
		url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {l.Device}}, &answer)
	return answer.IDToken, status, err
}

// whole is a login from its begin to its end; the phone has scanned what the page shows.
func (s *site) whole(p *phone.Phone) {
	s.t.Helper()
	l := s.begin()
	claim, err := p.Scan(s.t.Context(), l.seen(nil).Frames[0].Code)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := p.Approve(s.t.Context(), claim, phone.Approval{}); err != nil {
		s.t.Fatal(err)
	}
	if token, status, err := l.redeem(5); err != nil || token == "" {
		s.t.Fatal(status, err)
	}
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// enroll makes a phone, which reads its code where --sms=file: or the console puts it.
func enroll(t *testing.T, client *http.Client, issuer, number, home string, sent func() string) *phone.Phone {
	t.Helper()
	p, err := phone.Enroll(t.Context(), phone.Enrollment{Provider: issuer, Number: number, Name: "Test phone", HTTP: client, Home: home,
		Code: func(context.Context) (string, error) { return sixDigits.FindString(sent()), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fileText(path string) func() string {
	return func() string { content, _ := os.ReadFile(path); return string(content) }
}

// addClient registers a site by the command line, and answers it.
func addClient(t *testing.T, command *exec.Cmd, client *http.Client, issuer string) *site {
	t.Helper()
	command.Args = append(command.Args, "client", "add", "--id=shop", "--name=Shop", "--json")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v %s", command, err, out)
	}
	var added struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(out, &added); err != nil {
		t.Fatal(err)
	}
	return &site{t: t, http: client, issuer: issuer, id: "shop", secret: added.Secret}
}

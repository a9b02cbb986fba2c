package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"qrlogin/provider/app"
	"qrlogin/provider/internal/testenv"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"provider": func() {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

func TestTheCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			busy, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Defer(func() { busy.Close() })
			e.Setenv("BUSY", busy.Addr().String())
			// A folder that a server has run on.
			served, err := app.New(t.Context(), app.Config{
				Issuer: "http://localhost:9000", Data: filepath.Join(e.WorkDir, "served"), Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				return err
			}
			return served.Close()
		},
	})
}

// startProvider runs the real binary on a free port and waits until it answers.
func startProvider(t *testing.T, data string, flags ...string) (issuer string, command *exec.Cmd, log *bufio.Reader) {
	t.Helper()
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	issuer = "http://" + address
	binary := filepath.Join(t.TempDir(), "provider")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the image's, so that it is compiled once for all tests
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	command = exec.Command(binary, append([]string{"serve", "--issuer", issuer, "--listen", address, "--data", data, "--log-format=json"}, flags...)...)
	output, input := io.Pipe()
	command.Stderr = input
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = input.Close() })
	log = bufio.NewReader(output)
	for {
		line, err := log.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, `"msg":"serving"`) {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return issuer, command, log
}

func deviceAuthorization(t *testing.T, issuer, client, secret string) (int, map[string]any) {
	t.Helper()
	response, err := http.PostForm(issuer+"/device_authorization", url.Values{"client_id": {client}, "client_secret": {secret}, "scope": {"openid"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func TestClientsAreAddedAndRemovedWhileAServerRuns(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	issuer, _, _ := startProvider(t, data)
	var out, errs strings.Builder
	if status := run(t.Context(), []string{"client", "add", "--id=shop", "--data", data, "--json"}, &out, &errs); status != 0 {
		t.Fatal(status, errs.String())
	}
	var added struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out.String()), &added); err != nil {
		t.Fatal(err)
	}
	if status, answer := deviceAuthorization(t, issuer, "shop", added.Secret); status != http.StatusOK {
		t.Errorf("after add: %d %v", status, answer)
	}
	if status := run(t.Context(), []string{"client", "remove", "--id=shop", "--data", data}, &out, &errs); status != 0 {
		t.Fatal(status, errs.String())
	}
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) { // the server may have read it a second ago
		status, answer := deviceAuthorization(t, issuer, "shop", added.Secret)
		if status == http.StatusUnauthorized {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("a minute after remove: %d %v", status, answer)
		}
	}
}

// metrics is what an operator's listener says.
func metrics(t *testing.T, operator string) string {
	t.Helper()
	response, err := http.Get("http://" + operator + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSIGTERMAnswersWaitingBrowsersAndEndsInTime(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	var out, errs strings.Builder
	if status := run(t.Context(), []string{"client", "add", "--id=tv", "--public", "--data", data}, &out, &errs); status != 0 {
		t.Fatal(status, errs.String())
	}
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	operator := fmt.Sprintf("127.0.0.1:%d", port)
	issuer, command, _ := startProvider(t, data, "--operator-listen="+operator)
	const browsers = 20
	answers := make(chan string, browsers)
	for range browsers {
		_, started := deviceAuthorization(t, issuer, "tv", "")
		watch := func(after int) string {
			r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/challenges/%s?after=%d", issuer, started["challenge_id"], after), nil)
			if err != nil {
				return err.Error()
			}
			r.Header.Set("Authorization", "Bearer "+started["watch"].(string))
			r.Header.Set("User-Agent", "Browser/1.0")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				return err.Error()
			}
			defer response.Body.Close()
			var view struct{ State string }
			if err := json.NewDecoder(response.Body).Decode(&view); err != nil {
				return err.Error()
			}
			return view.State
		}
		watch(0)
		go func() { answers <- watch(2) }()
	}
	for began := time.Now(); !strings.Contains(metrics(t, operator), fmt.Sprintf("\nqrlogin_waiting %d\n", browsers)); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("they do not wait")
		}
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	signalled := time.Now()
	for range browsers {
		if state := <-answers; state != "pending" {
			t.Errorf("a waiting browser got %q", state)
		}
	}
	if err := command.Wait(); err != nil {
		t.Errorf("the provider ended with %v", err)
	}
	if took := time.Since(signalled); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

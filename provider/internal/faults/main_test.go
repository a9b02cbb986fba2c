package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qrlogin/provider/internal/testenv"
)

// What the tests start. A test of what is not installed has nothing to run.
var (
	provider, mobileSim, demo string

	redis, chromium string
	postgres        *testenv.PostgresServer // shared by those who do not break it
	postgresProgram string
)

// long is whether the faults last as long, and meet as many people, as docs/faults.md says.
var long = os.Getenv("QRLOGIN_FAULTS") == "long"

// size is a number or a time in the short form and in the long one.
func size[T any](short, whole T) T {
	if long {
		return whole
	}
	return short
}

// patience is until a test that hangs gives up.
const patience = time.Minute

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "faults")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	provider, mobileSim, demo = filepath.Join(folder, "provider"), filepath.Join(folder, "mobile-sim"), filepath.Join(folder, "relyingparty-demo")
	build := exec.Command("go", "build", "-o", folder, "qrlogin/provider", "qrlogin/mobile-sim", "qrlogin/relyingparty-demo")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%s: %v\n%s", build, err, out))
	}
	redis, _ = testenv.Require("redis-server")
	chromium, _ = testenv.Require("chromium", "chromium-browser", "google-chrome")
	if postgresProgram, _ = testenv.Require(testenv.PostgresPrograms()...); postgresProgram != "" {
		if postgres, err = testenv.StartPostgres(postgresProgram); err != nil {
			panic(err)
		}
		defer postgres.Stop()
	}
	status := m.Run()
	table.print()
	return status
}

// begin is the beginning of a test of these parts: it tells whether they are here. The short form has several run at once.
func begin(t *testing.T, parts ...string) bool {
	t.Helper()
	if !long {
		t.Parallel()
	}
	return !slices.Contains(parts, "")
}

// table is the figures of all faults.
var table figures

type figures struct {
	mu    sync.Mutex
	lines []string
}

// add notes a fault's figures. over is when it was, zero for one that stays.
func (f *figures) add(t *testing.T, fault string, r report, over time.Time) {
	t.Helper()
	recovery := "at once"
	if over.IsZero() {
		recovery = "–"
	} else if after := r.doneAfter(over); after >= step {
		recovery = fmt.Sprintf("%.1f s", after.Seconds())
	}
	slowest := r.Latencies["begin to token"]
	line := fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %.1f s | %s | %.1f s / %.1f s |", fault, r.Logins.Asked, r.Logins.Done,
		r.Logins.Failed+r.Logins.Refused, r.Logins.Lost, r.Logins.Doubled+r.Logins.Wrong, r.Timeline.PauseMS/1000, recovery,
		slowest.P50/1000, slowest.Max/1000)
	t.Logf("%s\nerrors %v\nfailures %v", line, r.Errors, r.Failures)
	f.mu.Lock()
	f.lines = append(f.lines, line)
	f.mu.Unlock()
}

func (f *figures) print() {
	if long {
		fmt.Println("| fault | logins | done | not done | lost | doubled | none done for | done again | a login took, median / slowest |\n" +
			"|---|---|---|---|---|---|---|---|---|\n" + strings.Join(f.lines, "\n"))
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// swarmRate is how many logins begin in a second while browsers wait: few enough that what is timed is not the queue before a busy machine.
const swarmRate = 100

// swarmFigures is what one swarm tells in its report.
type swarmFigures struct {
	CPU           float64      // µs for each login
	LoginsASecond float64      //
	RSS           float64      // bytes for each waiting browser
	Site          distribution // from the approval to the tokens
}

// measureSwarms has the subjects take turns, each swarm at a process of its own: what an earlier one left would be measured with it.
func measureSwarms(ctx context.Context, o options, subjects []*subject) (err error) {
	folder, err := os.MkdirTemp("", "qrlogin-bench-swarm")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program := filepath.Join(folder, "mobile-sim")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "qrlogin/mobile-sim") //nolint:gosec // this project's
	build.Env = append(os.Environ(), "CGO_ENABLED=0")                                     // as it is given out
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build mobile-sim: %w\n%s", err, output)
	}
	loose := func(record func(*subject, swarmFigures), args ...string) error {
		return each(subjects, func(s *subject) error {
			f, err := letLoose(ctx, program, s.role, o.SwarmLogins, args)
			if err != nil {
				return fmt.Errorf("swarm %s: %w", strings.Join(args, " "), err)
			}
			record(s, f)
			return nil
		})
	}
	for range o.Rounds {
		for _, n := range o.SwarmConcurrency {
			err := loose(func(s *subject, f swarmFigures) { s.busy[n] = append(s.busy[n], f) }, "--concurrency="+strconv.Itoa(n))
			if err != nil {
				return err
			}
		}
	}
	for _, n := range o.SwarmWaiting {
		err := loose(func(s *subject, f swarmFigures) { s.crowds[n] = f },
			"--waiting="+strconv.Itoa(n), "--waiting-rate=1000", "--rate="+strconv.Itoa(swarmRate))
		if err != nil {
			return err
		}
	}
	return nil
}

// letLoose has a swarm at a new process of a subject's.
func letLoose(ctx context.Context, program, role string, logins int, args []string) (f swarmFigures, err error) {
	s, err := launch(ctx, role)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	command := exec.CommandContext(ctx, program, append([]string{ //nolint:gosec // just built
		"swarm", "--json", "--provider=" + s.issuer, "--codes=" + s.sms(), "--client=" + siteES256, "--check=0",
		"--logins=" + strconv.Itoa(logins), "--pid=" + strconv.Itoa(s.process.Process.Pid),
	}, args...)...)
	command.Env = append(os.Environ(), "MOBILE_SIM_CLIENT_SECRET="+clientSecret)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output() // it fails unless every login is done: none lost, doubled or refused
	if err != nil {
		return f, fmt.Errorf("%w\n%s%s", err, output, stderr.Bytes())
	}
	return readSwarm(output)
}

func readSwarm(output []byte) (f swarmFigures, err error) {
	var report struct {
		LoginsASecond float64 `json:"logins_per_second"`
		Latencies     map[string]struct {
			P50 float64 `json:"p50_ms"`
			P99 float64 `json:"p99_ms"`
		}
		Processes struct {
			CPU float64 `json:"cpu_ms_per_login"`
			RSS float64 `json:"rss_bytes_per_waiting_browser"`
		}
	}
	if err := json.Unmarshal(output, &report); err != nil {
		return f, fmt.Errorf("the swarm's report: %w", err)
	}
	site := report.Latencies["approval to token"]
	duration := func(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
	return swarmFigures{
		CPU: 1000 * report.Processes.CPU, LoginsASecond: report.LoginsASecond, RSS: report.Processes.RSS,
		Site: distribution{Median: duration(site.P50), P99: duration(site.P99)},
	}, nil
}

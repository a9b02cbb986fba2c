package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"qrlogin/provider/internal/testenv"
)

// subjects is every one that this machine can run.
var subjects = roleFloor + "," + roleMemory

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := serve(role, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if _, ok := testenv.Require("redis-server"); ok {
		subjects += "," + roleRedis
	}
	os.Exit(m.Run())
}

// small is a run of a second.
func small(more ...string) []string {
	return append([]string{
		"--subjects=" + subjects, "--logins=20", "--rounds=2", "--concurrency=4", "--waiting=20",
		"--swarm-logins=200", "--swarm-concurrency=2,8", "--swarm-waiting=30",
	}, more...)
}

func TestASmallRunMeasuresEverything(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), small("--json"), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if r.Machine == "" || r.Logins != 20 || r.Rounds != 2 || r.Concurrency != 4 || r.Waiting != 20 || r.SwarmLogins != 200 {
		t.Errorf("the report does not say what was run: %+v", r)
	}
	if got, want := len(r.Subjects), strings.Count(subjects, ",")+1; got != want {
		t.Fatalf("%d subjects and not %d", got, want)
	}
	for _, s := range r.Subjects {
		figures := map[string]float64{
			"to the page, median": s.PageMedian, "to the page, p99": s.PageP99,
			"to the tokens, median": s.SiteMedian, "to the tokens, p99": s.SiteP99,
		}
		if got := len(s.Flows); got != len(flows) {
			t.Fatalf("%d flows and not %d", got, len(flows))
		}
		for i, f := range s.Flows {
			figures[f.Flow+", CPU"], figures[f.Flow+", CPU beside the floor"] = f.CPU, f.CPURatio
			figures[f.Flow+", allocations"], figures[f.Flow+", bytes allocated"] = f.Allocations, f.Allocated
			figures[f.Flow+", bytes answered"], figures[f.Flow+", logins a second"] = f.Answered, f.LoginsASecond
			if s.Subject == roleRedis {
				figures[f.Flow+", round trips"], figures[f.Flow+", commands"] = f.RedisTrips, f.RedisCommands
				// Not the bytes: of twenty browsers they are less than what Redis gives back meanwhile.
				figures[f.Flow+", CPU of Redis"] = f.RedisCPU
			}
			// A login is 16. Now and then a message comes after its waiter has learned of it and waits anew: one read for nothing.
			if !flows[i].hosted && f.RedisTrips > 17 {
				t.Errorf("%s: %v round trips to Redis for each login", f.Flow, f.RedisTrips)
			}
			// Without this, the floor would not be the same work.
			if floor := r.Subjects[0].Flows[i].Answered; math.Abs(f.Answered-floor) > floor/20 {
				t.Errorf("a login by %s takes answers of %v bytes at %s and %v at the floor", f.Flow, f.Answered, s.Subject, floor)
			}
		}
		if got := len(s.Swarms); got != 3 {
			t.Fatalf("%d swarms and not 3", got)
		}
		for _, w := range s.Swarms {
			name := fmt.Sprintf("swarm of %d with %d waiting", w.Concurrency, w.Waiting)
			figures[name+", to the tokens, median"], figures[name+", to the tokens, p99"] = w.SiteMedian, w.SiteP99
			if w.Concurrency > 0 { // a process's memory grows by steps: thirty browsers may fit into what it had
				figures[name+", CPU"], figures[name+", CPU beside the floor"], figures[name+", logins a second"] = w.CPU, w.CPURatio, w.LoginsASecond
			}
		}
		// One watches for the client to leave. At the floor the request has its own, too; twenty that are parked fit into the memory that a
		// process has anyway.
		goroutines := 1.0
		if s.Subject == roleFloor {
			goroutines = 2
			figures["heap"], figures["stacks"] = s.WaitingHeap, s.WaitingStack
		}
		if math.Abs(s.WaitingGoroutines-goroutines) > 0.5 {
			t.Errorf("%s: %v goroutines for each waiting browser", s.Subject, s.WaitingGoroutines)
		}
		for name, figure := range figures {
			if !(figure > 0) {
				t.Errorf("%s: %s is %v", s.Subject, name, figure)
			}
		}
	}
	beside := []float64{r.Subjects[0].Swarms[0].CPURatio, r.Subjects[0].Swarms[1].CPURatio}
	for _, floor := range r.Subjects[0].Flows {
		beside = append(beside, floor.CPURatio)
	}
	for _, ratio := range beside {
		if ratio != 1 {
			t.Errorf("the floor is %v beside itself", ratio)
		}
	}
}

func TestTheTableHasALineForEveryFigure(t *testing.T) {
	r := report{Rounds: 1, Subjects: []result{{Subject: "one", Flows: []flowCosts{{Flow: "flow"}}, Swarms: []swarmCosts{{Concurrency: 1}, {Waiting: 1}}}}}
	figures := []*float64{}
	s, l := &r.Subjects[0], &r.Subjects[0].Flows[0]
	busy, crowd := &s.Swarms[0], &s.Swarms[1]
	for i, f := range []*float64{
		&l.CPU, &l.CPURatio, &l.Allocations, &l.Allocated, &l.Answered, &l.LoginsASecond, &l.RedisTrips, &l.RedisCommands,
		&l.RedisCPU, &s.WaitingHeap, &s.WaitingStack, &s.WaitingRSS, &s.WaitingGoroutines, &s.WaitingRedis,
		&s.PageMedian, &s.PageP99, &s.SiteMedian, &s.SiteP99,
		&busy.CPU, &busy.CPURatio, &busy.LoginsASecond, &busy.SiteMedian, &busy.SiteP99, &crowd.RSS, &crowd.SiteMedian, &crowd.SiteP99,
	} {
		*f = float64(i + 1)
		figures = append(figures, f)
	}
	var out bytes.Buffer
	if err := r.text(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), " -") {
		t.Errorf("a figure is left out:\n%s", out.String())
	}
	for _, f := range figures {
		*f = 0
	}
	out.Reset()
	if err := r.text(&out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), " -"); got != len(figures) {
		t.Errorf("%d lines for %d figures:\n%s", got, len(figures), out.String())
	}
}

func TestAWrongCommandLineStartsNothing(t *testing.T) {
	for _, args := range [][]string{
		{"--subjects=floor,dex"}, {"--flows=device,implicit"},
		{"--logins=5"}, {"--rounds=0"}, {"--waiting=1"}, {"--waiting=100000000"}, {"--swarm-waiting=100000000"},
		{"--swarm-logins=-1"}, {"--swarm-concurrency=0"}, {"--swarm-concurrency="}, {"--swarm-waiting=1,x"}, {"more"}, {"--none"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out, io.Discard); err == nil || out.Len() > 0 {
			t.Errorf("%v: %v, printed %q", args, err, out.String())
		}
	}
}

func TestWithoutRedisTheRunSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := run(t.Context(), []string{"--subjects=redis"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "redis-server is not installed") {
		t.Fatal(err)
	}
}

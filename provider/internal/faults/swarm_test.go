package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// step is the grain of a report's timeline.
const step = 100 * time.Millisecond

// report is what mobile-sim swarm --json says, as far as it is read here.
type report struct {
	over     time.Time // when the fault was, of one that it met
	Stopped  string
	Began    time.Time
	Seconds  float64
	Logins   struct{ Asked, Begun, Done, Failed, Refused, Interrupted, Lost, Doubled, Wrong, Checked int }
	Timeline struct {
		Done    []int   `json:"done_each_100_ms"`
		PauseMS float64 `json:"longest_pause_ms"`
	}
	Latencies map[string]struct {
		P50 float64 `json:"p50_ms"`
		Max float64 `json:"max_ms"`
	}
	Errors, Failures map[string]int
}

// doneAfter is how long after a moment the next login was done.
func (r report) doneAfter(moment time.Time) time.Duration {
	from := int(moment.Sub(r.Began) / step)
	for i, n := range r.Timeline.Done {
		if i >= from && n > 0 {
			return time.Duration(i-from) * step
		}
	}
	return patience // never again
}

// load is the logins that a fault meets.
type load struct {
	logins, atOnce int
	rate           int // begun in a second; 0 as fast as they go
}

// thought is how long people look at the consent, so that a fault meets many logins at each of their steps.
const thought = time.Second

// crowd is a swarm that runs.
type crowd struct {
	t       *testing.T
	cluster *cluster
	load    load
	before  int64
	command *exec.Cmd
	out     bytes.Buffer
	errs    bytes.Buffer
}

// swarm lets one loose on all nodes. Each code is redeemed a second time.
func (c *cluster) swarm(t *testing.T, l load) *crowd {
	t.Helper()
	s := &crowd{t: t, cluster: c, load: l, before: c.redeemed()}
	s.command = exec.Command(mobileSim, "--json", "swarm", "--provider", strings.Join(c.urls(), ","), "--codes", c.codes,
		"--logins", strconv.Itoa(l.logins), "--concurrency", strconv.Itoa(l.atOnce), "--rate", strconv.Itoa(l.rate), "--thought", thought.String(), "--check=1")
	s.command.Env = append(os.Environ(), "MOBILE_SIM_REGISTRATION_TOKEN="+registrationToken)
	s.command.Stdout, s.command.Stderr = &s.out, &s.errs
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.command.Process.Kill() })
	return s
}

// reach returns when so much of the logins is done, of 1.
func (s *crowd) reach(share float64) {
	s.t.Helper()
	const answers = 2 // for each login: its code is redeemed twice
	for deadline := time.Now().Add(patience); float64(s.cluster.redeemed()-s.before) < share*answers*float64(s.load.logins); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the swarm does not get so far\n%s\n%s", s.errs.String(), s.cluster.nodes[0].journal.end())
		}
	}
}

// meet has a fault befall the cluster when a fifth of the logins is done. befall returns when the fault is over.
func (s *crowd) meet(fault string, befall func()) report {
	s.t.Helper()
	s.reach(.2)
	befall()
	over := time.Now()
	r := s.end()
	r.over = over
	table.add(s.t, fault, r, over)
	return r
}

// end is the report, when all logins have an outcome.
func (s *crowd) end() (r report) {
	s.t.Helper()
	_ = s.command.Wait() // what its status says is in the report, too
	if err := json.Unmarshal(s.out.Bytes(), &r); err != nil {
		s.t.Fatalf("the swarm has no report: %v\n%s\n%s", err, s.out.String(), s.errs.String())
	}
	return r
}

// survived is for a fault after which a store and a database still know everything: whoever was about to log in has logged in, once.
func (r report) survived(t *testing.T) {
	t.Helper()
	r.once(t)
	if l := r.Logins; l.Done != l.Asked {
		t.Errorf("%d of %d logins are done, %d lost, %d failed: %v", l.Done, l.Asked, l.Lost, l.Failed, r.Failures)
	}
}

// once is what holds whatever has been lost.
func (r report) once(t *testing.T) {
	t.Helper()
	l := r.Logins
	if l.Doubled+l.Wrong > 0 {
		t.Errorf("%d codes gave two tokens, %d tokens are wrong: %v", l.Doubled, l.Wrong, r.Failures)
	}
	if l.Begun != l.Asked || r.Stopped != "" || l.Checked < l.Done {
		t.Errorf("the swarm came to an end before its time: %s", fmt.Sprint(r.Stopped, l))
	}
}

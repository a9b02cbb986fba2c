package swarm

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// series is what is timed.
type series int

const (
	seriesToken series = iota
	seriesPage
	seriesClaimed
	seriesLogin
	seriesBegin
	seriesLook
	seriesScan
	seriesDecide
	seriesAgain
	allSeries
)

// seriesNames is how reports call them. Requests that are held are not timed for themselves: it is the news that counts.
var seriesNames = [allSeries]string{
	"approval to token", "approval to page", "scan to page", "begin to token",
	atBegin, atWatch + ", first look", atScan, atDecide, atToken + ", again",
}

// Report is what a swarm found. Times are in milliseconds where their names say so.
type Report struct {
	Issuer          string             `json:"issuer"`
	Nodes           []string           `json:"nodes"`
	Stopped         string             `json:"stopped,omitempty"` // why it ended before everything was done
	Concurrency     int                `json:"concurrency"`       // also the number of phones
	Rate            float64            `json:"rate,omitempty"`    // that was asked for
	Began           time.Time          `json:"began"`             // the first login
	Seconds         float64            `json:"seconds"`           // from the first login's begin to the last one's end
	LoginsPerSecond float64            `json:"logins_per_second"` // that were done
	Logins          Logins             `json:"logins"`
	Timeline        Timeline           `json:"timeline"`
	Waiting         Waiting            `json:"waiting"`
	Latencies       map[string]Latency `json:"latencies"`
	Errors          map[string]int     `json:"errors"`   // of requests, by kind, also those after which another try was well
	Failures        map[string]int     `json:"failures"` // why logins were not done
	Processes       Processes          `json:"processes"`
}

// Logins is what became of them. Each that began has one outcome.
type Logins struct {
	Asked       int     `json:"asked"`
	Begun       int     `json:"begun"`
	Done        int     `json:"done"`
	Failed      int     `json:"failed"`      // before the approval counted
	Refused     int     `json:"refused"`     // the same, by 429 or 503
	Interrupted int     `json:"interrupted"` // the swarm was told to stop
	Lost        int     `json:"lost"`        // approved, and no token within the deadline
	Doubled     int     `json:"doubled"`     // other tokens for a code that was redeemed
	Wrong       int     `json:"wrong"`       // a token that nobody should have got
	Checked     int     `json:"checked"`     // redeemed twice, and the signature verified
	Late        int     `json:"late"`        // begun later than the rate has it, because all phones were busy
	LatestMS    float64 `json:"latest_ms"`   // how late the latest
}

// step is the grain of a timeline.
const step = 100 * time.Millisecond

// Timeline is when logins were done: it shows how long a fault was felt.
type Timeline struct {
	Done    []int   `json:"done_each_100_ms"` // from Began on
	PauseMS float64 `json:"longest_pause_ms"` // the longest time in which none was done, from Began to the last that was
}

// timeline takes when logins were done, in order, since the first began.
func timeline(at []time.Duration) Timeline {
	t := Timeline{Done: []int{}}
	var last, pause time.Duration
	for _, d := range at {
		for len(t.Done) <= int(d/step) {
			t.Done = append(t.Done, 0)
		}
		t.Done[d/step]++
		pause, last = max(pause, d-last), d
	}
	t.PauseMS = ms(pause)
	return t
}

// Waiting is the browsers that waited.
type Waiting struct {
	Asked       int     `json:"asked"`
	Opened      int     `json:"opened"` // that waited when the logins began
	OpenSeconds float64 `json:"open_seconds"`
	AtEnd       int     `json:"at_end"`
	Renewed     int     `json:"renewed"`
	GaveUp      int     `json:"gave_up"`
}

// Latency is a distribution, in milliseconds, of samples that are all kept.
type Latency struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p99_9_ms"`
	Max   float64 `json:"max_ms"`
}

// Processes is what the provider's processes took. What could not be measured, also because one of them ended, is not there.
type Processes struct {
	PIDs               []int    `json:"pids,omitempty"`
	CPUPerLogin        *float64 `json:"cpu_ms_per_login,omitempty"`
	RSSBefore          *int64   `json:"rss_bytes_before,omitempty"` // with the phones enrolled and nobody waiting
	RSSWaiting         *int64   `json:"rss_bytes_waiting,omitempty"`
	RSSPerWaiting      *float64 `json:"rss_bytes_per_waiting_browser,omitempty"`
	SwarmCPUPerLogin   *float64 `json:"swarm_cpu_ms_per_login,omitempty"`
	NotMeasuredBecause string   `json:"not_measured_because,omitempty"`
}

var myself = os.Getpid()

func (p *Processes) add(pids []int, before, opened usage, waiting int, err error) {
	if len(pids) == 0 {
		return
	}
	p.PIDs = pids
	if err != nil {
		p.NotMeasuredBecause = err.Error()
		return
	}
	p.RSSBefore, p.RSSWaiting = &before.rss, &opened.rss
	if waiting > 0 {
		p.RSSPerWaiting = new(float64(opened.rss-before.rss) / float64(waiting))
	}
}

func (p *Processes) perLogin(pids []int, cpu, itself time.Duration, l Logins, err error) {
	if l.Done == 0 {
		return
	}
	each := func(d time.Duration) *float64 { return new(ms(d) / float64(l.Done)) }
	if itself > 0 {
		p.SwarmCPUPerLogin = each(itself)
	}
	switch {
	case len(pids) == 0:
	case err != nil:
		p.NotMeasuredBecause = err.Error()
	default:
		p.CPUPerLogin = each(cpu)
	}
}

// Broken tells whether a login was lost, doubled or wrong: what must never be.
func (r Report) Broken() bool { return r.Logins.Lost+r.Logins.Doubled+r.Logins.Wrong > 0 }

// Refused tells whether all that was not done was refused by the provider's limits.
func (r Report) Refused() bool {
	return r.Stopped == "" && r.Logins.Done+r.Logins.Refused == r.Logins.Asked && !r.WellDone()
}

// WellDone tells whether everything was done that was asked.
func (r Report) WellDone() bool {
	return r.Stopped == "" && r.Logins.Done == r.Logins.Asked && r.Waiting.GaveUp == 0
}

// tally counts while the swarm runs.
type tally struct {
	outcomes [outcomes]atomic.Int64
	check    atomic.Int64
	began    time.Time // the first login

	mu       sync.Mutex
	samples  [allSeries][]time.Duration
	done     []time.Duration // when logins were, since the first began
	errors   map[string]int
	failures map[string]int
	lates    int
	latest   time.Duration
}

func (t *tally) took(of series, d time.Duration) {
	t.mu.Lock()
	t.samples[of] = append(t.samples[of], d)
	t.mu.Unlock()
}

func (t *tally) failed(kind string) {
	t.mu.Lock()
	t.errors[kind]++
	t.mu.Unlock()
}

func (t *tally) late(by time.Duration) {
	t.mu.Lock()
	t.lates++
	t.latest = max(t.latest, by)
	t.mu.Unlock()
}

func (t *tally) checked() { t.check.Add(1) }

var outcomeNames = [outcomes]string{"done", "failed", "refused", "interrupted", "lost", "doubled", "wrong"}

func (t *tally) ended(o outcome, why error) {
	t.outcomes[o].Add(1)
	if o == done {
		t.mu.Lock()
		t.done = append(t.done, time.Since(t.began)) // under the lock: they are in order
		t.mu.Unlock()
	}
	if why != nil {
		t.mu.Lock()
		t.failures[outcomeNames[o]+": "+why.Error()]++
		t.mu.Unlock()
	}
}

// into is the end of the counting.
func (t *tally) into(r *Report, took time.Duration) {
	count := func(o outcome) int { return int(t.outcomes[o].Load()) }
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &r.Logins
	l.Done, l.Failed, l.Refused, l.Interrupted = count(done), count(failed), count(refused), count(interrupted)
	l.Lost, l.Doubled, l.Wrong = count(lost), count(doubled), count(wrong)
	l.Begun = l.Done + l.Failed + l.Refused + l.Interrupted + l.Lost + l.Doubled + l.Wrong
	l.Checked, l.Late, l.LatestMS = int(t.check.Load()), t.lates, ms(t.latest)
	r.Began, r.Timeline = t.began, timeline(t.done)
	if r.Seconds = seconds(took); l.Done > 0 {
		r.LoginsPerSecond = math.Round(float64(l.Done)/took.Seconds()*10) / 10
	}
	r.Latencies = map[string]Latency{}
	for of, samples := range t.samples {
		if len(samples) > 0 {
			r.Latencies[seriesNames[of]] = distribution(samples)
		}
	}
	r.Errors, r.Failures = t.errors, t.failures
}

// distribution sorts the samples. The quantile q is the smallest of them that is not less than a share of q of all.
func distribution(samples []time.Duration) Latency {
	slices.Sort(samples)
	at := func(q float64) float64 {
		return ms(samples[max(0, int(math.Ceil(q*float64(len(samples))))-1)])
	}
	return Latency{Count: len(samples), P50: at(.5), P90: at(.9), P99: at(.99), P999: at(.999), Max: at(1)}
}

func ms(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Microsecond)) / 1000 }

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// limits is which of the provider's limits a request may have met (docs/operate.md).
var limits = map[string]string{ //nolint:gosec // names of limits, no credentials
	atRegister: "registrations-per-network",
	atBegin:    "challenges-per-client, or for a public client challenges-per-network",
	atWatch:    "bad-watches-per-network",
	atScan:     "scans-per-device, scans-per-account or scans-per-network",
	atDecide:   "idle-decisions-per-device",
	atToken:    "refusals-per-client or refusals-per-network",
	atEnrol:    "codes-per-day, codes-per-network, unconfirmed-codes-per-network or codes-per-prefix",
}

// hint says what to do about a refusal of an endpoint's that was because of a limit.
func hint(endpoint string) string {
	if limits[endpoint] == "" {
		return ""
	}
	return "for a trial, have the provider let more through: provider serve --limit NAME=1000000/10m, where NAME is " + limits[endpoint]
}

func hinted(err error) error {
	if r, ok := errors.AsType[*refusal](err); ok && r.answer.status == 429 && hint(r.endpoint) != "" {
		return fmt.Errorf("%w; %s", err, hint(r.endpoint))
	}
	return err
}

// Print writes a report for people.
func (r Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	l := r.Logins
	if r.Stopped != "" {
		fmt.Fprintf(w, "Stopped before the end: %s.\n\n", r.Stopped)
	}
	if l.Asked > 0 {
		how := fmt.Sprintf("%d at once", r.Concurrency)
		if r.Rate > 0 {
			how = fmt.Sprintf("%g begun a second, %s at most", r.Rate, how)
		}
		fmt.Fprintf(w, "Logins\t%d of %d done in %.1f s, %s: %.1f a second\n", l.Done, l.Asked, r.Seconds, how, r.LoginsPerSecond)
		fmt.Fprintf(w, "\tfailed %d, refused %d, interrupted %d\n", l.Failed, l.Refused, l.Interrupted)
		fmt.Fprintf(w, "\tlost %d, doubled %d, wrong %d\n", l.Lost, l.Doubled, l.Wrong)
		fmt.Fprintf(w, "\t%d were redeemed twice and their signatures verified\n", l.Checked)
		fmt.Fprintf(w, "\tlongest pause %.1f s: so long none was done\n", r.Timeline.PauseMS/1000)
		if l.Late > 0 {
			fmt.Fprintf(w, "\t%d began late, by up to %.1f ms: all phones were busy\n", l.Late, l.LatestMS)
		}
	}
	if n := r.Waiting; n.Asked > 0 {
		fmt.Fprintf(w, "Waiting\t%d of %d browsers, opened in %.1f s; %d at the end\n", n.Opened, n.Asked, n.OpenSeconds, n.AtEnd)
		if n.Renewed+n.GaveUp > 0 {
			fmt.Fprintf(w, "\t%d showed another code, %d gave up\n", n.Renewed, n.GaveUp)
		}
	}
	r.Processes.print(w)
	if err := w.Flush(); err != nil {
		return err
	}
	r.printLatencies(out)
	printCounts(out, "Not done, because", r.Failures)
	printCounts(out, "Errors of requests, also where another try was well", r.Errors)
	for _, endpoint := range slices.Sorted(maps.Keys(limits)) {
		if r.limited(endpoint) {
			fmt.Fprintf(out, "\n%s met a limit; %s.\n", endpoint, hint(endpoint))
		}
	}
	return nil
}

func (p Processes) print(w io.Writer) {
	if p.RSSBefore != nil {
		fmt.Fprintf(w, "Memory\t%.1f MB", float64(*p.RSSBefore)/1e6)
		if p.RSSPerWaiting != nil {
			fmt.Fprintf(w, ", %.1f MB with those who wait: %.1f kB each", float64(*p.RSSWaiting)/1e6, *p.RSSPerWaiting/1e3)
		}
		fmt.Fprintln(w)
	}
	if p.CPUPerLogin != nil {
		fmt.Fprintf(w, "CPU\t%.2f ms for each login\n", *p.CPUPerLogin)
	}
	if p.SwarmCPUPerLogin != nil {
		fmt.Fprintf(w, "\tthe swarm itself takes %.2f ms\n", *p.SwarmCPUPerLogin)
	}
	if p.NotMeasuredBecause != "" {
		fmt.Fprintf(w, "Process\tnot measured to the end: %s\n", p.NotMeasuredBecause)
	}
}

func (r Report) printLatencies(out io.Writer) {
	if len(r.Latencies) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%-34s %8s %9s %9s %9s %9s %9s\n", "Milliseconds", "n", "p50", "p90", "p99", "p99.9", "max")
	for _, name := range seriesNames {
		if l, ok := r.Latencies[name]; ok {
			fmt.Fprintf(out, "%-34s %8d %9.2f %9.2f %9.2f %9.2f %9.2f\n", name, l.Count, l.P50, l.P90, l.P99, l.P999, l.Max)
		}
	}
}

// printCounts prints the most frequent first.
func printCounts(out io.Writer, title string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", title)
	for _, kind := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	}) {
		fmt.Fprintf(out, "%8d  %s\n", counts[kind], kind)
	}
}

func (r Report) limited(endpoint string) bool {
	for kind := range r.Errors {
		if strings.HasPrefix(kind, endpoint+": 429") {
			return true
		}
	}
	return false
}

// Progress is how far a swarm is.
type Progress struct {
	Done, Bad, Running, Asked int // logins; Bad is of any outcome but done
	Waiting                   int
	Errors                    int // of requests
}

func (s *swarm) progress() Progress {
	p := Progress{Asked: s.Logins, Running: int(s.running.Load()), Waiting: int(s.watching.Load())}
	for o := range outcomes {
		if n := int(s.tally.outcomes[o].Load()); o == done {
			p.Done = n
		} else {
			p.Bad += n
		}
	}
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	for _, n := range s.tally.errors {
		p.Errors += n
	}
	return p
}

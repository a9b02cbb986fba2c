package swarm

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/errgroup"
)

const (
	enrolling = 16              // phones that enrol at once
	grace     = 5 * time.Second // for logins under way when the swarm is told to stop
	settling  = time.Second / 2 // for the last request to be held
	late      = 10 * time.Millisecond
)

// swarm is one run.
type swarm struct {
	Config
	nodes       []node
	manySources bool
	issuer      string
	issuerHost  string
	client      string
	siteHeaders string
	siteForm    string // what a public client adds to its forms
	keys        keyRing
	people      people
	tokens      tokens
	tally       tally
	answered    atomic.Int64 // when the last answer came, Unix nanoseconds
	watching    atomic.Int64 // browsers that wait
	running     atomic.Int64 // logins
	lingering   atomic.Int64 // browsers that wait or try to
}

type keyRing struct {
	mu  sync.Mutex
	set jose.JSONWebKeySet
}

// people is who is who to the site: each number one sub, each sub one number.
type people struct {
	mu       sync.Mutex
	subs     map[string]string // by number
	reversed map[string]string
}

func (p *people) is(number, sub string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sub == "" {
		return false
	}
	if _, known := p.subs[number]; !known && p.reversed[sub] == "" {
		p.subs[number], p.reversed[sub] = sub, number
	}
	return p.subs[number] == sub
}

// seat is who takes part in one login at a time.
type seat struct {
	site, browser *link
	phone         *phone
}

// Errors of a run that ended before everything was done.
var (
	errInterrupted = errors.New("interrupted")
	errSilence     = errors.New("nobody answers any more")
)

// Run does what a configuration says and reports what came of it. It returns an error when the swarm could not begin; what went wrong
// afterwards, also an end of ctx, is in the report.
func Run(ctx context.Context, c Config) (Report, error) {
	if err := c.Check(); err != nil {
		return Report{}, err
	}
	c.silence = cmp.Or(c.silence, time.Minute)
	s := &swarm{Config: c, manySources: canBind(net.IPv4(127, 1, 0, 1))}
	s.people.subs, s.people.reversed = map[string]string{}, map[string]string{}
	s.tokens.seen = map[[16]byte]struct{}{}
	s.tally.errors, s.tally.failures = map[string]int{}, map[string]int{}
	for _, text := range c.Nodes {
		s.nodes = append(s.nodes, newNode(text))
	}
	if _, err := measure(c.PIDs); err != nil {
		return Report{}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if err := s.prepare(ctx); err != nil {
		return Report{}, err
	}
	seats, err := s.seats(ctx)
	if err != nil {
		return Report{}, err
	}
	defer closeAll(seats)
	s.answered.Store(time.Now().UnixNano())
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { s.watch(stop, over) })
	r := s.run(ctx, seats)
	close(over)
	watcher.Wait()
	return r, nil
}

// canBind tells whether this machine has an address. Linux has all of 127.0.0.0/8.
func canBind(ip net.IP) bool {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: ip})
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}

func (s *swarm) prepare(ctx context.Context) error {
	if err := s.discover(ctx); err != nil {
		return err
	}
	return s.register(ctx)
}

// seats enrols the phones, before any clock starts.
func (s *swarm) seats(ctx context.Context) ([]*seat, error) {
	seats := make([]*seat, min(s.Concurrency, s.Logins))
	if len(seats) == 0 {
		return nil, nil
	}
	codes, err := openCodes(s.Codes)
	if err != nil {
		return nil, err
	}
	defer codes.file.Close() //nolint:errcheck // only read
	numbers, err := newNumbers()
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(enrolling)
	for i := range seats {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, s.Deadline)
			defer cancel()
			phone, err := s.enrol(ctx, i, numbers, codes)
			if err == nil {
				seats[i] = &seat{site: s.link(nil), browser: s.link(s.source(1, i)), phone: phone}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		closeAll(seats)
		return nil, err
	}
	return seats, nil
}

func closeAll(seats []*seat) {
	for _, t := range seats {
		if t != nil {
			t.site.close()
			t.browser.close()
			t.phone.close()
		}
	}
}

// watch shows the progress, and ends a run that nobody answers.
func (s *swarm) watch(stop context.CancelCauseFunc, over <-chan struct{}) {
	ticker := time.NewTicker(time.Second / 4)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case now := <-ticker.C:
			switch {
			case s.running.Load()+s.lingering.Load() == 0: // nobody asks
				s.answered.Store(now.UnixNano())
			case now.Sub(time.Unix(0, s.answered.Load())) > s.silence:
				stop(errSilence)
			}
			if s.Progress != nil {
				s.Progress(s.progress())
			}
		}
	}
}

// run is everything that is measured.
func (s *swarm) run(ctx context.Context, seats []*seat) Report {
	r := Report{
		Issuer: s.issuer, Nodes: s.Nodes, Concurrency: len(seats), Rate: s.Rate,
		Logins: Logins{Asked: s.Logins}, Waiting: Waiting{Asked: s.Waiting},
	}
	before, _ := measure(s.PIDs)
	var waiting *crowd
	if s.Waiting > 0 {
		begun := time.Now()
		waiting = s.wait(ctx)
		r.Waiting.OpenSeconds = seconds(time.Since(begun))
		_ = sleep(ctx, settling)
		r.Waiting.Opened = int(s.watching.Load())
	}
	opened, err := measure(s.PIDs)
	r.Processes.add(s.PIDs, before, opened, r.Waiting.Opened, err)

	held := time.Now()
	itself, _ := measure([]int{myself})
	began := time.Now()
	s.tally.began = began
	s.logins(ctx, seats)
	took := time.Since(began)
	after, err := measure(s.PIDs)
	itselfAfter, _ := measure([]int{myself})
	_ = sleep(ctx, s.Hold-time.Since(held))

	if waiting != nil {
		r.Waiting.AtEnd = int(s.watching.Load())
		waiting.leave()
		r.Waiting.Renewed, r.Waiting.GaveUp = int(waiting.renewed.Load()), int(waiting.gaveUp.Load())
	}
	s.tally.into(&r, took)
	r.Processes.perLogin(s.PIDs, after.cpu-opened.cpu, itselfAfter.cpu-itself.cpu, r.Logins, err)
	if ctx.Err() != nil {
		r.Stopped = errInterrupted.Error()
		if errors.Is(context.Cause(ctx), errSilence) {
			r.Stopped = errSilence.Error()
		}
	}
	return r
}

// logins begins them, each on a seat that is free, and returns when the last has ended.
func (s *swarm) logins(ctx context.Context, seats []*seat) {
	if len(seats) == 0 {
		return
	}
	free := make(chan *seat, len(seats))
	for _, seat := range seats {
		free <- seat
	}
	// What is under way when the swarm is to stop has some time left.
	within, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { cut(errInterrupted) }) })()

	var running sync.WaitGroup
	defer running.Wait()
	began := time.Now()
	for i := range s.Logins {
		var due time.Duration
		if s.Rate > 0 {
			due = time.Duration(float64(i) / s.Rate * float64(time.Second))
			if sleep(ctx, due-time.Since(began)) != nil {
				return
			}
		}
		var seat *seat
		select {
		case <-ctx.Done():
			return
		case seat = <-free:
		}
		if behind := time.Since(began) - due; s.Rate > 0 && behind > late {
			s.tally.late(behind)
		}
		s.running.Add(1)
		running.Go(func() {
			s.tally.ended(s.login(within, i, seat))
			s.running.Add(-1)
			free <- seat
		})
	}
}

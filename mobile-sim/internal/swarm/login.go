package swarm

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"qrlogin/api"
)

// userAgent is as long as browsers' are: the provider keeps it and puts it into the consent.
const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// outcome is what became of a login. Each has one.
type outcome int

const (
	done        outcome = iota
	failed              // before the approval counted
	refused             // the same, by 429 or 503
	interrupted         // the swarm was told to stop
	lost                // the phone was told that its approval counts, and the site got no token
	doubled             // the site got other tokens for a code that was redeemed
	wrong               // the site got a token that it should not have got
	outcomes
)

var (
	errDeadline = errors.New("the deadline was over")
	errTooSoon  = errors.New("the token came before the approval")
)

// tokens is which access tokens have been seen.
type tokens struct {
	mu   sync.Mutex
	seen map[[16]byte]struct{}
}

func (t *tokens) fresh(token string) bool {
	sum := sha256.Sum256([]byte(token))
	key := [16]byte(sum[:])
	t.mu.Lock()
	defer t.mu.Unlock()
	_, seen := t.seen[key]
	t.seen[key] = struct{}{}
	return !seen
}

// login is one login, from the site's first request to the token. The error says why it is not done.
func (s *swarm) login(within context.Context, i int, t *seat) (outcome, error) {
	ctx, cancel := context.WithCancelCause(within)
	defer cancel(nil)
	deadline := time.AfterFunc(s.Deadline, func() { cancel(errDeadline) })
	defer deadline.Stop()
	n := len(s.nodes)
	t.site.at, t.browser.at, t.phone.at = i%n, (i+1)%n, (i+2)%n

	began := time.Now()
	b, err := s.begin(ctx, t.site)
	if err != nil {
		return s.notDone(err)
	}
	page := &page{ready: make(chan struct{}), over: make(chan struct{})}
	go page.follow(ctx, t.browser, b)
	defer func() { <-page.over }() // it has the browser's link
	defer cancel(nil)              // before
	select {
	case <-page.ready:
	case <-page.over:
		if page.first.at.IsZero() {
			return s.notDone(page.err)
		}
	}
	code := page.frame()
	if code == "" {
		return s.notDone(s.malformed(atWatch))
	}
	approval, scanned, err := t.phone.scan(ctx, b.ChallengeId, code)
	if err != nil {
		return s.notDone(err)
	}

	// The site waits for its token from now on, as it does when the page tells it of the scan.
	var site redemption
	site.over = make(chan struct{})
	asked := make(chan struct{})
	written := sync.OnceFunc(func() { close(asked) })
	var approved atomic.Bool // nothing before this is an approval
	go func() {
		defer close(site.over)
		defer written()
		site.body, site.at, site.err = s.redeem(ctx, t.site, b, written)
		site.tooSoon = !approved.Load()
	}()
	defer func() { <-site.over }()
	defer cancel(nil)
	<-asked
	_ = sleep(ctx, s.Thought)
	if !deadline.Reset(s.Deadline) && ctx.Err() != nil {
		return s.notDone(context.Cause(ctx))
	}
	approved.Store(true)
	sent := time.Now()
	unsure, refusal := t.phone.decide(ctx, approval)
	if refusal != nil && !unsure {
		return s.notDone(refusal)
	}
	<-site.over
	switch {
	case site.err == nil:
	case refusal != nil: // nobody was told that the approval counts
		return s.notDone(refusal)
	case errors.Is(site.err, errInterrupted):
		return interrupted, site.err
	default:
		return lost, site.err
	}
	if site.tooSoon {
		return wrong, errTooSoon
	}
	s.tally.took(seriesToken, site.at.Sub(sent))
	s.tally.took(seriesLogin, site.at.Sub(began))

	check := s.CheckEvery > 0 && i%s.CheckEvery == 0
	if check {
		s.tally.checked()
		if s.again(ctx, t.site, b, site.body) {
			return doubled, errors.New("the code was redeemed twice, with other tokens")
		}
	}
	if err := s.judge(ctx, t.site, b, t.phone, site.body, check); err != nil {
		return wrong, err
	}
	<-page.over
	page.took(s, scanned, sent)
	return done, nil
}

// redemption is what the site gets.
type redemption struct {
	over    chan struct{}
	body    []byte
	at      time.Time
	tooSoon bool
	err     error
}

// notDone tells what became of a login that ended before its approval counted.
func (s *swarm) notDone(err error) (outcome, error) {
	if errors.Is(err, errInterrupted) {
		return interrupted, err
	}
	if r, ok := errors.AsType[*refusal](err); ok && r.busy() {
		return refused, err
	}
	return failed, err
}

// page is a browser that shows a challenge and watches it, poll after poll, until it is approved.
type page struct {
	ready chan struct{} // closed when there is a code to scan
	over  chan struct{} // closed when it watches no more
	first view
	err   error

	claimed, approved time.Time // when it learned of them
}

// view is what a browser learned, and when.
type view struct {
	api.ChallengeView
	at time.Time
}

func (p *page) follow(ctx context.Context, browser *link, b begun) {
	defer close(p.over)
	var after int64
	for {
		v, a, err := browser.look(ctx, b, after)
		if err != nil {
			p.err = err
			return
		}
		if after == 0 {
			p.first = v
			browser.s.tally.took(seriesLook, a.took)
			close(p.ready)
		}
		if v.Version == after {
			continue // the longest hold is over, and nothing is new
		}
		after = v.Version
		switch v.State {
		case api.ChallengeStatePending:
		case api.ChallengeStateClaimed:
			p.claimed = v.at
		default: // the site may have been faster than the page
			p.approved = v.at
			return
		}
	}
}

// took notes how fast the page learned what happened.
func (p *page) took(s *swarm, scanned, sent time.Time) {
	if !p.claimed.IsZero() { // not when the approval overtook the news of the scan
		s.tally.took(seriesClaimed, p.claimed.Sub(scanned))
	}
	if !p.approved.IsZero() {
		s.tally.took(seriesPage, p.approved.Sub(sent))
	}
}

// frame is the code that the page draws at this moment, or "".
func (p *page) frame() string {
	if p.first.Frames == nil || len(*p.first.Frames) == 0 {
		return ""
	}
	frames := *p.first.Frames
	for _, f := range frames {
		if time.Since(p.first.at).Milliseconds() < f.UntilMs {
			return f.Code
		}
	}
	return frames[len(frames)-1].Code
}

// look is one long poll. After version 0 it is a first look, which is answered at once.
func (l *link) look(ctx context.Context, b begun, after int64) (view, answer, error) {
	r := request{
		method: http.MethodGet, path: "/challenges/" + b.ChallengeId + "?after=" + strconv.FormatInt(after, 10),
		headers: "Authorization: Bearer " + b.Watch + "\r\nUser-Agent: " + userAgent + "\r\n",
	}
	if after > 0 {
		r.hold = hold
	}
	a, _, err := l.persist(ctx, atWatch, func() (request, error) { return r, nil })
	if err != nil {
		return view{}, a, err
	}
	if a.status != http.StatusOK {
		return view{}, a, l.s.refused(atWatch, a)
	}
	v := view{at: time.Now()}
	if err := json.Unmarshal(a.body, &v.ChallengeView); err != nil || v.Version < 1 {
		return v, a, l.s.malformed(atWatch)
	}
	if v.Version == after && a.took < time.Second { // it was not held, as by a node that stops
		err = sleep(ctx, time.Second/10)
	}
	return v, a, err
}

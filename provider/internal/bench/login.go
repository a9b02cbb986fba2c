package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"qrlogin/api"
)

// moment is how long a person takes here: long enough for a request that is on its way to be held by the server.
const moment = 2 * time.Millisecond

// page is a browser that shows a challenge and watches it until it is approved.
type page struct {
	flow    flow
	browser *http.Client
	visit   visit
	started api.DeviceAuthorization
	changes chan change
	held    chan int64    // the version after which a request waits, now that it is sent
	over    chan struct{} // closed when the page watches no more
	shown   change
}

// change is what a party learned, and when.
type change struct {
	view api.ChallengeView
	at   time.Time
	err  error
}

// open starts a challenge and shows it. When it returns, the page waits for the scan.
func (p *parties) open(ctx context.Context, f flow, browser *http.Client) (*page, error) {
	pg := &page{flow: f, browser: browser, changes: make(chan change, 4), held: make(chan int64, 16), over: make(chan struct{})}
	begin := p.begin
	if f.hosted {
		begin = p.arrive
	}
	if err := begin(ctx, pg); err != nil {
		return nil, err
	}
	go p.follow(ctx, pg)
	if err := pg.next(api.ChallengeStatePending); err != nil {
		return nil, err
	}
	pg.waits()
	return pg, nil
}

// follow is what the widget does: poll after poll, each held until there is something new.
func (p *parties) follow(ctx context.Context, pg *page) {
	defer close(pg.over)
	var after int64
	for state := api.ChallengeStatePending; state == api.ChallengeStatePending || state == api.ChallengeStateClaimed; {
		waiting := after
		view, err := p.watch(ctx, pg, after, func() {
			select {
			case pg.held <- waiting:
			default: // nobody has asked for a long time
			}
		})
		if err == nil && view.Version == after {
			continue // the longest hold is over, and nothing is new
		}
		pg.changes <- change{view, time.Now(), err}
		if err != nil {
			return
		}
		state, after = view.State, view.Version
	}
}

// next waits for the page to learn of a change, which is to be to this state.
func (pg *page) next(state api.ChallengeState) error {
	pg.shown = <-pg.changes
	if pg.shown.err == nil && pg.shown.view.State != state {
		return fmt.Errorf("the page is %s and not %s", pg.shown.view.State, state)
	}
	return pg.shown.err
}

// waits returns when the request for what comes after the page's state has been sent.
func (pg *page) waits() {
	for {
		select {
		case version := <-pg.held:
			if version == pg.shown.view.Version {
				return
			}
		case <-pg.over:
			return
		}
	}
}

// frame is the code that the page draws at this moment.
func (pg *page) frame() (string, error) {
	if pg.shown.view.Frames == nil || len(*pg.shown.view.Frames) == 0 {
		return "", errors.New("the page has no code to draw")
	}
	frames := *pg.shown.view.Frames
	for _, f := range frames {
		if time.Since(pg.shown.at).Milliseconds() < f.UntilMs {
			return f.Code, nil
		}
	}
	return frames[len(frames)-1].Code, nil
}

// latency is the time from the phone sending its approval to the answers that it brings about.
type latency struct{ Page, Site time.Duration }

// login is one login: the site, the page and a phone, each as it does it.
func (p *parties) login(ctx context.Context, f flow) error {
	i := int(p.begun.Add(1)) // everybody takes turns
	pg, err := p.open(ctx, f, p.browsers[i%len(p.browsers)])
	if err != nil {
		return err
	}
	_, err = p.finish(ctx, pg, p.phones[i%len(p.phones)])
	return err
}

// finish is the rest of a login whose page waits: scan, wait for the tokens, approve.
func (p *parties) finish(ctx context.Context, pg *page, ph phone) (latency, error) {
	time.Sleep(moment)
	code, err := pg.frame()
	if err != nil {
		return latency{}, err
	}
	approval, err := p.scan(ctx, ph, code)
	if err != nil {
		return latency{}, err
	}
	if err := pg.next(api.ChallengeStateClaimed); err != nil {
		return latency{}, err
	}
	// The page tells its site of the scan, and the site begins to wait; or the hosted page itself does.
	wait := p.wait
	if pg.flow.hosted {
		wait = p.leave
	}
	asked, redeemed := make(chan struct{}), make(chan change, 1)
	go func() {
		written := sync.OnceFunc(func() { close(asked) })
		defer written()
		err := wait(ctx, pg, written)
		redeemed <- change{at: time.Now(), err: err}
	}()
	pg.waits()
	<-asked
	time.Sleep(moment)
	sent := time.Now()
	if err := p.decide(ctx, approval); err != nil {
		return latency{}, err
	}
	learned, tokens := <-pg.changes, <-redeemed
	if err := errors.Join(learned.err, tokens.err); err != nil {
		return latency{}, fmt.Errorf("after the approval: %w", err)
	}
	// The site may have been faster than the page.
	if s := learned.view.State; s != api.ChallengeStateApproved && s != api.ChallengeStateRedeemed {
		return latency{}, fmt.Errorf("after the approval the page is %s", s)
	}
	return latency{learned.at.Sub(sent), tokens.at.Sub(sent)}, nil
}

package swarm

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"qrlogin/api"
)

// perSource is how many browsers wait at one address: well under the ports that it has, some 28,000 on Linux.
const perSource = 5000

// opening is how many sites begin challenges for those browsers.
const opening = 4

// crowd is the browsers that wait.
type crowd struct {
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
	sites   chan *link
	renewed atomic.Int64 // challenges that came to their end, and were followed by others
	gaveUp  atomic.Int64 // browsers that were told not to come back in time
}

// leave ends the waiting.
func (c *crowd) leave() {
	c.cancel(errInterrupted)
	c.running.Wait()
	for range opening {
		(<-c.sites).close()
	}
}

// wait opens them, at their rate, and returns when each of them waits or has given up, or at the end of ctx.
func (s *swarm) wait(ctx context.Context) *crowd {
	c := &crowd{sites: make(chan *link, opening)}
	within, cancel := context.WithCancelCause(context.WithoutCancel(ctx)) // they are counted when all else has ended
	c.cancel = cancel
	for i := range opening {
		site := s.link(nil)
		site.at = i % len(s.nodes)
		c.sites <- site
	}
	var opened sync.WaitGroup
	began := time.Now()
	for i := range s.Waiting {
		due := time.Duration(float64(i) / s.OpenRate * float64(time.Second))
		if sleep(ctx, due-time.Since(began)) != nil {
			break
		}
		opened.Add(1)
		s.lingering.Add(1)
		once := sync.OnceFunc(opened.Done)
		c.running.Go(func() {
			defer once()
			defer s.lingering.Add(-1)
			browser := s.link(s.source(3, i/perSource))
			defer browser.close()
			browser.at = i % len(s.nodes)
			if err := s.linger(within, c, browser, once); err != nil && within.Err() == nil {
				c.gaveUp.Add(1)
			}
		})
	}
	all := make(chan struct{})
	go func() { opened.Wait(); close(all) }() // ends with leave at the latest
	select {
	case <-all:
	case <-ctx.Done():
	}
	return c
}

// errNoFrames says that a challenge can be scanned no longer.
var errNoFrames = errors.New("no frames are left")

// linger is one browser: a challenge after another, each watched until it can be scanned no longer.
func (s *swarm) linger(ctx context.Context, c *crowd, browser *link, opened func()) error {
	for {
		b, err := s.beginFor(ctx, c)
		if err != nil {
			return err
		}
		err = s.watchOne(ctx, browser, b, opened)
		opened() // or never will be
		r, isRefusal := errors.AsType[*refusal](err)
		switch {
		case errors.Is(err, errNoFrames):
			// A page cancels what it replaces.
			_, _, err := browser.persist(ctx, atCancel, func() (request, error) {
				return request{method: http.MethodDelete, path: "/challenges/" + b.ChallengeId, headers: "Authorization: Bearer " + b.Watch + "\r\n"}, nil
			})
			if err != nil {
				return err
			}
		case isRefusal && !r.busy(): // it is gone, as when a provider has forgotten it
			if err := sleep(ctx, time.Second); err != nil {
				return err
			}
		default:
			return err
		}
		c.renewed.Add(1)
	}
}

func (s *swarm) beginFor(ctx context.Context, c *crowd) (begun, error) {
	select {
	case site := <-c.sites:
		defer func() { c.sites <- site }()
		site.next()
		return s.begin(ctx, site)
	case <-ctx.Done():
		return begun{}, context.Cause(ctx)
	}
}

func (s *swarm) watchOne(ctx context.Context, browser *link, b begun, opened func()) error {
	first, _, err := browser.look(ctx, b, 0)
	if err != nil {
		return err
	}
	s.watching.Add(1)
	defer s.watching.Add(-1)
	opened()
	for after := first.Version; ; {
		v, _, err := browser.look(ctx, b, after)
		if err != nil {
			return err
		}
		if v.State == api.ChallengeStatePending && (v.Frames == nil || len(*v.Frames) == 0) {
			return errNoFrames
		}
		after = v.Version
	}
}

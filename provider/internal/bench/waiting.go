package main

import (
	"context"
	"slices"
	"time"
)

// waitingFigures is what browsers cost that wait, and how fast those learn whose phone approves.
type waitingFigures struct {
	Heap, Stack, RSS, Goroutines float64 // bytes, and a count, for each waiting browser
	RedisMemory                  float64 // bytes for each waiting browser
	Page, Site                   distribution
}

// distribution is what is worth knowing of many durations.
type distribution struct{ Median, P99 time.Duration }

// wait opens so many pages, measures what they cost, and logs a fifth of them in while the others wait.
func (s *subject) wait(ctx context.Context, o options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the pages that are left

	s.parties.hangUp()
	time.Sleep(100 * time.Millisecond) // for the server to notice
	if err := s.redis.empty(ctx); err != nil {
		return err
	}
	redisBefore, err := s.redis.info(ctx)
	if err != nil {
		return err
	}
	before, err := s.ask(tellMemory)
	if err != nil {
		return err
	}
	pages := make([]*page, o.Waiting)
	err = atOnce(o.Waiting, o.Concurrency, func(i int) (err error) {
		pages[i], err = s.parties.open(ctx, flows[0], s.parties.browsers[i%len(s.parties.browsers)])
		return err
	})
	if err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // until the last request waits for good
	after, err := s.ask(tellMemory)
	if err != nil {
		return err
	}
	redisAfter, err := s.redis.info(ctx)
	if err != nil {
		return err
	}
	each := func(total float64) float64 { return total / float64(o.Waiting) }
	s.waiting = waitingFigures{
		Heap:        each(float64(after.Heap) - float64(before.Heap)),
		Stack:       each(float64(after.Stack) - float64(before.Stack)),
		RSS:         each(float64(after.RSS) - float64(before.RSS)),
		Goroutines:  each(float64(after.Goroutines - before.Goroutines)),
		RedisMemory: each(redisAfter.memory - redisBefore.memory),
	}

	var toPage, toSite []time.Duration
	for i := range o.Waiting / 5 {
		l, err := s.parties.finish(ctx, pages[5*i], s.parties.phones[i%len(s.parties.phones)])
		if err != nil {
			return err
		}
		toPage, toSite = append(toPage, l.Page), append(toSite, l.Site)
	}
	s.waiting.Page, s.waiting.Site = distributionOf(toPage), distributionOf(toSite)
	return nil
}

func distributionOf(d []time.Duration) distribution {
	slices.Sort(d)
	return distribution{Median: d[len(d)/2], P99: d[min(len(d)-1, len(d)*99/100)]}
}

package challenge

import (
	"context"
	"sync"
	"time"
)

// Latest is an after that no version is above.
const Latest = ^uint64(0)

// Wait answers the challenge as soon as news says so, or when it is gone, or as it stands after d or at the end of ctx. An
// error from news ends it with that error. after is the version that the caller has already dealt with; [Latest] if it does not know one.
func Wait(ctx context.Context, s Store, id ID, after uint64, d time.Duration, news func(Record) (bool, error)) (*Record, error) {
	w := NewWaiter(s, id, after, d, news)
	defer w.Close()
	defer context.AfterFunc(ctx, w.End)()
	for {
		if over, err := w.Look(ctx); over || err != nil {
			return w.Record(), err
		}
		woken := make(chan struct{})
		w.Then(func() { close(woken) })
		<-woken
	}
}

// Waiter is [Wait] in steps, for who does not want to keep a goroutine waiting: look, and when that finds no news, look again once woken.
// In between nothing is asked of the store. Make it with [NewWaiter].
type Waiter struct {
	store  Store
	id     ID
	after  uint64
	end    time.Time
	news   func(Record) (bool, error)
	record Record // that was seen last
	looked bool
	notify func() // Wake
	stop   func() // being notified by the store
	timer  *time.Timer

	mu    sync.Mutex
	woken bool // since the last look
	ended bool
	then  func()
}

// NewWaiter makes a waiter of what [Wait] is given. The caller closes it.
func NewWaiter(s Store, id ID, after uint64, d time.Duration, news func(Record) (bool, error)) *Waiter {
	w := &Waiter{store: s, id: id, after: after, end: time.Now().Add(d), news: news, stop: func() {}}
	w.notify = w.Wake
	return w
}

// Look tells whether the wait is over. If not, [Waiter.Then] says when to look again.
func (w *Waiter) Look(ctx context.Context) (over bool, err error) {
	w.mu.Lock()
	w.woken = false
	w.mu.Unlock()
	if w.looked && w.late() {
		return true, nil
	}
	w.looked = true
	ctx = context.WithoutCancel(ctx) // who asks a server that is stopping, and so at the end of ctx, is told how it stands
	for registered := false; !registered; {
		w.stop()
		if w.record, w.stop, err = w.store.Await(ctx, w.id, w.after, w.notify); err != nil {
			return true, err
		}
		if over, err = w.news(w.record); over || err != nil || w.record.State.Final() {
			return true, err
		}
		registered = w.record.Version <= w.after
		w.after = w.record.Version
	}
	if w.late() {
		return true, nil
	}
	next := min(time.Until(w.end), max(w.record.End().Sub(w.record.Now), 1))
	if w.timer == nil {
		w.timer = time.AfterFunc(next, w.notify)
	} else {
		w.timer.Reset(next)
	}
	return false, nil
}

// late tells whether there is to be an answer whatever it is.
func (w *Waiter) late() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended || !time.Now().Before(w.end)
}

// Record is the challenge as the last look saw it.
func (w *Waiter) Record() *Record { return &w.record }

// Then has wake called, once, when there is reason to look again; at once if there has been since the last look. It must not block. It
// takes the place of one that has not been called.
func (w *Waiter) Then(wake func()) {
	w.mu.Lock()
	woken := w.woken
	w.then = wake
	if woken {
		w.then = nil
	}
	w.mu.Unlock()
	if woken {
		wake()
	}
}

// Wake is reason to look again.
func (w *Waiter) Wake() { w.wake(false) }

// End ends the wait: the next look is the last.
func (w *Waiter) End() { w.wake(true) }

func (w *Waiter) wake(end bool) {
	w.mu.Lock()
	w.woken, w.ended = true, w.ended || end
	wake := w.then
	w.then = nil
	w.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// Close forgets the wait.
func (w *Waiter) Close() {
	w.stop()
	if w.timer != nil {
		w.timer.Stop()
	}
}

package crowd

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

func room(places int) *Room { return NewRoom(places, NewWork(100, errFull)) }

func nobody() {}

func TestWhoFindsNoPlaceIsTurnedAwayUntilSomebodyLeaves(t *testing.T) {
	r := room(2)
	first, second, third := r.Page(challenge.NewID(), nobody), r.Site(challenge.NewID(), nobody), r.Page(challenge.NewID(), nobody)
	if !first.Take(false) || !second.Take(false) || third.Take(false) || third.Taken() {
		t.Fatal("the room is not of two")
	}
	if r.Waiting() != 2 || r.TurnedAway() != 1 {
		t.Errorf("%d wait, %d were turned away", r.Waiting(), r.TurnedAway())
	}
	if third.Leave() || r.Waiting() != 2 {
		t.Error("who had no place gave one back")
	}
	if second.Leave() || !third.Take(false) || !third.Take(false) || r.Waiting() != 2 {
		t.Error("the place that was left is not the next one's")
	}
}

func TestALoginThatHasBegunHasAPlaceThatCodesCannotTake(t *testing.T) {
	r := room(8)
	for range 80 {
		r.Page(challenge.NewID(), nobody).Take(false)
	}
	if !r.Page(challenge.NewID(), nobody).Take(true) || r.Waiting() != 9 {
		t.Error("there is none")
	}
	if r.Site(challenge.NewID(), nobody).Take(true) {
		t.Error("there is no end of them")
	}
}

// One capability must not fill the room.
func TestOfManyWhoWaitForTheSameTheLastStaysAndNothingIsKept(t *testing.T) {
	r, id := room(4), challenge.NewID()
	left := false
	site, other := r.Site(id, func() { left = true }), r.Page(challenge.NewID(), func() { left = true })
	if !site.Take(false) || !other.Take(false) {
		t.Fatal("no place")
	}
	const n = 64
	var replaced int
	var mu sync.Mutex
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			p := r.Page(id, cancel)
			if !p.Take(false) {
				t.Error("turned away")
				return
			}
			<-ctx.Done()
			if p.Leave() {
				mu.Lock()
				replaced++
				mu.Unlock()
			}
		})
	}
	for { // replaces whoever is left
		p := r.Page(id, nobody)
		p.Take(false)
		mu.Lock()
		all := replaced == n
		mu.Unlock()
		if again := p.Leave(); all {
			if again {
				t.Error("the last one was replaced")
			}
			break
		}
	}
	group.Wait()
	if left || site.Leave() || other.Leave() {
		t.Error("who waits for something else was ended")
	}
	if r.Waiting() != 0 || r.TurnedAway() != 0 || r.work.n.Load() != 0 {
		t.Errorf("%d are kept, %d were turned away, %d are at work", r.Waiting(), r.TurnedAway(), r.work.n.Load())
	}
}

func TestARoomThatClosesEndsTheWaitingOfAllAndOfWhoeverComes(t *testing.T) {
	r := room(3)
	var left []string
	place := func(name string) *Place {
		return r.Page(challenge.NewID(), func() { left = append(left, name) })
	}
	first, second, late, never := place("first"), place("second"), place("late"), place("never")
	if !first.Take(false) || !second.Take(false) || second.Leave() || r.Closed() {
		t.Fatal("no place")
	}
	r.Close()
	if !late.Take(false) || never.Leave() {
		t.Error("who comes late has no place")
	}
	if !r.Closed() || !slices.Equal(left, []string{"first", "late"}) {
		t.Errorf("ended: %s", left)
	}
}

func TestWhoSleepsIsNotAtWork(t *testing.T) {
	work := NewWork(1, errFull)
	r := NewRoom(1, work)
	done, ok := work.Enter(request(t, ""), false)
	p := r.Page(challenge.NewID(), nobody)
	if !ok || work.UnderWay() != 1 || !p.Take(false) {
		t.Fatalf("%d at work", work.UnderWay())
	}
	woken, slept := make(chan struct{}), make(chan bool)
	go func() { slept <- p.Sleep(woken, 0) }()
	for work.UnderWay() != 0 {
		runtime.Gosched()
	}
	other, ok := work.Enter(request(t, ""), false)
	if !ok {
		t.Fatal("nobody else may work")
	}
	other()
	close(woken)
	if !<-slept || work.UnderWay() != 1 {
		t.Errorf("%d at work", work.UnderWay())
	}
	if p.Sleep(make(chan struct{}), time.Millisecond) || work.UnderWay() != 1 {
		t.Errorf("nobody was woken, and %d at work", work.UnderWay())
	}
	p.Leave()
	if done(); work.UnderWay() != 0 {
		t.Errorf("%d at work", work.UnderWay())
	}
}

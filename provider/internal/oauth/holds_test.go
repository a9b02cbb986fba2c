package oauth

import (
	"context"
	"sync"
	"testing"

	"qrlogin/provider/internal/challenge"
)

func TestOfManyHoldsForOneCodeTheLastStaysAndNothingIsKept(t *testing.T) {
	var s holds
	id, other := challenge.NewID(), challenge.NewID()
	bystander, cancelBystander := context.WithCancel(t.Context())
	h := s.begin(other, cancelBystander)

	const n = 64
	var replaced int
	var mu sync.Mutex
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			mine := s.begin(id, cancel)
			<-ctx.Done()
			if s.end(mine) {
				mu.Lock()
				replaced++
				mu.Unlock()
			}
		})
	}
	for { // replaces whoever is left
		mine := s.begin(id, func() {})
		mu.Lock()
		all := replaced == n
		mu.Unlock()
		if all {
			if s.end(mine) {
				t.Error("the last one was replaced")
			}
			break
		}
	}
	group.Wait()
	if bystander.Err() != nil {
		t.Error("a hold for another code was ended")
	}
	if s.end(h) || s.end(nil) {
		t.Error("what nobody replaced was replaced")
	}
	if len(s.open) != 0 {
		t.Errorf("%d holds are kept", len(s.open))
	}
}

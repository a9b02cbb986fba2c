package oauth

import (
	"context"
	"sync"

	"qrlogin/provider/internal/challenge"
)

// holds is the requests that are held at this node, at most one per device_code: a client that has lost its connection and
// asks anew must not leave the old request waiting.
type holds struct {
	mu   sync.Mutex
	open map[challenge.ID]*hold
}

type hold struct {
	id       challenge.ID
	cancel   context.CancelFunc
	replaced bool
}

func (s *holds) begin(id challenge.ID, cancel context.CancelFunc) *hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.open[id]; first != nil {
		first.replaced = true
		first.cancel()
	}
	if s.open == nil {
		s.open = map[challenge.ID]*hold{}
	}
	h := &hold{id: id, cancel: cancel}
	s.open[id] = h
	return h
}

// end forgets the hold and tells whether another has replaced it. A nil hold never began.
func (s *holds) end(h *hold) (replaced bool) {
	if h == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[h.id] == h {
		delete(s.open, h.id)
	}
	return h.replaced
}

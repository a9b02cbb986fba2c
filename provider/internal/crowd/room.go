package crowd

import (
	"sync"
	"sync/atomic"
	"time"

	"qrlogin/provider/internal/challenge"
)

// Room is where requests wait for a challenge to change: so many at a time, and of each challenge one page and one site. Make it with
// [NewRoom].
type Room struct {
	places int
	work   *Work
	full   atomic.Int64

	mu     sync.Mutex
	open   map[seat]*Place
	closed bool
}

// seat is what one request at a time may wait for.
type seat struct {
	id   challenge.ID
	site bool
}

// NewRoom makes a room of so many places, and an eighth more for logins that have begun: who floods it with codes that nobody scans
// keeps nobody's phone from being noticed.
func NewRoom(places int, work *Work) *Room {
	return &Room{places: places, work: work, open: map[seat]*Place{}}
}

// Waiting is how many wait now.
func (r *Room) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

// TurnedAway is how many have found no place since the start.
func (r *Room) TurnedAway() int64 { return r.full.Load() }

// Close ends the waiting of all, and of whoever comes: the server stops.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, p := range r.open {
		p.leave()
	}
}

// Closed tells whether nobody waits any more.
func (r *Room) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Page is a place for the page that shows the challenge. leave ends its waiting when the room closes, and when the same challenge's page
// asks anew: a browser that has lost its connection must not leave the old request waiting, and one capability must not fill the room.
func (r *Room) Page(id challenge.ID, leave func()) *Place {
	return &Place{room: r, seat: seat{id: id}, leave: leave}
}

// Site is the same for who waits for the tokens.
func (r *Room) Site(id challenge.ID, leave func()) *Place {
	return &Place{room: r, seat: seat{id: id, site: true}, leave: leave}
}

// Place is one request's in a room, taken or not. Its methods but Leave are for that request alone.
type Place struct {
	room     *Room
	seat     seat
	leave    func()
	taken    bool
	replaced bool // guarded by the room's lock
}

// Take takes the place, and tells whether it is there; begun is whether a phone has scanned. Taking it again changes nothing.
func (p *Place) Take(begun bool) bool {
	if p.taken {
		return true
	}
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	most := r.places
	if begun {
		most += (r.places + 7) / 8
	}
	if first := r.open[p.seat]; first != nil {
		first.replaced = true
		first.leave()
	} else if len(r.open) >= most {
		r.full.Add(1)
		return false
	}
	r.open[p.seat] = p
	p.taken = true
	if r.closed {
		p.leave()
	}
	return true
}

// Sleep waits in the place until woken is closed, or for patience; for ever, if that is 0. It tells whether it was woken. Who sleeps is
// not at work.
func (p *Place) Sleep(woken <-chan struct{}, patience time.Duration) bool {
	p.room.work.n.Add(-1)
	defer p.room.work.n.Add(1)
	if patience == 0 {
		<-woken
		return true
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-woken:
		return true
	case <-timer.C:
		return false
	}
}

// Taken tells whether the request has waited.
func (p *Place) Taken() bool { return p.taken }

// Leave gives the place back, and tells whether another request has it.
func (p *Place) Leave() (replaced bool) {
	if !p.taken {
		return false
	}
	p.taken = false
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[p.seat] == p {
		delete(r.open, p.seat)
	}
	return p.replaced
}

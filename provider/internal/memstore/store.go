package memstore

import (
	"context"
	"slices"
	"time"

	"qrlogin/provider/internal/challenge"
)

// Store implements [challenge.Store], [challenge.Keys] and [challenge.Contents]. Make it with [New].
type Store struct {
	Room int64 // bytes that contents may take in all; set before use

	challenges shards[*entry] // by hash of the id
	codes      shards[reservation]
	values     shards[*value]
	contents   contents
}

var (
	_ challenge.Store    = (*Store)(nil)
	_ challenge.Keys     = (*Store)(nil)
	_ challenge.Contents = (*Store)(nil)
)

// entry is one challenge, or its tombstone, with those who wait for it to change. Its shard's lock guards it.
type entry struct {
	challenge challenge.Challenge
	waiters   []*waiter   // few: a page, and its site
	timer     *time.Timer // to the moment at which it is due
}

type waiter struct{ notify func() }

// reservation is a user code in use.
type reservation struct {
	id    challenge.ID
	until time.Time
}

// New makes an empty store, with no room for contents yet.
func New() *Store {
	s := new(Store)
	s.challenges.init()
	s.codes.init()
	s.values.init()
	s.contents.m = make(map[challenge.Hash]*content)
	return s
}

// Close stops every timer and forgets everything. Who still waits is not notified.
func (s *Store) Close() error {
	s.challenges.empty(func(e *entry) { e.timer.Stop() })
	s.codes.empty(func(reservation) {})
	s.values.empty(func(v *value) { v.timer.Stop() })
	s.contents.Lock()
	defer s.contents.Unlock()
	for key := range s.contents.m {
		s.contents.drop(key)
	}
	return nil
}

// clock is the store's time. Like Redis's keys it goes by the millisecond, so that a challenge is the same in both stores.
func clock() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Create implements [challenge.Store].
func (s *Store) Create(ctx context.Context, d challenge.Draft) (challenge.Record, error) {
	if err := ctx.Err(); err != nil {
		return challenge.Record{}, err
	}
	now := clock()
	c := d.Begin(now)
	if !s.reserve(&c, now) {
		return challenge.Record{}, challenge.ErrUserCodeTaken
	}
	key := c.ID.Hash()
	sh := s.challenges.of(key)
	sh.Lock()
	defer sh.Unlock()
	if _, exists := sh.m[key]; exists { // the same draft twice: its user code would have been taken, had it not been changed
		s.release(&c)
		return challenge.Record{}, challenge.ErrConflict
	}
	e := &entry{challenge: c}
	e.timer = time.AfterFunc(c.End().Sub(now), func() { s.age(key) })
	sh.m[key] = e
	return challenge.NewRecord(&c, now), nil
}

// age is what time does to an entry: past its end only the tombstone stays, and after a while that goes too.
func (s *Store) age(key challenge.Hash) {
	sh := s.challenges.of(key)
	sh.Lock()
	defer sh.Unlock()
	e := sh.m[key]
	if e == nil {
		return
	}
	now := clock()
	if !now.Before(e.challenge.TombstoneEnd()) {
		delete(sh.m, key)
		return
	}
	if !now.Before(e.challenge.End()) {
		s.bury(e)
	}
	e.rearm(now) // also when the machine's clock was set back, and this came too early
}

// bury keeps of a challenge that has ended its tombstone alone (SECURITY.md §1.2). The caller holds the shard's lock.
func (s *Store) bury(e *entry) {
	s.release(&e.challenge)
	e.challenge = e.challenge.Tombstone()
	e.waiters = nil
}

// due is the next moment at which [Store.age] has something to do.
func (e *entry) due() time.Time {
	if e.challenge.State.Final() {
		return e.challenge.TombstoneEnd()
	}
	return e.challenge.End()
}

func (e *entry) rearm(now time.Time) { e.timer.Reset(max(e.due().Sub(now), time.Millisecond)) }

// record is what the entry says at that time. The timer may not have come to it yet.
func (e *entry) record(now time.Time) (challenge.Record, error) {
	if e == nil || !now.Before(e.challenge.TombstoneEnd()) {
		return challenge.Record{}, challenge.ErrNotFound
	}
	return challenge.NewRecord(&e.challenge, now), nil
}

// Get implements [challenge.Store].
func (s *Store) Get(ctx context.Context, id challenge.ID) (challenge.Record, error) {
	if err := ctx.Err(); err != nil {
		return challenge.Record{}, err
	}
	key := id.Hash()
	sh := s.challenges.of(key)
	sh.Lock()
	defer sh.Unlock()
	return sh.m[key].record(clock())
}

// Swap implements [challenge.Store].
func (s *Store) Swap(ctx context.Context, old uint64, next challenge.Challenge) (challenge.Record, error) {
	if err := ctx.Err(); err != nil {
		return challenge.Record{}, err
	}
	r, woken, err := s.swap(old, &next)
	for _, w := range woken {
		w.notify() // without the lock: notify may call stop
	}
	return r, err
}

func (s *Store) swap(old uint64, next *challenge.Challenge) (challenge.Record, []*waiter, error) {
	key := next.ID.Hash()
	sh := s.challenges.of(key)
	sh.Lock()
	defer sh.Unlock()
	e := sh.m[key]
	now := clock()
	r, err := e.record(now)
	if err != nil {
		return r, nil, err
	}
	if r.Version != old || r.State.Final() {
		return r, nil, challenge.ErrConflict
	}
	woken, due := e.waiters, e.due()
	e.waiters = nil
	e.challenge = *next
	if next.State.Final() {
		s.bury(e)
	}
	if !e.due().Equal(due) {
		e.rearm(now)
	}
	return challenge.NewRecord(next, now), woken, nil
}

// Await implements [challenge.Store].
func (s *Store) Await(ctx context.Context, id challenge.ID, after uint64, notify func()) (challenge.Record, func(), error) {
	if err := ctx.Err(); err != nil {
		return challenge.Record{}, func() {}, err
	}
	key := id.Hash()
	sh := s.challenges.of(key)
	sh.Lock()
	defer sh.Unlock()
	e := sh.m[key]
	r, err := e.record(clock())
	if err != nil || r.Version > after || r.State.Final() {
		return r, func() {}, err
	}
	w := &waiter{notify: notify}
	e.waiters = append(e.waiters, w)
	return r, func() {
		sh.Lock()
		defer sh.Unlock()
		if i := slices.Index(e.waiters, w); i >= 0 {
			e.waiters = slices.Delete(e.waiters, i, i+1)
		}
	}, nil
}

// Find implements [challenge.Store].
func (s *Store) Find(ctx context.Context, userCode string) (challenge.ID, error) {
	if err := ctx.Err(); err != nil {
		return challenge.ID{}, err
	}
	key := challenge.HashOf(userCode)
	sh := s.codes.of(key)
	sh.Lock()
	defer sh.Unlock()
	r, found := sh.m[key]
	if !found || !clock().Before(r.until) {
		return challenge.ID{}, challenge.ErrNotFound
	}
	return r.id, nil
}

// reserve takes the challenge's user code for it, unless a live challenge has it.
func (s *Store) reserve(c *challenge.Challenge, now time.Time) bool {
	key := challenge.HashOf(c.UserCode)
	sh := s.codes.of(key)
	sh.Lock()
	defer sh.Unlock()
	if r, taken := sh.m[key]; taken && now.Before(r.until) {
		return false
	}
	sh.m[key] = reservation{id: c.ID, until: c.ExpiresAt}
	return true
}

// release forgets the challenge's user code. It is called with the lock of the challenge's shard held, never the other
// way round.
func (s *Store) release(c *challenge.Challenge) {
	key := challenge.HashOf(c.UserCode)
	sh := s.codes.of(key)
	sh.Lock()
	defer sh.Unlock()
	if sh.m[key].id == c.ID {
		delete(sh.m, key)
	}
}

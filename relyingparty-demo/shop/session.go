package shop

import (
	"container/list"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

const (
	sessionIdle     = time.Hour        // a session ends this long after its last use
	sessionLifetime = 12 * time.Hour   // and this long after it began, used or not
	sessionLimit    = 10_000           // how many are kept; beyond it the longest unused goes, visitors before members
	sessionTail     = 10 * time.Second // how long the id that logged in may fetch the id that replaced it
)

// A session is what the shop remembers of one browser. Its fields do not change once it is in the store, so that requests
// may read them without a lock; a session that gains something is replaced by another one with a new id.
type session struct {
	id      string // the cookie's value: 256 random bits
	picture string // names the live picture in a URL; it gives the picture and nothing else
	born    time.Time
	account int64 // the account that is logged in; 0 while nobody is
	visit   int64
	proof   proof  // how that account was proven
	login   *login // the login in progress
	errand  *errand

	expires time.Time // this and place belong to the store, under its lock
	place   *list.Element
}

// sessions keeps a bounded number of sessions in memory: a restart logs everybody out.
type sessions struct {
	limit int

	mu        sync.Mutex
	byID      map[string]*session
	byPicture map[string]*session
	visitors  *list.List // nobody logged in; the most recently used first
	members   *list.List // somebody logged in; the same order
}

func newSessions(limit int) *sessions {
	return &sessions{
		limit:     limit,
		byID:      map[string]*session{},
		byPicture: map[string]*session{},
		visitors:  list.New(),
		members:   list.New(),
	}
}

// find returns the session with this id and counts it as used; nil when there is none. An id that the store did not make
// itself is never taken over.
func (ss *sessions) find(id string) *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.use(ss.byID[id])
}

// findPicture returns the session that a live picture belongs to; nil when there is none.
func (ss *sessions) findPicture(picture string) *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.use(ss.byPicture[picture])
}

func (ss *sessions) use(s *session) *session {
	if s == nil {
		return nil
	}
	now := time.Now()
	if !now.Before(s.expires) {
		ss.drop(s)
		return nil
	}
	if s.picture != "" { // a tail is not prolonged
		s.expires = expiry(s.born, now)
		ss.listOf(s).MoveToFront(s.place)
	}
	return s
}

// visit makes a session for a browser that has none.
func (ss *sessions) visit() *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.add(&session{born: time.Now()})
}

// begin gives the browser of old (nil for none) a new session that holds a login, and forgets the old one together with a
// login that it held. The new id means that only the browser that started the login can finish it, even where somebody
// else had planted the old id in it (session fixation).
func (ss *sessions) begin(old *session, l *login) *session {
	return ss.replace(old, &session{born: time.Now(), login: l})
}

// leave does the same for a login by the provider's page.
func (ss *sessions) leave(old *session, e *errand) *session {
	return ss.replace(old, &session{born: time.Now(), errand: e})
}

func (ss *sessions) replace(old, next *session) *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if old != nil && ss.byID[old.id] == old {
		ss.drop(old)
		next.born, next.account, next.visit, next.proof = old.born, old.account, old.visit, old.proof
		next.picture = old.picture // the page goes on showing its address
		if old.login != nil {
			old.login.abandon()
		}
	}
	return ss.add(next)
}

// logIn makes the session of a member. The id that led here keeps, for a moment, nothing but the finished login: a browser
// that lost the answer asks again and gets the new id, as the provider gives its own answer again.
func (ss *sessions) logIn(old *session, account, visit int64, p proof) *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.byID[old.id] == old {
		ss.drop(old)
		tail := &session{id: old.id, login: old.login, expires: time.Now().Add(sessionTail)}
		ss.byID[tail.id] = tail
		tail.place = ss.visitors.PushFront(tail)
	}
	return ss.add(&session{born: time.Now(), account: account, visit: visit, proof: p})
}

// end forgets a session.
func (ss *sessions) end(s *session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.byID[s.id] == s {
		ss.drop(s)
	}
}

func (ss *sessions) add(s *session) *session {
	now := time.Now()
	for _, l := range []*list.List{ss.visitors, ss.members} {
		for e := l.Back(); e != nil && !now.Before(e.Value.(*session).expires); e = l.Back() {
			ss.drop(e.Value.(*session))
		}
	}
	// A crowd of nobodies must not log a member out.
	for len(ss.byID) >= ss.limit {
		e := ss.visitors.Back()
		if e == nil {
			e = ss.members.Back()
		}
		ss.drop(e.Value.(*session))
	}
	s.id = random(32)
	if s.picture == "" {
		s.picture = random(16)
	}
	s.expires = expiry(s.born, now)
	ss.byID[s.id], ss.byPicture[s.picture] = s, s
	s.place = ss.listOf(s).PushFront(s)
	return s
}

func (ss *sessions) drop(s *session) {
	delete(ss.byID, s.id)
	delete(ss.byPicture, s.picture)
	ss.listOf(s).Remove(s.place)
}

func (ss *sessions) listOf(s *session) *list.List {
	if s.account != 0 {
		return ss.members
	}
	return ss.visitors
}

func expiry(born, used time.Time) time.Time {
	idle, end := used.Add(sessionIdle), born.Add(sessionLifetime)
	if end.Before(idle) {
		return end
	}
	return idle
}

// random returns that many random bytes as text.
func random(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// cookieName carries the __Host- prefix over https, with which browsers take the cookie from this host alone: no
// neighbouring subdomain can plant one (RFC 6265bis section 4.1.3.2). Over plain http on the loopback they would refuse it.
func (s *Shop) cookieName() string {
	if s.secure {
		return "__Host-shop_session"
	}
	return "shop_session"
}

// session returns the session of the browser that asks; nil when it has none.
func (s *Shop) session(r *http.Request) *session {
	c, err := r.Cookie(s.cookieName())
	if err != nil {
		return nil
	}
	return s.sessions.find(c.Value)
}

// setSession tells the browser its session id; an empty one takes the cookie away.
func (s *Shop) setSession(w http.ResponseWriter, id string) {
	c := &http.Cookie{ //nolint:gosec // G124: not Secure on the loopback alone, which has no https
		Name: s.cookieName(), Value: id, Path: "/",
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	}
	if id == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

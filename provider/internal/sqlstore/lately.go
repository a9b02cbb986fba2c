package sqlstore

import (
	"sync"
	"time"

	"qrlogin/provider/internal/identity"
)

// How long, and of how many, what was read of a client is taken for true.
const (
	clientKept  = time.Second
	clientsKept = 1000
)

// lately is the clients that were read a moment ago: a login reads its client six times, and a busy site has many logins a second.
// What this process changes counts at once; what another does, after [clientKept].
type lately struct {
	mu      sync.RWMutex
	clients map[string]seen
	changes int // how often something was forgotten
}

type seen struct {
	client identity.Client
	until  time.Time
}

// get answers the client, or the number of changes so far, which keep is to be told.
func (l *lately) get(id string) (c identity.Client, ok bool, changes int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s, ok := l.clients[id]
	return s.client, ok && time.Now().Before(s.until), l.changes
}

// keep keeps what was read, unless it may have changed since.
func (l *lately) keep(c identity.Client, changes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changes != changes {
		return
	}
	if l.clients == nil || len(l.clients) >= clientsKept {
		l.clients = map[string]seen{}
	}
	l.clients[c.ID] = seen{c, time.Now().Add(clientKept)}
}

// forget is called after a change.
func (l *lately) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.clients, id)
	l.changes++
}

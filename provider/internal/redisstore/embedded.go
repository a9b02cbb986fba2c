package redisstore

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is how often the embedded Redis's time moves on, and so how early a key in it may run out. Each tick looks at every
// key; the alternative, miniredis's ClockTTL, does that at every command.
const tick = 250 * time.Millisecond

// Embedded starts a Redis inside this process, on a free port of the loopback and with a random password: the path through
// Redis with nothing installed, for trying out, for tests, and for two nodes in one demo. It is not for production: it
// keeps about a hundred bytes of every key ever used, and one slow subscriber holds up all of it.
func Embedded(log *slog.Logger) (url string, stop func(), err error) {
	m := miniredis.NewMiniRedis()
	password := rand.Text()
	m.RequireAuth(password)
	// Its listener and not its in-process pipe, on which pipelines deadlock.
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return "", nil, fmt.Errorf("redisstore: starting miniredis: %w", err)
	}
	log.Warn("miniredis is a Redis inside this process, for trying out and not for production")

	// Its TIME is the machine's, but the time to live of its keys stands still unless somebody moves it.
	done := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for last := time.Now(); ; {
			select {
			case <-ticker.C:
				now := time.Now()
				m.FastForward(now.Sub(last))
				last = now
			case <-done:
				return
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(done)
		ticking.Wait()
		m.Close()
	})
	// What is slow here is this process, and nobody else could be asked.
	return "redis://:" + password + "@" + m.Addr() + "?read_timeout=20s&pool_timeout=20s", stop, nil
}

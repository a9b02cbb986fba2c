package faults

import (
	"testing"
	"time"

	"qrlogin/provider/internal/testenv"
)

// outage is how long something is gone that is gone for five seconds.
func outage() time.Duration { return size(1500*time.Millisecond, 5*time.Second) }

// usual is the logins that most faults meet, which come in steadily.
func usual() load { return load{logins: size(180, 1500), atOnce: size(180, 750), rate: size(60, 100)} }

func TestRedisHangs(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	server := newRedis(t)
	c := newCluster(t, 3, server.store, newDatabase(t))
	s := c.swarm(t, usual())
	s.reach(.2)
	pause(t, server.Process, outage())
	over := time.Now()
	r := s.end()
	table.add(t, "Redis hangs for 5 s", r, over)
	r.survived(t)
	r.stood(t, outage())
}

func TestRedisIsGoneAndComesBackWithItsFile(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	server := newRedis(t)
	c := newCluster(t, 3, server.store, newDatabase(t))
	s := c.swarm(t, usual())
	s.reach(.2)
	server.Stop()
	time.Sleep(outage())
	server.start()
	over := time.Now()
	r := s.end()
	table.add(t, "Redis killed, started again after 5 s with its append-only file", r, over)
	r.survived(t)
	r.stood(t, outage())
}

// stood is that nobody could log in for so long, or the fault was none.
func (r report) stood(t *testing.T, so time.Duration) {
	t.Helper()
	if pause := time.Duration(r.Timeline.PauseMS) * time.Millisecond; pause < so*8/10 {
		t.Errorf("the longest pause is %s: the fault was none", pause)
	}
}

// What had begun is gone, and begins anew: how a page does that is seen in TestAPageWhoseCodeIsForgottenShowsAnotherByItself.
func TestRedisComesBackEmpty(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	server := newRedis(t)
	c := newCluster(t, 3, server.store, newDatabase(t))
	s := c.swarm(t, load{logins: usual().logins, atOnce: usual().atOnce, rate: usual().rate})
	s.reach(.2)
	server.Stop()
	time.Sleep(outage())
	server.forget()
	over := time.Now()
	r := s.end()
	table.add(t, "Redis killed, started again after 5 s empty", r, over)
	r.once(t)
	r.stood(t, outage())
	if r.doneAfter(over) == patience {
		t.Error("nobody has logged in since")
	}
	if l := r.Logins; l.Done < l.Asked/2 || l.Refused > 0 {
		t.Errorf("only %d of %d: %v", l.Done, l.Asked, r.Failures)
	}
}

func TestTheSentinelFailsOver(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	master, _, sentinel, stop, err := testenv.RedisSentinel(redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	store := "redis-sentinel://" + sentinel.Addr + "?master_name=mymaster"
	c := newCluster(t, 3, func(int) string { return store }, newDatabase(t))
	s := c.swarm(t, usual())
	s.reach(.2)
	master.Stop()
	over := time.Now()
	r := s.end()
	table.add(t, "Redis's master killed, and failed over by the sentinel", r, over)
	r.survived(t)
	r.stood(t, 500*time.Millisecond) // after which the sentinel acts
}

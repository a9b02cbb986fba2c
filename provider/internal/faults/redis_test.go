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

// bounded is the same, with no more under way at once than may be lost where what had begun is gone.
func bounded() load {
	l := usual()
	l.atOnce = l.logins / 3
	return l
}

func TestRedisHangs(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	server := newRedis(t)
	c := newCluster(t, 3, server.store, newDatabase(t))
	r := c.swarm(t, usual()).meet("Redis hangs for 5 s", func() {
		pause(t, server.Process, outage())
	})
	r.survived(t)
	r.stood(t, outage())
}

func TestRedisIsGoneAndComesBackWithItsFile(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	server := newRedis(t)
	c := newCluster(t, 3, server.store, newDatabase(t))
	r := c.swarm(t, usual()).meet("Redis killed, started again after 5 s with its append-only file", func() {
		server.Stop()
		time.Sleep(outage())
		server.start()
	})
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
	r := c.swarm(t, bounded()).meet("Redis killed, started again after 5 s empty", func() {
		server.Stop()
		time.Sleep(outage())
		server.forget()
	})
	r.once(t)
	r.stood(t, outage())
	if r.doneAfter(r.over) == patience {
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
	r := c.swarm(t, usual()).meet("Redis's master killed, and failed over by the sentinel", func() {
		master.Stop()
	})
	r.survived(t)
	r.stood(t, 500*time.Millisecond) // after which the sentinel acts
}

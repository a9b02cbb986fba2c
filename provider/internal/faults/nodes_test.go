package faults

import (
	"testing"
	"time"
)

func TestANodeIsKilledWhileFiveHundredLogIn(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	c := newCluster(t, 3, newRedis(t).store, newDatabase(t))
	s := c.swarm(t, load{logins: size(1000, 5000), atOnce: 500})
	s.reach(.2)
	c.nodes[1].kill()
	killed := time.Now()
	s.reach(size(.6, .4))
	c.nodes[1].start()
	r := s.end()
	table.add(t, "A node killed (kill -9) with 500 logging in, and started again", r, killed)
	r.survived(t)
	if r.Errors["POST /token: connection dropped"]+r.Errors["GET /challenges/{id}: connection dropped"] == 0 {
		t.Errorf("nobody noticed: %v", r.Errors)
	}
}

func TestThreeNodesAreRestartedOneByOneUnderLoad(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	c := newCluster(t, 3, newRedis(t).store, newDatabase(t))
	many := load{logins: size(300, 1500), atOnce: 100, rate: size(80, 100)}
	for {
		s := c.swarm(t, many)
		s.reach(.1)
		for _, n := range c.nodes {
			n.stop()
			time.Sleep(size(0, time.Second))
			n.start()
		}
		restarted := time.Now()
		r := s.end()
		r.survived(t)
		if restarted.Before(r.Began.Add(time.Duration(r.Seconds * float64(time.Second)))) {
			table.add(t, "Three nodes restarted one by one (SIGTERM)", r, restarted)
			return
		}
		if many.logins *= 2; many.logins > 5000 { // or the machine is slow, and the logins were done by then
			t.Fatal("the logins were done before the last node was restarted")
		}
	}
}

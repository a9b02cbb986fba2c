package faults

import (
	"testing"
	"time"
)

// behindALink is a provider of three nodes, the second of which has its Redis behind a link.
func behindALink(t *testing.T) (*cluster, *link) {
	t.Helper()
	server := newRedis(t)
	k := newLink(t, server.Addr)
	return newCluster(t, 3, func(i int) string {
		if i == 1 {
			return k.store()
		}
		return server.store(i)
	}, newDatabase(t)), k
}

func TestTheLinkToRedisIsCut(t *testing.T) {
	for what, how := range map[string]condition{"refused": {refused: true}, "silent": {silent: true}} {
		t.Run(what, func(t *testing.T) {
			if !begin(t, redis, postgresProgram) {
				return
			}
			c, k := behindALink(t)
			r := c.swarm(t, usual()).meet(map[string]string{
				"refused": "One node of three cut off from Redis for 5 s: connections refused",
				"silent":  "One node of three cut off from Redis for 5 s: nothing gets through",
			}[what], func() {
				k.set(how)
				time.Sleep(size(3*time.Second, 5*time.Second)) // longer than a node waits for Redis
				k.set(condition{})
			})
			r.survived(t)
			if c.nodes[1].journal.count("status=503") == 0 {
				t.Errorf("the node that is cut off told nobody: %v", r.Errors)
			}
		})
	}
}

func TestTheLinkToRedisIsSlow(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	c, k := behindALink(t)
	r := c.swarm(t, usual()).meet("One node of three with 300 ms to Redis, each way, for 5 s", func() {
		k.set(condition{delay: 300 * time.Millisecond})
		time.Sleep(outage())
		k.set(condition{})
	})
	r.survived(t)
}

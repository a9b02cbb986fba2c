package faults

import "testing"

// The challenges were in the process that ends: what had begun is gone, and begins anew.
func TestTheOnlyNodeIsKilledAndItsMemoryWithIt(t *testing.T) {
	if !begin(t) {
		return
	}
	c := newCluster(t, 1, func(int) string { return "memory" }, "--data="+t.TempDir())
	r := c.swarm(t, bounded()).meet("The only node killed (kill -9), its challenges in its memory, and started again", func() {
		c.nodes[0].kill()
		c.nodes[0].start()
	})
	r.once(t)
	if l := r.Logins; l.Done < l.Asked/2 || l.Done == l.Asked {
		t.Errorf("%d of %d: %v", l.Done, l.Asked, r.Failures)
	}
}

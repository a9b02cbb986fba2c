package crowd

import (
	"net"
	"testing"
	"time"
)

func TestAConnectionWhoseRequestComesWhileRoomIsMadeStaysOpen(t *testing.T) {
	l := Listen(nil, 2, NewWork(1, errFull))
	var both []*conn
	for range 2 {
		here, there := net.Pipe()
		defer func() { _ = there.Close() }()
		both = append(both, l.admit(here).(*conn))
	}
	both[0].wait(time.Unix(1, 0)) // for longest
	all := l.idle()
	if len(all) != 2 || all[0].conn != both[0] {
		t.Fatalf("%v", all)
	}
	both[0].serve()
	l.close(all, 1)
	if _, open := l.open[both[0]]; !open {
		t.Error("one that is worked on was closed")
	}
	if _, open := l.open[both[1]]; open || l.Closed() != 1 {
		t.Error("the one that still waits was not")
	}
}

package faults

import (
	"net"
	"sync"
	"testing"
	"time"
)

// link is the way of one node to its Redis.
type link struct {
	to       string
	listener net.Listener

	mu    sync.Mutex
	now   condition
	conns map[net.Conn]bool
}

// condition is what a link does.
type condition struct {
	refused bool          // connections end, and new ones do
	silent  bool          // connections stay, and nothing goes through
	delay   time.Duration // each way
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{to: to, listener: l, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); k.set(condition{refused: true}) })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			k.join(near)
		}
	}()
	return k
}

func (k *link) store() string { return "redis://" + k.listener.Addr().String() }

// set makes the link so, for the connections that there are as well.
func (k *link) set(now condition) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = now
	if now.refused {
		for c := range k.conns {
			_ = c.Close()
		}
		clear(k.conns)
	}
}

func (k *link) is() condition {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *link) join(near net.Conn) {
	far, err := net.Dial("tcp", k.to)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil || k.now.refused {
		_ = near.Close()
		if err == nil {
			_ = far.Close()
		}
		return
	}
	k.conns[near], k.conns[far] = true, true
	go k.carry(far, near)
	go k.carry(near, far)
}

// carry forwards what is read, each piece at its time.
func (k *link) carry(to, from net.Conn) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	pieces := make(chan piece, 1024)
	defer close(pieces)
	go func() {
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			for k.is().silent {
				time.Sleep(10 * time.Millisecond)
			}
			_, _ = to.Write(p.bytes)
		}
		_ = to.Close()
	}()
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		pieces <- piece{buffer[:n], time.Now().Add(k.is().delay)}
	}
}

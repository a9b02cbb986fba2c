package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	startTime = 5 * time.Second  // for the first answers of Redis
	silence   = 10 * time.Second // without a message: then Redis is asked whether it is still there
	pause     = 100 * time.Millisecond
)

// waiters are the requests of this node that wait, by the record they wait for.
type waiters struct {
	mu sync.Mutex
	m  map[string]map[*waiter]struct{}
}

type waiter struct{ notify func() }

// add registers notify, to be called once. The answer takes it out again.
func (ws *waiters) add(key string, notify func()) (remove func()) {
	w := &waiter{notify}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.m == nil {
		ws.m = make(map[string]map[*waiter]struct{})
	}
	if ws.m[key] == nil {
		ws.m[key] = make(map[*waiter]struct{})
	}
	ws.m[key][w] = struct{}{}
	return func() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		delete(ws.m[key], w)
		if len(ws.m[key]) == 0 {
			delete(ws.m, key)
		}
	}
}

func (ws *waiters) wake(key string) {
	ws.mu.Lock()
	woken := ws.m[key]
	delete(ws.m, key)
	ws.mu.Unlock()
	for w := range woken {
		w.notify() // without the lock: notify may call remove
	}
}

func (ws *waiters) wakeAll() {
	ws.mu.Lock()
	all := ws.m
	ws.m = nil
	ws.mu.Unlock()
	for _, woken := range all {
		for w := range woken {
			w.notify()
		}
	}
}

const channelPrefix = "qrlogin:node:"

// listen subscribes to this node's channel, and goes on listening until ctx ends.
func (s *Store) listen(ctx context.Context) error {
	return s.listenTo(ctx, func() *redis.PubSub { return s.db.Subscribe(ctx, channelPrefix+s.node) })
}

func (s *Store) listenTo(ctx context.Context, subscribe func() *redis.PubSub) error {
	sub := subscribe()
	if _, err := sub.ReceiveTimeout(ctx, startTime); err != nil {
		return errors.Join(fmt.Errorf("subscribing: %w", err), sub.Close())
	}
	s.listener.Go(func() {
		for ctx.Err() == nil {
			s.hear(ctx, sub)
			sub = subscribe()
		}
		_ = sub.Close()
	})
	return nil
}

// hear hands out messages until the connection has gone silent, or ctx ends. After any other failure the client connects
// and subscribes again by itself.
func (s *Store) hear(ctx context.Context, sub *redis.PubSub) {
	defer func() { _ = sub.Close() }()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // ends a Receive that is under way
	asked, lost := false, false
	for ctx.Err() == nil {
		message, err := sub.ReceiveTimeout(ctx, s.silence)
		switch timeout := net.Error(nil); {
		case err == nil:
			asked = false
		case ctx.Err() != nil:
			return
		case errors.As(err, &timeout) && timeout.Timeout():
			if asked {
				s.log.Warn("redis does not answer on the subscription, subscribing anew")
				return
			}
			asked = true
			_ = sub.Ping(ctx) // if this fails, so does the next Receive
			continue
		default:
			if !lost {
				s.log.Warn("lost the subscription to redis, connecting again", "error", err)
			}
			lost = true
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		switch m := message.(type) {
		case *redis.Subscription:
			if m.Kind == "sunsubscribe" { // the channel's slot has moved to another shard
				return
			}
			// A new connection: what was published in between is lost, so everybody looks again.
			if lost {
				s.log.Info("subscribed to redis again")
			}
			lost = false
			s.waiting.wakeAll()
		case *redis.Message:
			s.waiting.wake(m.Payload)
		}
	}
}

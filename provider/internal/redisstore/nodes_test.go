package redisstore

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/challenge"
)

const patience = 20 * time.Second // until a test that hangs gives up

func create(t testing.TB, s *Store) challenge.Record {
	t.Helper()
	draft, _, _ := challenge.NewDraft("shop", challenge.Policy{StaticCode: true}, challenge.Request{
		Scopes: []string{"openid", "profile", "phone"}, Nonce: "n-0S6_WzA2MjRGVyc2lvbg",
	})
	r, err := s.Create(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func visit(t testing.TB, s *Store, id challenge.ID, address string) challenge.Record {
	t.Helper()
	r, err := challenge.Do(t.Context(), s, id, func(challenge.Record) (challenge.Event, error) {
		return challenge.Visit{Browser: challenge.Browser{
			Address:   address,
			UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// await registers a waiter, whose channel gets a value when it is notified.
func await(t testing.TB, s *Store, id challenge.ID) chan struct{} {
	t.Helper()
	notified := make(chan struct{}, 1)
	if _, _, err := s.Await(t.Context(), id, challenge.Latest, func() { notified <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	return notified
}

func isNotified(t testing.TB, notified chan struct{}) {
	t.Helper()
	select {
	case <-notified:
	case <-time.After(patience):
		t.Fatal("the waiter was not notified")
	}
}

// waitedFor is for how many challenges somebody waits on this node.
func waitedFor(s *Store) int {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	return len(s.waiting.m)
}

// eachRedis runs a test with two nodes on one Redis: a miniredis, and the real server.
func eachRedis(t *testing.T, test func(t *testing.T, a, b *Store)) {
	t.Run("miniredis", func(t *testing.T) {
		url := "redis://" + miniredis.RunT(t).Addr()
		test(t, open(t, url), open(t, url))
	})
	if realURL != "" {
		t.Run("redis", func(t *testing.T) { test(t, openReal(t), open(t, realURL)) })
		t.Run("cluster", func(t *testing.T) { test(t, openEmpty(t, clusterURL), open(t, clusterURL)) })
	}
}

// commands is how often the real server, or the cluster's servers, have run a command, by its name.
func commands(t testing.TB, s *Store) map[string]int {
	t.Helper()
	calls := map[string]int{}
	err := eachServer(s.db, func(ctx context.Context, server *redis.Client) error {
		info, err := server.Info(ctx, "commandstats").Result()
		for line := range strings.Lines(info) {
			name, stats, found := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
			if n, _, _ := strings.Cut(stats, ","); found {
				count, _ := strconv.Atoi(n)
				calls[name] += count
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

func TestASwapOnOneNodeWakesTheWaiterOnAnotherByAMessage(t *testing.T) {
	eachRedis(t, func(t *testing.T, a, b *Store) {
		c := create(t, a)
		before := a.RoundTrips()
		waiting := make(chan struct{})
		answered := make(chan challenge.Record, 1)
		go func() {
			r, err := challenge.Wait(t.Context(), a, c.ID, c.Version, patience, func(r challenge.Record) (bool, error) {
				if r.Version == c.Version {
					close(waiting)
				}
				return r.Version > c.Version, nil
			})
			if err != nil {
				t.Error(err)
			}
			answered <- *r
		}()
		<-waiting
		changed := visit(t, b, c.ID, "192.0.2.1")
		if r := <-answered; r.Version != changed.Version || r.Browser != changed.Browser {
			t.Fatalf("node A was answered %+v", r)
		}
		// One look that registered it and one after the message: nothing in between.
		if trips := a.RoundTrips() - before; trips != 2 {
			t.Fatalf("waiting took node A %d round trips", trips)
		}
	})
}

func TestAChangeIsToldToTheNodesThatWaitAndToNoOthers(t *testing.T) {
	if realURL == "" {
		return
	}
	a := openReal(t)
	for range 5 {
		open(t, realURL) // nodes with nobody waiting
	}
	c := create(t, a)
	first, second := await(t, a, c.ID), await(t, a, c.ID)
	before := commands(t, a)["publish"]
	visit(t, a, c.ID, "192.0.2.1")
	isNotified(t, first)
	isNotified(t, second)
	if n := commands(t, a)["publish"] - before; n != 1 {
		t.Fatalf("two waiters on one of six nodes took %d messages", n)
	}
	if n := waitedFor(a); n != 0 {
		t.Fatalf("%d waiters are left of those that were notified", n)
	}
	visit(t, a, c.ID, "192.0.2.2") // nobody waits any more
	if n := commands(t, a)["publish"] - before; n != 1 {
		t.Fatalf("a change that nobody waits for made %d messages", n-1)
	}
}

func TestAWaitingBrowserCostsNoStoreTraffic(t *testing.T) {
	if realURL == "" {
		return
	}
	s := openReal(t)
	const browsers = 200
	ctx, cancel := context.WithCancel(t.Context())
	waiting, gone := make(chan struct{}), make(chan struct{})
	for range browsers {
		c := create(t, s)
		go func() {
			_, err := challenge.Wait(ctx, s, c.ID, c.Version, patience, func(challenge.Record) (bool, error) {
				waiting <- struct{}{}
				return false, nil
			})
			if err != nil {
				t.Error(err)
			}
			gone <- struct{}{}
		}()
	}
	for range browsers {
		<-waiting
	}
	sum := func() (n int) {
		for _, calls := range commands(t, s) {
			n += calls
		}
		return n
	}
	before, trips := sum(), s.RoundTrips()
	time.Sleep(time.Second)
	// The look itself is a command, and the subscription may have asked once whether the server is still there.
	if n := sum() - before; n > 2 {
		t.Errorf("while %d browsers waited, the server ran %d commands", browsers, n)
	}
	if n := s.RoundTrips() - trips; n != 1 {
		t.Errorf("while %d browsers waited, the node made %d round trips", browsers, n-1)
	}
	cancel()
	for range browsers {
		<-gone
	}
	if n := waitedFor(s); n != 0 {
		t.Errorf("%d waiters are left", n)
	}
}

// subscribed is how many nodes are.
func subscribed(t *testing.T, s *Store) int {
	t.Helper()
	channels, err := s.db.PubSubChannels(t.Context(), channelPrefix+"*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return len(channels)
}

func TestALostSubscriptionIsTakenUpAgainAndEverybodyLooks(t *testing.T) {
	if realURL == "" {
		return
	}
	a, b := openReal(t), open(t, realURL)
	for round := range 3 {
		var waiters []chan struct{}
		for range 20 {
			waiters = append(waiters, await(t, a, create(t, a).ID))
		}
		for began := time.Now(); subscribed(t, b) < 2; time.Sleep(5 * time.Millisecond) { // b too, since the last time
			if time.Since(began) > patience {
				t.Fatal("a node does not subscribe again")
			}
		}
		if n, err := b.db.Do(t.Context(), "client", "kill", "type", "pubsub").Int(); err != nil || n != 2 {
			t.Fatalf("killed %d subscriptions: %v", n, err)
		}
		for _, w := range waiters {
			isNotified(t, w)
		}
		c := create(t, a)
		w := await(t, a, c.ID)
		visit(t, b, c.ID, fmt.Sprint(round))
		isNotified(t, w)
	}
}

func TestAChangeDuringAnOutageOfTheSubscriptionIsNotLost(t *testing.T) {
	if realURL == "" {
		return
	}
	a, b := openReal(t), open(t, realURL)
	for round := range 10 {
		c := create(t, a)
		w := await(t, a, c.ID)
		if err := b.db.Do(t.Context(), "client", "kill", "type", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		visit(t, b, c.ID, fmt.Sprint(round)) // its message may find nobody
		isNotified(t, w)
	}
}

func TestARestartedRedisIsTakenUpAgain(t *testing.T) {
	m := miniredis.RunT(t)
	s := open(t, "redis://"+m.Addr())
	c := create(t, s)
	w := await(t, s, c.ID)
	m.Close()
	if _, err := s.Get(t.Context(), c.ID); err == nil || challenge.KindOf(err) != 0 {
		t.Fatalf("without a Redis, get answers %v", err)
	}
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	isNotified(t, w)
	w = await(t, s, c.ID)
	visit(t, s, c.ID, "192.0.2.1")
	isNotified(t, w)
}

func TestASilentSubscriptionIsReplaced(t *testing.T) {
	m := miniredis.RunT(t)
	address, mute := muteable(t, m.Addr())
	s, err := connect(t.Context(), "redis://"+address, slog.New(slog.DiscardHandler), 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := await(t, s, create(t, s).ID)
	mute() // the connection neither breaks nor answers
	isNotified(t, w)
	for began := time.Now(); len(m.PubSubChannels("")) == 0; time.Sleep(time.Millisecond) { // its silence is short: it may be changing again
		if time.Since(began) > patience {
			t.Fatal("the node is not subscribed")
		}
	}
}

// muteable listens in front of a server. mute swallows from then on whatever comes over the connections that there are.
func muteable(t *testing.T, server string) (address string, mute func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var muted atomic.Pointer[atomic.Bool] // of the connections made from now on
	muted.Store(new(atomic.Bool))
	forward := func(to, from net.Conn, muted *atomic.Bool) {
		defer to.Close()
		for buffer := make([]byte, 4096); ; {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if !muted.Load() {
				_, _ = to.Write(buffer[:n])
			}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				return
			}
			muted := muted.Load()
			go forward(far, near, muted)
			go forward(near, far, muted)
		}
	}()
	return l.Addr().String(), func() { muted.Swap(new(atomic.Bool)).Store(true) }
}

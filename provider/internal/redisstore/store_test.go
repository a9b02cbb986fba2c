package redisstore

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/challenge"
)

func TestEachOperationTakesItsRoundTripsAndNoMore(t *testing.T) {
	eachRedis(t, func(t *testing.T, s, _ *Store) {
		ctx := t.Context()
		last := s.RoundTrips()
		took := func(what string, n int64) {
			t.Helper()
			now := s.RoundTrips()
			if now-last != n {
				t.Errorf("%s took %d round trips, want %d", what, now-last, n)
			}
			last = now
		}
		c := create(t, s)
		took("create", 1)
		_, _ = s.Get(ctx, c.ID)
		took("get", 1)
		_, _ = s.Find(ctx, c.UserCode)
		took("find", 1)
		_, stop, _ := s.Await(ctx, c.ID, c.Version, func() {})
		stop()
		took("await", 1)
		_, _, _ = s.Await(ctx, c.ID, 0, func() {})
		took("await of what is newer", 1)
		for _, event := range []challenge.Event{challenge.Visit{Browser: challenge.Browser{Address: "192.0.2.1"}}, challenge.Cancel{}} {
			next, err := c.Apply(event, c.Now)
			if err != nil {
				t.Fatal(err)
			}
			old := c.Version
			if c, err = s.Swap(ctx, old, next); err != nil {
				t.Fatal(err)
			}
			took("swap", 1)
		}
		_, _ = s.First(ctx, "name", time.Minute)
		took("first", 1)
		_, _ = s.Count(ctx, "name", challenge.Limit{Max: 1, Window: time.Minute})
		took("count", 1)
		_, _ = s.CountAll(ctx, []challenge.Tally{{Key: "name"}, {Key: "another"}, {Key: "a third"}, {Key: "a fourth"}})
		took("count four", 1)
		_, _ = s.CountAll(ctx, nil)
		took("count nothing", 0)
		_ = s.Refund(ctx, "name", "another")
		took("refund", 1)
		_ = s.Put(ctx, "name", []byte("value"), time.Minute)
		took("put", 1)
		_, _ = s.Peek(ctx, "name")
		took("peek", 1)
		_, _ = s.Take(ctx, "name")
		took("take", 1)
		_ = s.Reserve(ctx, "name", 1, time.Minute)
		took("reserve", 1)
		_ = s.Append(ctx, "name", []byte("!"))
		took("append", 1)
		_, _ = s.Chunk(ctx, "name", 0)
		took("chunk", 1)
		_ = s.Keep(ctx, "name", time.Minute)
		took("keep", 1)
		_ = s.Remove(ctx, "name")
		took("remove", 1)
	})
}

func TestAFlushedScriptIsLoadedAgain(t *testing.T) {
	eachRedis(t, func(t *testing.T, s, _ *Store) {
		flush := func() {
			t.Helper()
			if err := s.db.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		flush()
		c := create(t, s)
		flush()
		c = visit(t, s, c.ID, "192.0.2.1")
		flush()
		next, err := c.Apply(challenge.Cancel{}, c.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Swap(t.Context(), c.Version, next); err != nil {
			t.Fatal(err)
		}
		flush()
		if n, err := s.Count(t.Context(), "name", challenge.Limit{Max: 1, Window: time.Minute}); err != nil || n.N != 1 {
			t.Fatalf("count: %+v, %v", n, err)
		}
		flush()
		if err := s.Refund(t.Context(), "name"); err != nil {
			t.Fatal(err)
		}
		flush()
		tally := challenge.Tally{Key: "name", Limit: challenge.Limit{Max: 1, Window: time.Minute}}
		if all, err := s.CountAll(t.Context(), []challenge.Tally{tally, tally}); err != nil || all[0].N != 1 || all[1].N != 2 {
			t.Fatalf("count all: %+v, %v", all, err)
		}
		flush()
		if err := s.Reserve(t.Context(), "name", 1, time.Minute); err != nil {
			t.Fatal(err)
		}
		c = create(t, s)
		flush()
		before := s.RoundTrips()
		for range 2 {
			if _, err := s.Get(t.Context(), c.ID); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.RoundTrips() - before; n != 3 {
			t.Fatalf("two looks after a flush took %d round trips, want one more than two", n)
		}
	})
}

func TestAPendingChallengeCostsLessThanAKilobyte(t *testing.T) {
	if realURL == "" {
		return
	}
	s := openReal(t)
	c := create(t, s)
	c = visit(t, s, c.ID, "2001:db8:85a3:1234:5678:8a2e:370:7334")
	await(t, s, c.ID)
	var sum int64
	for _, key := range allKeys(t, s.db) {
		n, err := s.db.MemoryUsage(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%4d bytes: %s", n, key)
		sum += n
	}
	t.Logf("%4d bytes in all", sum)
	if sum == 0 || sum >= 1024 {
		t.Fatalf("a pending challenge costs %d bytes", sum)
	}
}

func TestARedisOfAnotherDatabaseIsRefused(t *testing.T) {
	eachRedis(t, func(t *testing.T, a, b *Store) {
		for range 2 { // and again after a restart
			if err := a.Bind(t.Context(), "database one"); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Bind(t.Context(), "database one"); err != nil {
			t.Fatal(err)
		}
		err := b.Bind(t.Context(), "database two")
		if err == nil || !strings.Contains(err.Error(), "database one") || !strings.Contains(err.Error(), "database two") {
			t.Fatalf("another database is answered %v", err)
		}
		if err := a.Bind(t.Context(), "database one"); err != nil {
			t.Fatalf("the refused node changed the binding: %v", err)
		}
	})
}

func TestAnErrorOfRedisIsNoRefusal(t *testing.T) {
	m := miniredis.RunT(t)
	s := open(t, "redis://"+m.Addr())
	c := create(t, s)
	next, err := c.Apply(challenge.Cancel{}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	draft, _, _ := challenge.NewDraft("shop", challenge.Policy{}, challenge.Request{})
	m.SetError("LOADING the data set")
	defer m.SetError("")
	ctx := t.Context()
	for what, f := range map[string]func() error{
		"create": func() error { _, err := s.Create(ctx, draft); return err },
		"get":    func() error { _, err := s.Get(ctx, c.ID); return err },
		"find":   func() error { _, err := s.Find(ctx, c.UserCode); return err },
		"swap":   func() error { _, err := s.Swap(ctx, c.Version, next); return err },
		"await":  func() error { _, _, err := s.Await(ctx, c.ID, c.Version, func() {}); return err },
		"first":  func() error { _, err := s.First(ctx, "name", time.Minute); return err },
		"count":  func() error { _, err := s.Count(ctx, "name", challenge.Limit{Window: time.Minute}); return err },
		"count all": func() error {
			_, err := s.CountAll(ctx, []challenge.Tally{{Key: "name"}, {Key: "another"}})
			return err
		},
		"refund":  func() error { return s.Refund(ctx, "name") },
		"put":     func() error { return s.Put(ctx, "name", nil, time.Minute) },
		"peek":    func() error { _, err := s.Peek(ctx, "name"); return err },
		"take":    func() error { _, err := s.Take(ctx, "name"); return err },
		"reserve": func() error { return s.Reserve(ctx, "name", 1, time.Minute) },
		"append":  func() error { return s.Append(ctx, "name", nil) },
		"chunk":   func() error { _, err := s.Chunk(ctx, "name", 0); return err },
		"keep":    func() error { return s.Keep(ctx, "name", time.Minute) },
		"remove":  func() error { return s.Remove(ctx, "name") },
		"bind":    func() error { return s.Bind(ctx, "database") },
	} {
		err := f()
		if err == nil || challenge.KindOf(err) != 0 || !strings.Contains(err.Error(), "redisstore: ") || !strings.Contains(err.Error(), "LOADING") {
			t.Errorf("%s: got the error %v", what, err)
		}
	}
	if n := waitedFor(s); n != 0 {
		t.Errorf("a failed await left %d waiters", n)
	}
}

func TestNeitherErrorNorLogShowsThePassword(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("another")
	const password = "swordfish"
	for _, url := range []string{
		"redis://:" + password + "@" + m.Addr(),             // refused by the server
		"redis://user:" + password + "@127.0.0.1:1",         // nobody there
		"redis://:" + password + "@localhost:port",          // cannot be parsed
		"redis://:" + password + "/@localhost",              // nor this
		"redis://:%zz" + password + "@localhost",            // nor this
		"http://:" + password + "@" + m.Addr(),              // another scheme
		"redis://:" + password + "@" + m.Addr() + "/banana", // no database number
		password,
	} {
		var log bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := New(ctx, url, slog.New(slog.NewTextHandler(&log, nil)))
		cancel()
		if err == nil {
			t.Fatalf("%s is accepted", url)
		}
		if said := err.Error() + log.String(); strings.Contains(said, password) {
			t.Errorf("%s: said %s", url, said)
		}
	}
}

func TestTheEmbeddedRedisAsksForItsPasswordAndItsTimePasses(t *testing.T) {
	url, stop, err := Embedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	scheme, host, _ := strings.Cut(url, "@")
	if _, err := New(t.Context(), "redis://"+host, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatalf("anybody may use the Redis of %s", scheme)
	}

	s := open(t, url)
	c := create(t, s)
	if away := time.Since(c.Now).Abs(); away > time.Minute {
		t.Errorf("its clock is %v off", away)
	}
	if ok, err := s.First(t.Context(), "name", time.Second); err != nil || !ok {
		t.Fatalf("first: %v, %v", ok, err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(tick) {
		ok, err := s.First(t.Context(), "name", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a key of one second does not run out")
		}
	}
	w := await(t, s, c.ID)
	visit(t, s, c.ID, "192.0.2.1")
	isNotified(t, w)
}

func TestCloseLeavesNoGoroutineBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	url, stop, err := Embedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	await(t, s, create(t, s).ID)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	stop()
	stop() // as often as one likes
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines were %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// A node that waits long for a Redis that says nothing keeps people from asking another node.
func TestRedisIsNotWaitedForLongUnlessTheURLSaysSo(t *testing.T) {
	for _, url := range []string{
		"redis://localhost", "redis-sentinel://localhost?master_name=m", "redis-cluster://localhost",
	} {
		for _, chosen := range []time.Duration{0, 7 * time.Second} {
			address, want := url, answerTime
			if chosen > 0 {
				separator := "?"
				if strings.Contains(url, "?") {
					separator = "&"
				}
				address, want = url+separator+"read_timeout="+chosen.String(), chosen
			}
			db, err := connection(address)
			if err != nil {
				t.Fatal(err)
			}
			var got []time.Duration
			switch c := db.(type) {
			case *redis.Client:
				got = []time.Duration{c.Options().ReadTimeout, c.Options().DialTimeout, c.Options().PoolTimeout}
			case *redis.ClusterClient:
				got = []time.Duration{c.Options().ReadTimeout, c.Options().DialTimeout, c.Options().PoolTimeout}
			}
			if !slices.Equal(got, []time.Duration{want, answerTime, answerTime}) {
				t.Errorf("%s waits for %v", address, got)
			}
			_ = db.Close()
		}
	}
}

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/storetest"
	"qrlogin/provider/internal/testenv"
)

// realURL is where the redis-server of this test run listens, and clusterURL the cluster; "" without one. redisServer is the program.
var realURL, clusterURL, redisServer string

// clusterServers is the masters of the cluster.
var clusterServers []*testenv.RedisServer

func TestMain(m *testing.M) {
	stop, stopCluster := func() {}, func() {}
	if path, ok := testenv.Require("redis-server"); ok {
		redisServer = path
		var err error
		if realURL, stop, err = testenv.Redis(path); err == nil {
			clusterServers, stopCluster, err = testenv.RedisCluster(path, 3)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		clusterURL = "redis-cluster://" + clusterServers[0].Addr
	}
	code := m.Run()
	stop()
	stopCluster()
	os.Exit(code)
}

func TestEachRedisIsAsEveryStoreMustBe(t *testing.T) {
	backends := map[string]func(*testing.T, func(*testing.T, storetest.Backend)){"miniredis": withMiniredis}
	if realURL != "" {
		backends["redis"], backends["cluster"] = withRedis, withCluster
	}
	for name, with := range backends {
		t.Run(name, func(t *testing.T) {
			t.Run("challenges", func(t *testing.T) { storetest.RunStore(t, with) })
			t.Run("keys", func(t *testing.T) { storetest.RunKeys(t, with) })
			t.Run("contents", func(t *testing.T) { storetest.RunContents(t, with) })
		})
	}
}

func withCluster(t *testing.T, test func(*testing.T, storetest.Backend)) {
	s := openEmpty(t, clusterURL)
	withReal(t, s, s.db, test)
}

// withMiniredis runs a test on a miniredis whose time stands still until the test moves it.
func withMiniredis(t *testing.T, test func(*testing.T, storetest.Backend)) {
	m := miniredis.RunT(t)
	m.RequireAuth("the password")
	now := time.Now()
	m.SetTime(now)
	s := open(t, "redis://:the%20password@"+m.Addr())
	test(t, storetest.Backend{
		Store: s, Keys: s, Contents: s,
		Advance: func(d time.Duration) {
			now = now.Add(d)
			m.SetTime(now)
			m.FastForward(d)
		},
		Dump: func() string { return dump(t, s.db) },
	})
}

// withRedis runs a test on the real server, emptied.
func withRedis(t *testing.T, test func(*testing.T, storetest.Backend)) {
	s := openReal(t)
	withReal(t, s, s.db, test)
}

// withReal runs a test on a node on a real Redis. Its time cannot be moved, so all that it holds is moved into the past, by somebody
// who may do all.
func withReal(t *testing.T, s *Store, admin redis.UniversalClient, test func(*testing.T, storetest.Backend)) {
	test(t, storetest.Backend{
		Store: s, Keys: s, Contents: s,
		Advance: func(d time.Duration) { age(t, admin, d) },
		Dump:    func() string { return dump(t, admin) },
	})
}

// openReal is a node on the real server, which it empties.
func openReal(t testing.TB) *Store {
	t.Helper()
	return openEmpty(t, realURL)
}

// openEmpty is a node on a Redis, which it empties.
func openEmpty(t testing.TB, url string) *Store {
	t.Helper()
	s := open(t, url)
	if err := eachServer(s.db, func(ctx context.Context, server *redis.Client) error { return server.FlushAll(ctx).Err() }); err != nil {
		t.Fatal(err)
	}
	return s
}

// open is a node on the Redis at url.
func open(t testing.TB, url string) *Store {
	t.Helper()
	s, err := New(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Room = storetest.Room
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dump is every key and its value.
func dump(t testing.TB, db redis.UniversalClient) string {
	t.Helper()
	var text strings.Builder
	for _, key := range allKeys(t, db) {
		value, err := valueOf(context.Background(), db, key)
		fmt.Fprintf(&text, "%s: %s %v\n", key, value, err)
	}
	return text.String()
}

// valueOf is what a key holds, whatever its type.
func valueOf(ctx context.Context, db redis.UniversalClient, key string) (any, error) {
	switch {
	case key == roomKey:
		return db.HGetAll(ctx, key).Result()
	case strings.HasPrefix(key, roomKey):
		return db.LRange(ctx, key, 0, -1).Result()
	default:
		return db.Get(ctx, key).Result()
	}
}

func allKeys(t testing.TB, db redis.UniversalClient) []string {
	t.Helper()
	var keys []string
	err := eachServer(db, func(ctx context.Context, server *redis.Client) error {
		some, err := server.Keys(ctx, "*").Result()
		keys = append(keys, some...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(keys)
	return keys
}

// eachServer calls f for each server that has keys, one after the other.
func eachServer(db redis.UniversalClient, f func(context.Context, *redis.Client) error) error {
	switch db := db.(type) {
	case *redis.ClusterClient:
		var one sync.Mutex
		return db.ForEachMaster(context.Background(), func(ctx context.Context, server *redis.Client) error {
			one.Lock()
			defer one.Unlock()
			return f(ctx, server)
		})
	case *redis.Client:
		return f(context.Background(), db)
	}
	return fmt.Errorf("no servers of a %T", db)
}

// rounding is what a time to live in milliseconds may differ from a time in milliseconds.
const rounding = 5 * time.Millisecond

// age makes everything in the Redis d older. What is then over, Redis itself removes.
func age(t testing.TB, db redis.UniversalClient, d time.Duration) {
	t.Helper()
	ctx := context.Background()
	over := false
	for _, key := range allKeys(t, db) {
		var err error
		switch {
		case key == roomKey:
			err = ageRoom(ctx, db, d)
		case strings.HasPrefix(key, roomKey):
		case strings.HasPrefix(key, "qrlogin:{"):
			err = ageRecord(ctx, db, key, d)
		}
		if err != nil {
			t.Fatal(err)
		}
		left, err := db.PTTL(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		if left == -1 { // Redis's word for no time to live; -2 is for a key that has just gone
			t.Fatalf("%s is kept forever", key)
		}
		left -= d
		over = over || left < rounding
		if err := db.PExpire(ctx, key, max(left, time.Millisecond)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if over {
		time.Sleep(2 * rounding)
	}
}

func ageRoom(ctx context.Context, db redis.UniversalClient, d time.Duration) error {
	places, err := db.HGetAll(ctx, roomKey).Result()
	if err != nil {
		return err
	}
	for name, place := range places {
		end, size, _ := strings.Cut(place, ";")
		milli, err := strconv.ParseInt(end, 10, 64)
		if err == nil {
			// It may just have gone, and must not come back without an end.
			err = db.Eval(ctx, `return redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) or 0`,
				[]string{roomKey}, name, fmt.Sprintf("%d;%s", milli-d.Milliseconds(), size)).Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func ageRecord(ctx context.Context, db redis.UniversalClient, key string, d time.Duration) error {
	value, err := db.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) { // has just gone
		return nil
	}
	if err != nil {
		return err
	}
	head, payload := "", value
	if !strings.HasSuffix(key, ":end") {
		version, rest, _ := strings.Cut(value, ";")
		nodes, challenge, _ := strings.Cut(rest, ";")
		head, payload = version+";"+nodes+";", challenge
	}
	began, challenge, _ := strings.Cut(payload, ";")
	milli, err := strconv.ParseInt(began, 10, 64)
	if err != nil {
		return err
	}
	// All other times are since this one.
	return db.Set(ctx, key, fmt.Sprintf("%s%d;%s", head, milli-d.Milliseconds(), challenge), redis.KeepTTL).Err()
}

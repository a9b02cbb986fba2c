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
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/storetest"
	"qrlogin/provider/internal/testenv"
)

// realURL is where the redis-server of this test run listens; "" without one.
var realURL string

func TestMain(m *testing.M) {
	stop := func() {}
	if path, ok := testenv.Require("redis-server"); ok {
		var err error
		if realURL, stop, err = testenv.Redis(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

func TestMiniredisKeepsChallengesAsEveryStoreMust(t *testing.T) {
	storetest.RunStore(t, withMiniredis)
}

func TestMiniredisKeepsKeysAsEveryStoreMust(t *testing.T) { storetest.RunKeys(t, withMiniredis) }

func TestRedisKeepsChallengesAsEveryStoreMust(t *testing.T) {
	if realURL != "" {
		storetest.RunStore(t, withRedis)
	}
}

func TestRedisKeepsKeysAsEveryStoreMust(t *testing.T) {
	if realURL != "" {
		storetest.RunKeys(t, withRedis)
	}
}

func TestMiniredisKeepsContentsAsEveryStoreMust(t *testing.T) {
	storetest.RunContents(t, withMiniredis)
}

func TestRedisKeepsContentsAsEveryStoreMust(t *testing.T) {
	if realURL != "" {
		storetest.RunContents(t, withRedis)
	}
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

// withRedis runs a test on the real server, emptied. Its time cannot be moved, so all that it holds is moved into the past.
func withRedis(t *testing.T, test func(*testing.T, storetest.Backend)) {
	s := openReal(t)
	test(t, storetest.Backend{
		Store: s, Keys: s, Contents: s,
		Advance: func(d time.Duration) { age(t, s.db, d) },
		Dump:    func() string { return dump(t, s.db) },
	})
}

// openReal is a node on the real server, which it empties.
func openReal(t testing.TB) *Store {
	t.Helper()
	s := open(t, realURL)
	if err := s.db.FlushAll(t.Context()).Err(); err != nil {
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
func dump(t testing.TB, db *redis.Client) string {
	t.Helper()
	var text strings.Builder
	for _, key := range allKeys(t, db) {
		value, err := valueOf(context.Background(), db, key)
		fmt.Fprintf(&text, "%s: %s %v\n", key, value, err)
	}
	return text.String()
}

// valueOf is what a key holds, whatever its type.
func valueOf(ctx context.Context, db *redis.Client, key string) (any, error) {
	switch {
	case key == roomKey:
		return db.HGetAll(ctx, key).Result()
	case strings.HasPrefix(key, roomKey):
		return db.LRange(ctx, key, 0, -1).Result()
	default:
		return db.Get(ctx, key).Result()
	}
}

func allKeys(t testing.TB, db *redis.Client) []string {
	t.Helper()
	keys, err := db.Keys(context.Background(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(keys)
	return keys
}

// rounding is what a time to live in milliseconds may differ from a time in milliseconds.
const rounding = 5 * time.Millisecond

// age makes everything in the Redis d older. What is then over, Redis itself removes.
func age(t testing.TB, db *redis.Client, d time.Duration) {
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

func ageRoom(ctx context.Context, db *redis.Client, d time.Duration) error {
	places, err := db.HGetAll(ctx, roomKey).Result()
	if err != nil {
		return err
	}
	for name, place := range places {
		end, size, _ := strings.Cut(place, ";")
		milli, err := strconv.ParseInt(end, 10, 64)
		if err == nil {
			err = db.HSet(ctx, roomKey, name, fmt.Sprintf("%d;%s", milli-d.Milliseconds(), size)).Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func ageRecord(ctx context.Context, db *redis.Client, key string, d time.Duration) error {
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

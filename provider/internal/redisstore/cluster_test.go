package redisstore

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/testenv"
)

func TestASlotIsWhatTheClusterSaysItIs(t *testing.T) {
	for key, want := range map[string]uint16{"123456789": 0x31C3, "foo{123456789}bar": 0x31C3, "{}123456789": slotOf("{}123456789"), "": 0} {
		if got := slotOf(key); got != want%slotCount {
			t.Errorf("%q: %d, want %d", key, got, want%slotCount)
		}
	}
	if clusterURL == "" {
		return
	}
	s := open(t, clusterURL)
	for _, key := range []string{"a", "{}a", "{a}b", "a{b}{c}", "a{b", "a{{b}}c", recordKey(challenge.NewID())} {
		want, err := s.db.(*redis.ClusterClient).ClusterKeySlot(t.Context(), key).Result()
		if err != nil || int64(slotOf(key)) != want {
			t.Errorf("%q: %d, want %d %v", key, slotOf(key), want, err)
		}
	}
}

// busMessages is how many published messages the cluster's servers have sent one another.
func busMessages(t *testing.T) (n int) {
	t.Helper()
	for _, server := range clusterServers {
		info, err := testenv.RedisCommand(server.Addr, "CLUSTER", "INFO")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(info) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name == "cluster_stats_messages_publish_sent" || name == "cluster_stats_messages_publishshard_sent" {
				count, _ := strconv.Atoi(value)
				n += count
			}
		}
	}
	return n
}

func TestAChangeInAClusterIsToldAtItsShardAndToNoOtherServer(t *testing.T) {
	if clusterURL == "" {
		return
	}
	a, b := openEmpty(t, clusterURL), open(t, clusterURL)
	const many = 30
	used := map[string]bool{}
	before, bus := commands(t, a), busMessages(t)
	for range many {
		c := create(t, a)
		used[a.shards.Load().tag(recordKey(c.ID))] = true
		notified := await(t, a, c.ID)
		visit(t, b, c.ID, "192.0.2.1")
		isNotified(t, notified)
	}
	after := commands(t, a)
	if len(used) != len(clusterServers) {
		t.Fatalf("%d challenges lay on %d of %d shards", many, len(used), len(clusterServers))
	}
	if sharded, told := after["spublish"]-before["spublish"], after["publish"]-before["publish"]; sharded != many || told != 0 {
		t.Errorf("%d changes took %d messages to a shard and %d to all", many, sharded, told)
	}
	if n := busMessages(t) - bus; n != 0 {
		t.Errorf("the servers told each other %d messages", n)
	}
}

// move gives a slot, and what is in it, to another master of the cluster.
func move(t *testing.T, slot int, to *testenv.RedisServer) {
	t.Helper()
	command := func(address string, words ...string) string {
		t.Helper()
		answer, err := testenv.RedisCommand(address, words...)
		if err != nil {
			t.Fatal(words, err)
		}
		return answer
	}
	name := func(address string) string { return command(address, "CLUSTER", "MYID") }
	number := strconv.Itoa(slot)
	var from *testenv.RedisServer
	for _, server := range clusterServers {
		if command(server.Addr, "CLUSTER", "COUNTKEYSINSLOT", number) != "0" {
			from = server
		}
	}
	if from == nil || from == to {
		t.Fatal("nothing lies in the slot, or it is there already")
	}
	command(to.Addr, "CLUSTER", "SETSLOT", number, "IMPORTING", name(from.Addr))
	command(from.Addr, "CLUSTER", "SETSLOT", number, "MIGRATING", name(to.Addr))
	host, port, _ := strings.Cut(to.Addr, ":")
	for key := range strings.Lines(command(from.Addr, "CLUSTER", "GETKEYSINSLOT", number, "100")) {
		command(from.Addr, "MIGRATE", host, port, strings.TrimSpace(key), "0", "5000")
	}
	for _, server := range append([]*testenv.RedisServer{to, from}, clusterServers...) {
		command(server.Addr, "CLUSTER", "SETSLOT", number, "NODE", name(to.Addr))
	}
}

func TestASlotThatMovesAwayFromItsShardTakesNoWakeUpWithIt(t *testing.T) {
	if clusterURL == "" {
		return
	}
	a, b := openEmpty(t, clusterURL), open(t, clusterURL)
	c := create(t, a)
	notified := await(t, a, c.ID)
	slot := slotOf(recordKey(c.ID))
	home := int(a.shards.Load().owner[slot])
	var tos []*testenv.RedisServer
	for i, server := range clusterServers {
		if i != int(slot)*len(clusterServers)/slotCount {
			tos = append(tos, server)
		}
	}
	before := commands(t, a)["publish"]
	move(t, int(slot), tos[0])
	visit(t, b, c.ID, "192.0.2.1")
	isNotified(t, notified)
	if n := commands(t, a)["publish"] - before; n != 1 {
		t.Errorf("%d messages to all the cluster, want the one in place of the shard's", n)
	}
	move(t, int(slot), clusterServers[int(slot)*len(clusterServers)/slotCount])
	if now := int(a.shards.Load().owner[slot]); now != home {
		t.Errorf("the shard is the %dth now, not the %dth", now, home)
	}
}

// A command whose answer is lost may have been carried out: to send it again would be to do it twice.
func TestAChangeWhoseAnswerIsLostIsNotSentAgain(t *testing.T) {
	if redisServer == "" {
		return
	}
	single, err := testenv.RedisOnPort(redisServer, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer single.Stop()
	for kind, at := range map[string]struct {
		url     string
		servers []*testenv.RedisServer
	}{"redis": {"redis://" + single.Addr, []*testenv.RedisServer{single}}, "cluster": {clusterURL, clusterServers}} {
		t.Run(kind, func(t *testing.T) {
			admin := openEmpty(t, at.url)
			s := open(t, at.url+"?read_timeout=150ms")
			c := create(t, s)
			if err := s.Reserve(t.Context(), "a content", 10, time.Minute); err != nil {
				t.Fatal(err)
			}
			next, err := c.Apply(challenge.Visit{Browser: challenge.Browser{Address: "192.0.2.1"}}, c.Now)
			if err != nil {
				t.Fatal(err)
			}
			before := commands(t, admin)
			for what, do := range map[string]func() error{
				"swap": func() error {
					_, err := s.Swap(t.Context(), c.Version, next)
					return err
				},
				"count": func() error {
					_, err := s.Count(t.Context(), "a name", challenge.Limit{Max: 5, Window: time.Minute})
					return err
				},
				"append": func() error { return s.Append(t.Context(), "a content", []byte("!")) },
			} {
				for i := range 30 { // a connection to each server
					_, _ = s.Peek(t.Context(), strconv.Itoa(i))
				}
				each(t, at.servers, syscall.SIGSTOP)
				wake := sync.OnceFunc(func() { each(t, at.servers, syscall.SIGCONT) })
				again := time.AfterFunc(450*time.Millisecond, wake) // in time for one that would be sent again, and again
				err := do()
				again.Stop()
				wake()
				if err == nil || errors.Is(err, challenge.ErrConflict) {
					t.Errorf("%s without an answer: %v", what, err)
				}
			}
			run := func() int { return commands(t, admin)["evalsha"] - before["evalsha"] }
			for began := time.Now(); run() < 3 && time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
			}
			time.Sleep(200 * time.Millisecond) // for one that is sent again
			if n := run(); n != 3 {
				t.Errorf("three scripts were run %d times", n)
			}
			r, err := admin.Get(t.Context(), c.ID)
			if err != nil || r.Version != next.Version {
				t.Errorf("version %d, want %d: %v", r.Version, next.Version, err)
			}
			if n, err := admin.Count(t.Context(), "a name", challenge.Limit{Max: 5, Window: time.Minute}); err != nil || n.N != 2 {
				t.Errorf("the second event counts as %d, %v", n.N, err)
			}
			if chunk, err := admin.Chunk(t.Context(), "a content", 1); err != nil || chunk != nil {
				t.Errorf("a second chunk: %q, %v", chunk, err)
			}
		})
	}
}

func each(t *testing.T, servers []*testenv.RedisServer, signal os.Signal) {
	t.Helper()
	for _, server := range servers {
		if err := server.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFailOverWakesWhoWaitsAndTheReplicaServes(t *testing.T) {
	if redisServer == "" {
		return
	}
	master, replica, sentinel, stop, err := testenv.RedisSentinel(redisServer)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s := open(t, "redis-sentinel://"+sentinel.Addr+"?master_name=mymaster")
	c := create(t, s)
	notified := await(t, s, c.ID)
	if n, err := s.db.(*redis.Client).Wait(t.Context(), 1, patience).Result(); err != nil || n != 1 {
		t.Fatal("the replica has not heard of it", n, err)
	}
	master.Stop()
	isNotified(t, notified) // by the subscription to the new master: what may have been lost is looked at
	address, err := testenv.RedisCommand(sentinel.Addr, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
	if strings.ReplaceAll(address, "\n", ":") != replica.Addr {
		t.Fatalf("the master is %s, want %s: %v", address, replica.Addr, err)
	}
	second := await(t, s, c.ID)
	visit(t, s, c.ID, "192.0.2.1")
	isNotified(t, second)
}

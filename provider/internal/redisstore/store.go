package redisstore

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/challenge"
)

var (
	//go:embed challenge.lua
	challengeLua string
	//go:embed counter.lua
	counterLua string
	//go:embed contents.lua
	contentLua string

	challengeScript = newScript(challengeLua)
	counterScript   = newScript(counterLua)
	contentScript   = newScript(contentLua)
)

// Store implements [challenge.Store], [challenge.Keys] and [challenge.Contents]. Make it with [New].
type Store struct {
	Room int64 // bytes that the contents of all nodes may take in all, the same on each; set before use

	db      redis.UniversalClient
	log     *slog.Logger
	node    string // names this node among those that share the Redis; random
	silence time.Duration
	trips   atomic.Int64
	observe atomic.Pointer[func(took time.Duration, answered bool)]
	waiting waiters
	shards  atomic.Pointer[shards] // of a cluster

	stop     context.CancelFunc // of the subscriptions
	listener sync.WaitGroup
}

var (
	_ challenge.Store    = (*Store)(nil)
	_ challenge.Keys     = (*Store)(nil)
	_ challenge.Contents = (*Store)(nil)
)

// New connects to the Redis, or the cluster, at a URL whose scheme is one of [Schemes], and subscribes; there is no room for contents
// yet. Neither the log nor an error ever shows the URL, which may hold a password.
func New(ctx context.Context, url string, log *slog.Logger) (*Store, error) {
	return connect(ctx, url, log, silence)
}

func connect(ctx context.Context, url string, log *slog.Logger, silence time.Duration) (*Store, error) {
	db, err := connection(url)
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	redis.SetLogger(clientLog{log}) // the client's own log is one for the whole process
	s := &Store{db: db, log: log, node: rand.Text(), silence: silence}
	s.db.AddHook(tripCounter{&s.trips, &s.observe})
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("redisstore: %w", err), s.Close())
	}
	return s, nil
}

// start looks whether there is a Redis, and subscribes.
func (s *Store) start(ctx context.Context) error {
	first, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for _, script := range []script{challengeScript, counterScript, contentScript} {
		if err := s.db.ScriptLoad(first, script.text).Err(); err != nil {
			return fmt.Errorf("loading scripts into the redis: %w", err)
		}
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	if cluster, ok := s.db.(*redis.ClusterClient); ok {
		return s.follow(ctx, cluster)
	}
	return nil
}

// Close ends the subscription and hangs up. Who still waits is not notified.
func (s *Store) Close() error {
	s.stop()
	s.listener.Wait()
	return s.db.Close()
}

// databaseKey has the id of the database that this Redis belongs to.
const databaseKey = "qrlogin:database"

// Bind ties the Redis to one SQL database, and fails if it is tied to another: nodes that share challenges and not
// accounts would log people in to accounts of each other's.
func (s *Store) Bind(ctx context.Context, databaseID string) error {
	pipe := s.db.Pipeline()
	pipe.SetNX(ctx, databaseKey, databaseID, 0)
	bound := pipe.Get(ctx, databaseKey)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("redisstore: binding to the database: %w", err)
	}
	if id := bound.Val(); id != databaseID {
		return fmt.Errorf("redisstore: this redis belongs to the nodes of database %q, and this node's database is %q: "+
			"nodes that share a redis must share the database", id, databaseID)
	}
	return nil
}

// Observe has f told of each round trip from now on.
func (s *Store) Observe(f func(took time.Duration, answered bool)) { s.observe.Store(&f) }

// Ready asks whether Redis answers.
func (s *Store) Ready(ctx context.Context) error {
	return wrap("asking whether it is there", s.db.Exists(ctx, databaseKey).Err())
}

// RoundTrips counts how often the store has waited for an answer of Redis. Logging in to a connection is left out, and so is
// the look at a cluster that is taken now and then.
func (s *Store) RoundTrips() int64 { return s.trips.Load() }

// clientLog puts what the Redis client has to say about its connections into the log.
type clientLog struct{ log *slog.Logger }

// Printf is the client's interface of a logger.
func (l clientLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "redis client", "message", fmt.Sprintf(format, args...))
}

// tripCounter is a hook of the client: a command on its own is one round trip, and so is a pipeline.
type tripCounter struct {
	n       *atomic.Int64
	observe *atomic.Pointer[func(took time.Duration, answered bool)]
}

var _ redis.Hook = tripCounter{}

func (t tripCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (t tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		t.count(cmd)
		began := time.Now()
		err := next(ctx, cmd)
		t.tell(began, err)
		return err
	}
}

func (t tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		t.count(cmds...)
		began := time.Now()
		err := next(ctx, cmds)
		t.tell(began, err)
		return err
	}
}

// tell tells the observer. What Redis refuses it has answered.
func (t tripCounter) tell(began time.Time, err error) {
	if observe := t.observe.Load(); observe != nil {
		var refusal redis.Error
		(*observe)(time.Since(began), err == nil || errors.As(err, &refusal))
	}
}

func (t tripCounter) count(cmds ...redis.Cmder) {
	for _, cmd := range cmds {
		switch cmd.Name() {
		case "hello", "auth", "select", "client", "cluster":
		default:
			t.n.Add(1)
			return
		}
	}
}

// millis is a duration as Redis takes it: at least one millisecond, since 0 would mean forever to some commands.
func millis(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// once is a command that is not sent again when its answer was lost: a swap would lose against itself, and what is appended would be
// there twice. The options see to that for every client but a cluster's, which has a mind of its own.
type once struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }

// sender is a client, or a pipeline of one.
type sender interface {
	Process(ctx context.Context, cmd redis.Cmder) error
}

// send sends one command on one key, once. key is where among the words the key stands.
func send(ctx context.Context, to sender, key int8, words ...any) *redis.Cmd {
	cmd := redis.NewCmd(ctx, words...)
	cmd.SetFirstKeyPos(key)
	_ = to.Process(ctx, once{cmd}) // the command has its error
	return cmd
}

// script is a program that Redis runs as one step.
type script struct{ text, hash string }

func newScript(text string) script { return script{text, redis.NewScript(text).Hash()} }

// run runs it by its hash. A Redis that was restarted or flushed since it was loaded answers NOSCRIPT, and has done nothing.
func (s script) run(ctx context.Context, to sender, keys []string, args ...any) *redis.Cmd {
	return evaluate(ctx, to, "evalsha", s.hash, keys, args)
}

// load runs it by its text, which makes it known.
func (s script) load(ctx context.Context, to sender, keys []string, args ...any) *redis.Cmd {
	return evaluate(ctx, to, "eval", s.text, keys, args)
}

func evaluate(ctx context.Context, to sender, command, program string, keys []string, args []any) *redis.Cmd {
	words := make([]any, 0, 3+len(keys)+len(args))
	words = append(words, command, program, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	return send(ctx, to, 3, append(words, args...)...)
}

func unknown(script *redis.Cmd) bool { return redis.HasErrorPrefix(script.Err(), "NOSCRIPT") }

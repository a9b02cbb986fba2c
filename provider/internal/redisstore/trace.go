package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Trace has begin told of each round trip from now on, by the names of its commands, and what it answers told how that ended. A key that
// is not there is no error.
func (s *Store) Trace(begin func(ctx context.Context, commands []string) (end func(error))) {
	s.db.AddHook(tracer(begin))
}

// tracer is a hook of the client.
type tracer func(ctx context.Context, commands []string) (end func(error))

var _ redis.Hook = tracer(nil)

func (t tracer) DialHook(next redis.DialHook) redis.DialHook { return next }

func (t tracer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		end := t(ctx, []string{cmd.Name()})
		err := next(ctx, cmd)
		end(failed(err))
		return err
	}
}

func (t tracer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		names := make([]string, len(cmds))
		for i, cmd := range cmds {
			names[i] = cmd.Name()
		}
		end := t(ctx, names)
		err := next(ctx, cmds)
		end(failed(err))
		return err
	}
}

func failed(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

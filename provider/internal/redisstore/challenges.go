package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"qrlogin/provider/internal/challenge"
)

// recordKey names a challenge's record. It is also what is published when the challenge changes.
// SECURITY.md §1.2: the keys show the id's hash, so that what stays after the end does not show the id.
func recordKey(id challenge.ID) string { return "qrlogin:{" + id.Hash().String() + "}" }

func scriptKeys(id challenge.ID) []string {
	key := recordKey(id)
	return []string{key, key + ":end"}
}

func codeKey(userCode string) string { return "qrlogin:code:" + challenge.HashOf(userCode).String() }

// latest is the highest version that the script can compare; Lua has no whole numbers past 2^53.
const latest = 1 << 53

// Create implements [challenge.Store], in one round trip: the script gives the challenge its time.
func (s *Store) Create(ctx context.Context, d challenge.Draft) (challenge.Record, error) {
	var reserving *redis.BoolCmd
	r, err := s.write(ctx, 0, d.Begin(time.UnixMilli(0)), func(pipe redis.Pipeliner) {
		reserving = pipe.SetNX(ctx, codeKey(d.UserCode()), d.ID().String(), challenge.Lifetime)
	})
	if err != nil { // a reservation runs out by itself
		return r, err
	}
	reserved, err := reserving.Result()
	if err == nil && !reserved {
		// Nobody knows the id yet. Should this fail, the record runs out unseen.
		err = s.db.Del(ctx, scriptKeys(d.ID())...).Err()
	}
	if err != nil {
		return challenge.Record{}, fmt.Errorf("redisstore: reserving a user code: %w", err)
	}
	if !reserved {
		return challenge.Record{}, challenge.ErrUserCodeTaken
	}
	begun := d.Begin(r.Now)
	return challenge.NewRecord(&begun, r.Now), nil
}

// Get implements [challenge.Store], in one round trip.
func (s *Store) Get(ctx context.Context, id challenge.ID) (challenge.Record, error) {
	return s.await(ctx, id, -1)
}

// Find implements [challenge.Store], in one round trip.
func (s *Store) Find(ctx context.Context, userCode string) (challenge.ID, error) {
	if err := ctx.Err(); err != nil {
		return challenge.ID{}, err
	}
	id, err := s.db.Get(ctx, codeKey(userCode)).Result()
	if errors.Is(err, redis.Nil) {
		return challenge.ID{}, challenge.ErrNotFound
	}
	if err != nil {
		return challenge.ID{}, fmt.Errorf("redisstore: finding a user code: %w", err)
	}
	return challenge.ParseID(id)
}

// Swap implements [challenge.Store], in one round trip.
func (s *Store) Swap(ctx context.Context, old uint64, next challenge.Challenge) (challenge.Record, error) {
	expected := int64(old)
	if old == 0 {
		expected = -1 // no version is 0, and to the script it would mean to create
	}
	return s.write(ctx, expected, next, func(pipe redis.Pipeliner) {
		// These run even if the swap fails. Then somebody else moved the challenge on while this was ending it, and the
		// caller decides anew: at worst the code to be typed is forgotten early.
		switch {
		case next.State.Final():
			pipe.Del(ctx, codeKey(next.UserCode))
		case !next.End().Equal(next.ExpiresAt):
			pipe.PExpireAt(ctx, codeKey(next.UserCode), next.End())
		}
	})
}

// Await implements [challenge.Store], in one round trip.
func (s *Store) Await(ctx context.Context, id challenge.ID, after uint64, notify func()) (challenge.Record, func(), error) {
	// Listening before looking: a change right after the look finds the waiter in place.
	stop := s.waiting.add(recordKey(id), notify)
	r, err := s.await(ctx, id, int64(min(after, latest)))
	if err != nil || r.Version > after || r.State.Final() {
		stop()
		return r, func() {}, err
	}
	return r, stop, nil
}

func (s *Store) await(ctx context.Context, id challenge.ID, after int64) (challenge.Record, error) {
	_, now, found, err := s.run(ctx, id, []any{"await", after, s.channel(recordKey(id))}, nil)
	if err != nil {
		return challenge.Record{}, err
	}
	return record(found, now)
}

// write puts a challenge in the place of the version old; 0 for none yet, whose time begins then.
func (s *Store) write(ctx context.Context, old int64, next challenge.Challenge, more func(redis.Pipeliner)) (challenge.Record, error) {
	var live []byte
	if !next.State.Final() {
		live = encode(next) // RFC 10027 §6.1.3, SECURITY.md §1.2: of what has ended only the tombstone is kept
	}
	written, now, found, err := s.run(ctx, next.ID, []any{
		"swap", old, next.Version, live, ceilMilli(next.End().Sub(next.CreatedAt)),
		encode(next.Tombstone()), ceilMilli(next.TombstoneEnd().Sub(next.CreatedAt)),
		next.CreatedAt.UnixMilli(),
	}, more)
	if err != nil {
		return challenge.Record{}, err
	}
	if written {
		return challenge.NewRecord(&next, now), nil
	}
	r, err := record(found, now)
	if err == nil {
		err = challenge.ErrConflict
	}
	return r, err
}

// run sends the script, and with it what more puts into the same round trip.
func (s *Store) run(ctx context.Context, id challenge.ID, args []any, more func(redis.Pipeliner)) (written bool, now time.Time, found string, err error) {
	if err := ctx.Err(); err != nil {
		return false, now, "", err
	}
	pipe := s.db.Pipeline()
	answer := challengeScript.run(ctx, pipe, scriptKeys(id), args...)
	if more != nil {
		more(pipe)
	}
	_, err = pipe.Exec(ctx)
	if unknown(answer) {
		answer = challengeScript.load(ctx, s.db, scriptKeys(id), args...)
		err = answer.Err()
	}
	if err != nil {
		return false, now, "", fmt.Errorf("redisstore: a challenge: %w", err)
	}
	fields, err := answer.Slice()
	if err != nil || len(fields) != 3 {
		return false, now, "", fmt.Errorf("redisstore: the script answered %d fields: %w", len(fields), err)
	}
	milli, _ := fields[0].(int64)
	wrote, _ := fields[1].(int64)
	found, _ = fields[2].(string)
	return wrote == 1, time.UnixMilli(milli).UTC(), found, nil
}

// record reads what the script found.
func record(found string, now time.Time) (challenge.Record, error) {
	if found == "" {
		return challenge.Record{}, challenge.ErrNotFound
	}
	c, err := decode(found)
	if err != nil {
		return challenge.Record{}, fmt.Errorf("redisstore: a challenge: %w", err)
	}
	return challenge.NewRecord(&c, now), nil
}

// ceilMilli is a duration in milliseconds, never shorter than it.
func ceilMilli(d time.Duration) int64 { return (d + time.Millisecond - 1).Milliseconds() }

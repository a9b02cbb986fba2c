package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// lookTime is how often a cluster is asked who has which slots. A change in between costs more messages, not a wake-up.
const lookTime = 10 * time.Second

const slotCount = 16384

// shards is a cluster as it was a moment ago. In a cluster a published message goes to every server of it, and to a sharded channel only
// to those of the shard that has the channel's slot (SPUBLISH). So this node has a channel at each shard, named by a tag whose slot is
// there; who waits for a challenge registers the channel at the challenge's shard, where the script that changes it runs.
type shards struct {
	tags  []string          // of the shards
	owner [slotCount]uint16 // by slot: the place of its shard's tag; past the end for a slot of nobody
}

// readShards makes it of what a cluster says, whose order is by chance.
func readShards(said []redis.ClusterShard) *shards {
	said = slices.DeleteFunc(said, func(c redis.ClusterShard) bool { return len(c.Slots) == 0 })
	slices.SortFunc(said, func(a, b redis.ClusterShard) int { return cmp.Compare(a.Slots[0].Start, b.Slots[0].Start) })
	s := shards{tags: make([]string, len(said))}
	for slot := range s.owner {
		s.owner[slot] = slotCount
	}
	for n, shard := range said {
		for _, r := range shard.Slots {
			for slot := max(r.Start, 0); slot <= min(r.End, slotCount-1); slot++ {
				s.owner[slot] = uint16(n)
			}
		}
	}
	for i, missing := 0, len(said); missing > 0 && i < 100*slotCount; i++ { // a shard of one slot is found, too
		tag := strconv.Itoa(i)
		if n := int(s.owner[slotOf(tag)]); n < len(s.tags) && s.tags[n] == "" {
			s.tags[n] = tag
			missing--
		}
	}
	return &s
}

// tag names the shard that has a key.
func (s *shards) tag(key string) string {
	if s == nil {
		return ""
	}
	if n := int(s.owner[slotOf(key)]); n < len(s.tags) {
		return s.tags[n]
	}
	return ""
}

// channel is where this node hears of a change to a key, without the prefix that all have.
func (s *Store) channel(key string) string {
	if tag := s.shards.Load().tag(key); tag != "" {
		return s.node + "{" + tag + "}"
	}
	return s.node
}

// follow listens at each shard of the cluster, and goes on looking which there are until ctx ends.
func (s *Store) follow(ctx context.Context, cluster *redis.ClusterClient) error {
	heard := map[string]context.CancelFunc{} // by tag
	look := func() error {
		said, err := cluster.ClusterShards(ctx).Result()
		if err != nil {
			return fmt.Errorf("asking for the cluster's shards: %w", err)
		}
		now, before := readShards(said), s.shards.Load()
		if before != nil && slices.Equal(now.tags, before.tags) && now.owner == before.owner {
			return nil
		}
		for _, tag := range now.tags {
			if heard[tag] != nil {
				continue
			}
			sub, stop := context.WithCancel(ctx)
			if err := s.listenTo(sub, func() *redis.PubSub { return cluster.SSubscribe(sub, channelPrefix+s.node+"{"+tag+"}") }); err != nil {
				stop()
				return err
			}
			heard[tag] = stop
		}
		s.shards.Store(now)
		s.waiting.wakeAll() // who waits registers anew, where its challenge is now
		for tag, stop := range heard {
			if !slices.Contains(now.tags, tag) {
				stop()
				delete(heard, tag)
			}
		}
		return nil
	}
	if err := look(); err != nil {
		return err
	}
	s.listener.Go(func() {
		for ticker := time.NewTicker(lookTime); ; {
			select {
			case <-ctx.Done():
				ticker.Stop()
				return
			case <-ticker.C:
				if err := look(); err != nil && ctx.Err() == nil {
					s.log.Warn("cannot look at the redis cluster", "error", err)
				}
			}
		}
	})
	return nil
}

// slotOf is the slot of a key (Redis cluster specification): CRC-16/XMODEM of its hash tag, or of all of it.
func slotOf(key string) uint16 {
	if _, tail, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(tail, "}"); ok && tag != "" {
			key = tag
		}
	}
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % slotCount
}

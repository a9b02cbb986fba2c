package memstore

import (
	"sync"

	"qrlogin/provider/internal/challenge"
)

// shards is a map with many locks, so that logins do not wait for each other.
type shards[V any] [64]shard[V]

type shard[V any] struct {
	sync.Mutex
	m map[challenge.Hash]V
}

func (s *shards[V]) init() {
	for i := range s {
		s[i].m = make(map[challenge.Hash]V)
	}
}

// of is the shard of a key. A hash is spread evenly, so any byte of it will do.
func (s *shards[V]) of(key challenge.Hash) *shard[V] { return &s[int(key[0])%len(s)] }

// empty forgets everything, and tells each value.
func (s *shards[V]) empty(forgotten func(V)) {
	for i := range s {
		sh := &s[i]
		sh.Lock()
		for _, v := range sh.m {
			forgotten(v)
		}
		clear(sh.m)
		sh.Unlock()
	}
}

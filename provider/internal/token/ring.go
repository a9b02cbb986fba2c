package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Retention is how long a key is published after the next one signs. Tokens last ten minutes; an ID token comes back as
// id_token_hint, within a provider session for 8 h. A site that brings one of a key that is gone is refused.
const Retention = 8*time.Hour + 10*time.Minute

// Ring is signing keys, chosen by time. Nothing says which of them is the current one but their own beginnings, so nodes that
// have the same keys agree without a word. It does not change.
type Ring struct{ keys []Key } // newest first

// NewRing makes a ring of these keys.
func NewRing(keys []Key) Ring {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, func(a, b Key) int {
		if d := b.From.Compare(a.From); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	return Ring{sorted}
}

// Keys is all of them, the newest first.
func (r Ring) Keys() []Key { return r.keys }

// Newest is the key of the algorithm that signs last of all. The zero Key when there is none.
func (r Ring) Newest(alg string) Key {
	for _, k := range r.keys {
		if k.Alg == alg {
			return k
		}
	}
	return Key{}
}

// Algs is the algorithms that have a key.
func (r Ring) Algs() []string {
	var algs []string
	for _, k := range r.keys {
		algs = append(algs, k.Alg)
	}
	slices.Sort(algs)
	return slices.Compact(algs)
}

// signer is the key of the algorithm that signs now: the newest that has begun. If none has, because this node's clock is behind
// that of the node which made the first one, it is the oldest. The zero Key when there is none at all.
func (r Ring) signer(alg string, now time.Time) Key {
	var oldest Key
	for _, k := range r.keys {
		if k.Alg != alg {
			continue
		}
		if !k.From.After(now) {
			return k
		}
		oldest = k
	}
	return oldest
}

// Never is later than the end of any key.
var Never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// End is when the key is past: a while after the next one of its algorithm signs, [Never] when there is none. It is derived, so
// that nobody has to end a key.
func (r Ring) End(k Key) time.Time {
	end := Never
	for _, next := range r.keys {
		if next.ID == k.ID {
			break
		}
		if next.Alg == k.Alg {
			end = next.From.Add(Retention)
		}
	}
	return end
}

// State is what a key is for now.
type State string

const (
	Next    State = "next"    // published, so that sites know it before it signs
	Current State = "current" // signs
	Old     State = "old"     // published for what it has signed
	Past    State = "past"    // counts for nothing any more
)

// State is what the key is for now.
func (r Ring) State(k Key, now time.Time) State {
	switch {
	case k.ID == r.signer(k.Alg, now).ID:
		return Current
	case !now.Before(r.End(k)):
		return Past
	case k.From.After(now):
		return Next
	default:
		return Old
	}
}

// find is a key by its kid. The zero Key when there is none.
func (r Ring) find(kid string) Key {
	for _, k := range r.keys {
		if k.ID == kid {
			return k
		}
	}
	return Key{}
}

// keySet is the encoded JWK set (RFC 7517) that holds until a key in it is past.
type keySet struct {
	until time.Time
	jwks  []byte
}

// sets is the JWK sets of the times to come, the first one first, so that none has to be made when a request asks for it.
func (r Ring) sets() ([]keySet, error) {
	var ends []time.Time
	for _, k := range r.keys {
		ends = append(ends, r.End(k))
	}
	slices.SortFunc(ends, time.Time.Compare)
	var sets []keySet
	for _, end := range slices.CompactFunc(ends, time.Time.Equal) {
		set := jose.JSONWebKeySet{}
		for _, k := range r.keys {
			if !r.End(k).Before(end) {
				set.Keys = append(set.Keys, *k.public())
			}
		}
		jwks, err := json.Marshal(set)
		if err != nil {
			return nil, fmt.Errorf("token: key set: %w", err)
		}
		sets = append(sets, keySet{end, jwks})
	}
	return sets, nil
}

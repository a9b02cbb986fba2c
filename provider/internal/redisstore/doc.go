// Package redisstore keeps what lives for minutes in a Redis or Valkey that several nodes share: challenges and their
// wake-ups ([challenge.Store]), replay guards, counters and short records ([challenge.Keys]), and what phones hand off
// ([challenge.Contents]).
//
// A challenge is two keys with one hash tag: the record, which Redis removes at the challenge's end, and the tombstone to
// be, which outlives it. So a challenge of which nobody hears again leaves a tombstone without anybody's doing. One script
// serves all changes and knows no rules: at the expected version it writes, or it answers what there is, and where nothing
// is new it registers the node that waits.
//
// A node subscribes to one channel, its own. A change is published to the nodes that wait for it and to no others, so a
// login costs the same however many nodes there are, and a waiting browser costs nothing. In a cluster it has a channel at each shard.
//
// The package stays within what Redis 7.0, Valkey and miniredis share. It must not know the rules of a challenge, nor how
// requests arrive.
package redisstore

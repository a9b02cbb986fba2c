// Package memstore keeps what lives for minutes inside one process: challenges and their wake-ups ([challenge.Store]), replay
// guards, counters and short records ([challenge.Keys]), and what phones hand off ([challenge.Contents]).
//
// Everything is indexed by SHA-256, spread over shards with a lock each, and removed by a timer of its own when its time
// has come, whether or not anybody asks for it again. There is no goroutine per challenge or per waiter.
//
// It must not know the rules of a challenge, nor how requests arrive. Two processes never share it: for that there is
// redisstore.
package memstore

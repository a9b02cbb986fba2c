package swarm

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of CPU times in /proc: USER_HZ is 100 on everything that Linux runs on (proc(5), sysconf(3)).
const tick = 10 * time.Millisecond

// usage is what processes have used and hold, in all.
type usage struct {
	cpu time.Duration // user and system
	rss int64         // bytes
}

// measure adds up what the kernel says of processes (Linux alone).
func measure(pids []int) (u usage, err error) {
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return u, fmt.Errorf("measure process %d: %w", pid, err)
		}
		// The name of a program may have spaces and parentheses; what follows it has none.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		const utime, stime, rss = 14 - 3, 15 - 3, 24 - 3 // proc(5) counts from 1, and two are cut off
		if len(fields) <= rss {
			return u, fmt.Errorf("measure process %d: /proc says nothing of it", pid)
		}
		for _, field := range []int{utime, stime} {
			ticks, _ := strconv.ParseInt(string(fields[field]), 10, 64)
			u.cpu += time.Duration(ticks) * tick
		}
		pages, _ := strconv.ParseInt(string(fields[rss]), 10, 64)
		u.rss += pages * int64(os.Getpagesize())
	}
	return u, nil
}

package oauth

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait is the longest hold: proxies commonly cut a silent connection after 30 s.
const maxWait = 25 * time.Second

// preferredWait reads `Prefer: wait=N` (RFC 7240 §4.3), at most [maxWait]. A preference that is malformed is none: servers
// ignore what they do not understand (§2). The first of several counts.
func preferredWait(h http.Header) time.Duration {
	for _, line := range h.Values("Prefer") {
		for _, preference := range strings.Split(line, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			value = strings.TrimSpace(value)
			if unquoted, ok := strings.CutPrefix(value, `"`); ok {
				value = strings.TrimSuffix(unquoted, `"`)
			}
			seconds, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return 0
			}
			return min(time.Duration(seconds)*time.Second, maxWait)
		}
	}
	return 0
}

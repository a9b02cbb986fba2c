package limit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"qrlogin/provider/internal/challenge"
)

// Set is the limits in force.
type Set map[Name]challenge.Limit

// The bounds of a setting. There is no "off": a counter costs nothing, and a very large one is as good.
const (
	mostEvents     = 1_000_000_000
	shortestWindow = time.Second
	longestWindow  = 24 * time.Hour // so long a counter may stay in the store
)

// Defaults is the table as it stands.
func Defaults() Set {
	s := Set{}
	for _, e := range Table {
		s[e.Name] = e.Default
	}
	return s
}

// Parse is the table, changed by settings of the form NAME=MAX/WINDOW.
func Parse(settings []string) (Set, error) {
	s := Defaults()
	set := map[Name]bool{}
	for _, setting := range settings {
		text, value, _ := strings.Cut(setting, "=")
		name := Name(text)
		if _, known := s[name]; !known {
			return nil, fmt.Errorf("there is no limit %q; the limits are %s", text, names())
		}
		if set[name] {
			return nil, fmt.Errorf("the limit %s is set twice", name)
		}
		set[name] = true
		most, window, _ := strings.Cut(value, "/")
		n, err := strconv.Atoi(most)
		if err != nil || n < 1 || n > mostEvents {
			return nil, fmt.Errorf("the limit %q is not %s=MAX/WINDOW with a MAX of 1 to %d, such as %s", setting, name, mostEvents, Written(name, s[name]))
		}
		d, err := time.ParseDuration(window)
		if err != nil || d < shortestWindow || d > longestWindow {
			return nil, fmt.Errorf("the limit %q is not %s=MAX/WINDOW with a WINDOW of 1s to 24h, such as %s", setting, name, Written(name, s[name]))
		}
		s[name] = upTo(n, d)
	}
	return s, nil
}

// Written is a limit as an operator writes it.
func Written(name Name, l challenge.Limit) string {
	window := strings.Replace(strings.Replace(l.Window.String(), "m0s", "m", 1), "h0m", "h", 1)
	return fmt.Sprintf("%s=%d/%s", name, l.Max, window)
}

func names() string {
	var all []string
	for _, e := range Table {
		all = append(all, string(e.Name))
	}
	return strings.Join(all, ", ")
}

// Of is one event under a limit, of whom it is counted by.
func (s Set) Of(name Name, who string) challenge.Tally {
	return challenge.Tally{Key: string(name) + " " + who, Limit: s[name]} // a name that is not there lets nothing through
}

// Count counts events in one round trip, and refuses if one of them is past its limit. An error of the store is a refusal, too: a
// limit never fails open.
func Count(ctx context.Context, keys challenge.Keys, tallies ...challenge.Tally) error {
	counts, err := keys.CountAll(ctx, tallies)
	if err != nil {
		return err
	}
	return Judge(ctx, keys, tallies, counts)
}

// Judge is for who has counted already. What was within its limit is given back when something else was not: a phone that
// knocks on past its own limit does not use up its network's.
func Judge(ctx context.Context, keys challenge.Keys, tallies []challenge.Tally, counts []challenge.Count) error {
	if !slices.ContainsFunc(counts, func(c challenge.Count) bool { return c.Above }) {
		return nil
	}
	var left time.Duration
	var within []string
	for i, c := range counts {
		if c.Above {
			left = max(left, c.Left)
		} else {
			within = append(within, tallies[i].Key)
		}
	}
	if err := keys.Refund(ctx, within...); err != nil {
		return err
	}
	return challenge.Error{Kind: challenge.TooManyRequests, RetryAfter: max(left, time.Second)}
}

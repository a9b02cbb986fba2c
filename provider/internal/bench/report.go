package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report is what the program prints.
type report struct {
	Machine     string   `json:"machine"`
	Logins      int      `json:"logins"` // at each subject, by each flow
	Rounds      int      `json:"rounds"`
	Concurrency int      `json:"concurrency"`
	Waiting     int      `json:"waiting"`
	SwarmLogins int      `json:"swarm_logins"` // of each swarm
	Subjects    []result `json:"subjects"`
}

// result is one subject's figures.
type result struct {
	Subject string      `json:"subject"`
	Flows   []flowCosts `json:"flows"`

	WaitingHeap       float64 `json:"heap_bytes_per_waiting"`
	WaitingStack      float64 `json:"stack_bytes_per_waiting"`
	WaitingRSS        float64 `json:"rss_bytes_per_waiting"`
	WaitingGoroutines float64 `json:"goroutines_per_waiting"`
	WaitingRedis      float64 `json:"redis_bytes_per_waiting,omitempty"`

	PageMedian float64 `json:"approval_to_page_median_ms"`
	PageP99    float64 `json:"approval_to_page_p99_ms"`
	SiteMedian float64 `json:"approval_to_tokens_median_ms"`
	SiteP99    float64 `json:"approval_to_tokens_p99_ms"`

	Swarms []swarmCosts `json:"swarms"`
}

// swarmCosts is what a swarm found: of logins as many at once as can be, the median of the rounds, or of some while many browsers wait.
type swarmCosts struct {
	Concurrency int `json:"concurrency,omitempty"`
	Waiting     int `json:"waiting,omitempty"`

	CPU           float64 `json:"cpu_us_per_login,omitempty"`
	CPURatio      float64 `json:"cpu_beside_floor,omitempty"`
	LoginsASecond float64 `json:"logins_per_second,omitempty"`
	RSS           float64 `json:"rss_bytes_per_waiting,omitempty"`
	SiteMedian    float64 `json:"approval_to_tokens_median_ms"`
	SiteP99       float64 `json:"approval_to_tokens_p99_ms"`
}

// flowCosts is what a login by a flow costs: the median of the rounds, of ratios too.
type flowCosts struct {
	Flow          string  `json:"flow"`
	CPU           float64 `json:"cpu_us_per_login"`
	CPURatio      float64 `json:"cpu_beside_floor"`
	Allocations   float64 `json:"allocations_per_login"`
	Allocated     float64 `json:"allocated_bytes_per_login"`
	Answered      float64 `json:"answered_bytes_per_login"`
	LoginsASecond float64 `json:"logins_per_second"`

	RedisTrips    float64 `json:"redis_round_trips_per_login,omitempty"`
	RedisCommands float64 `json:"redis_commands_per_login,omitempty"`
	RedisCPU      float64 `json:"redis_cpu_us_per_login,omitempty"`
}

func newReport(o options, subjects []*subject) report {
	r := report{
		Logins: o.Logins / o.Rounds * o.Rounds, Rounds: o.Rounds, Concurrency: o.Concurrency, Waiting: o.Waiting,
		SwarmLogins: o.SwarmLogins,
	}
	floor := &subject{}
	for _, s := range subjects {
		if s.role == roleFloor {
			floor = s
		}
	}
	for _, s := range subjects {
		one := result{
			Subject:     s.role,
			WaitingHeap: s.waiting.Heap, WaitingStack: s.waiting.Stack, WaitingRSS: s.waiting.RSS,
			WaitingGoroutines: s.waiting.Goroutines, WaitingRedis: s.waiting.RedisMemory,
			PageMedian: ms(s.waiting.Page.Median), PageP99: ms(s.waiting.Page.P99),
			SiteMedian: ms(s.waiting.Site.Median), SiteP99: ms(s.waiting.Site.P99),
		}
		for _, f := range o.Flows {
			one.Flows = append(one.Flows, costs(f.name, s.rounds[f.name], floor.rounds[f.name]))
		}
		for _, n := range o.SwarmConcurrency {
			if busy := s.busy[n]; len(busy) > 0 {
				one.Swarms = append(one.Swarms, busyCosts(n, busy, floor.busy[n]))
			}
		}
		for _, n := range o.SwarmWaiting {
			if f, ok := s.crowds[n]; ok {
				one.Swarms = append(one.Swarms, swarmCosts{Waiting: n, RSS: f.RSS, SiteMedian: ms(f.Site.Median), SiteP99: ms(f.Site.P99)})
			}
		}
		r.Subjects = append(r.Subjects, one)
	}
	return r
}

func costs(flow string, rounds, floor []roundFigures) flowCosts {
	of := func(figure func(roundFigures) float64) float64 { return median(rounds, figure) }
	return flowCosts{
		Flow:          flow,
		CPU:           of(func(f roundFigures) float64 { return f.CPU }),
		Allocations:   of(func(f roundFigures) float64 { return f.Allocations }),
		Allocated:     of(func(f roundFigures) float64 { return f.Allocated }),
		Answered:      of(func(f roundFigures) float64 { return f.Answered }),
		LoginsASecond: of(func(f roundFigures) float64 { return f.LoginsASecond }),
		RedisTrips:    of(func(f roundFigures) float64 { return f.RedisTrips }),
		RedisCommands: of(func(f roundFigures) float64 { return f.RedisCommands }),
		RedisCPU:      of(func(f roundFigures) float64 { return f.RedisCPU }),
		CPURatio:      besideFloor(rounds, floor, func(f roundFigures) float64 { return f.CPU }),
	}
}

func busyCosts(concurrency int, rounds, floor []swarmFigures) swarmCosts {
	of := func(figure func(swarmFigures) float64) float64 { return median(rounds, figure) }
	cpu := func(f swarmFigures) float64 { return f.CPU }
	return swarmCosts{
		Concurrency:   concurrency,
		CPU:           of(cpu),
		CPURatio:      besideFloor(rounds, floor, cpu),
		LoginsASecond: of(func(f swarmFigures) float64 { return f.LoginsASecond }),
		SiteMedian:    of(func(f swarmFigures) float64 { return ms(f.Site.Median) }),
		SiteP99:       of(func(f swarmFigures) float64 { return ms(f.Site.P99) }),
	}
}

// besideFloor is the median of a figure's ratios, round by round, so that a machine that changes its speed meanwhile does not matter.
func besideFloor[T any](rounds, floor []T, figure func(T) float64) float64 {
	var ratios []float64
	for i := range floor {
		ratios = append(ratios, figure(rounds[i])/figure(floor[i]))
	}
	return median(ratios, func(f float64) float64 { return f })
}

// median of nothing is 0.
func median[T any](list []T, figure func(T) float64) float64 {
	if len(list) == 0 {
		return 0
	}
	var figures []float64
	for _, t := range list {
		figures = append(figures, figure(t))
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r report) json(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r report) text(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name, format string, figure func(result) float64) {
		fmt.Fprintf(table, "%s\t", name)
		for _, s := range r.Subjects {
			if v := figure(s); v == 0 {
				fmt.Fprint(table, "-\t")
			} else {
				fmt.Fprintf(table, format+"\t", v)
			}
		}
		fmt.Fprintln(table)
	}
	fmt.Fprintf(out, "%s; %d rounds of %d logins, %d at once; %d browsers waiting\n\n",
		r.Machine, r.Rounds, r.Logins/r.Rounds, r.Concurrency, r.Waiting)
	fmt.Fprint(table, "\t")
	for _, s := range r.Subjects {
		fmt.Fprintf(table, "%s\t", s.Subject)
	}
	fmt.Fprintln(table)
	for i := range r.Subjects[0].Flows {
		fmt.Fprintf(table, "each login, %s\t\n", r.Subjects[0].Flows[i].Flow)
		line("CPU, µs", "%.0f", func(s result) float64 { return s.Flows[i].CPU })
		line("beside the floor", "%.2f", func(s result) float64 { return s.Flows[i].CPURatio })
		line("allocations", "%.0f", func(s result) float64 { return s.Flows[i].Allocations })
		line("allocated, kB", "%.1f", func(s result) float64 { return s.Flows[i].Allocated / 1000 })
		line("answered, bytes", "%.0f", func(s result) float64 { return s.Flows[i].Answered })
		line("store round trips", "%.1f", func(s result) float64 { return s.Flows[i].RedisTrips })
		line("commands in Redis", "%.1f", func(s result) float64 { return s.Flows[i].RedisCommands })
		line("CPU of Redis, µs", "%.0f", func(s result) float64 { return s.Flows[i].RedisCPU })
		line("logins a second", "%.0f", func(s result) float64 { return s.Flows[i].LoginsASecond })
	}
	fmt.Fprintln(table, "each waiting browser\t")
	line("heap, kB", "%.1f", func(s result) float64 { return s.WaitingHeap / 1000 })
	line("stacks, kB", "%.1f", func(s result) float64 { return s.WaitingStack / 1000 })
	line("resident, kB", "%.1f", func(s result) float64 { return s.WaitingRSS / 1000 })
	line("goroutines", "%.1f", func(s result) float64 { return s.WaitingGoroutines })
	line("in Redis, bytes", "%.0f", func(s result) float64 { return s.WaitingRedis })
	fmt.Fprintln(table, "from the approval, ms\t")
	line("to the page, median", "%.2f", func(s result) float64 { return s.PageMedian })
	line("to the page, p99", "%.2f", func(s result) float64 { return s.PageP99 })
	line("to the tokens, median", "%.2f", func(s result) float64 { return s.SiteMedian })
	line("to the tokens, p99", "%.2f", func(s result) float64 { return s.SiteP99 })
	for i, w := range r.Subjects[0].Swarms {
		if w.Concurrency > 0 {
			fmt.Fprintf(table, "a swarm, %d logins at once\t\n", w.Concurrency)
			line("CPU, µs", "%.0f", func(s result) float64 { return s.Swarms[i].CPU })
			line("beside the floor", "%.2f", func(s result) float64 { return s.Swarms[i].CPURatio })
			line("logins a second", "%.0f", func(s result) float64 { return s.Swarms[i].LoginsASecond })
		} else {
			fmt.Fprintf(table, "a swarm, %d browsers waiting\t\n", w.Waiting)
			line("resident for each, kB", "%.1f", func(s result) float64 { return s.Swarms[i].RSS / 1000 })
		}
		line("to the tokens, median", "%.2f", func(s result) float64 { return s.Swarms[i].SiteMedian })
		line("to the tokens, p99", "%.2f", func(s result) float64 { return s.Swarms[i].SiteP99 })
	}
	return table.Flush()
}

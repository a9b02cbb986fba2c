package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// options is the command line.
type options struct {
	Subjects    []string
	Flows       []flow
	Logins      int
	Rounds      int
	Concurrency int
	Waiting     int
	SwarmLogins int
	// What each swarm has another of: how many logins are at once, and how many browsers wait.
	SwarmConcurrency, SwarmWaiting []int
	Profile                        string
	JSON                           bool
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := serve(role, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", role, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	subjects := flags.String("subjects", "floor,memory,redis", "what to measure; the floor is what the others stand beside")
	names := flags.String("flows", "device,device-rs256,code,code-rs256", "ways to log in")
	flags.IntVar(&o.Logins, "logins", 3000, "logins at each subject by each flow, a tenth of which more warm it up")
	flags.IntVar(&o.Rounds, "rounds", 5, "rounds over which they are spread; the median counts")
	flags.IntVar(&o.Concurrency, "concurrency", 8, "logins at once")
	flags.IntVar(&o.Waiting, "waiting", 1000, "browsers that wait while a fifth of them, one after the other, log in")
	flags.IntVar(&o.SwarmLogins, "swarm-logins", 1000, "logins of each swarm; 0 leaves the swarms out")
	concurrency := flags.String("swarm-concurrency", "1,32,256", "logins at once, a swarm in each round for each")
	waiting := flags.String("swarm-waiting", "1000,5000,15000", fmt.Sprintf("browsers that wait, a swarm for each, which begins %d logins a second", swarmRate))
	flags.StringVar(&o.Profile, "profile", "", "folder for a CPU profile of each subject's rounds")
	flags.BoolVar(&o.JSON, "json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.Subjects = strings.Split(*subjects, ",")
	for _, subject := range o.Subjects {
		if !slices.Contains([]string{roleFloor, roleMemory, roleRedis}, subject) {
			return o, fmt.Errorf("subject %q is not %s, %s or %s", subject, roleFloor, roleMemory, roleRedis)
		}
	}
	for name := range strings.SplitSeq(*names, ",") {
		i := slices.IndexFunc(flows, func(f flow) bool { return f.name == name })
		if i < 0 {
			return o, fmt.Errorf("flow %q is not device, device-rs256, code or code-rs256", name)
		}
		o.Flows = append(o.Flows, flows[i])
	}
	var err error
	if o.SwarmConcurrency, err = numbers(*concurrency); err != nil {
		return o, fmt.Errorf("swarm-concurrency: %w", err)
	}
	if o.SwarmWaiting, err = numbers(*waiting); err != nil {
		return o, fmt.Errorf("swarm-waiting: %w", err)
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.Rounds < 1 || o.Concurrency < 1 || o.Logins < o.Rounds*o.Concurrency:
		return o, errors.New("logins must be at least rounds times concurrency, and those at least 1")
	case o.Waiting < 5:
		return o, errors.New("waiting must be at least 5")
	case o.SwarmLogins < 0:
		return o, errors.New("swarm-logins must be at least 0")
	}
	// Go raises the soft limit to the hard one by itself. Each waiting browser is a connection here and one there.
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return o, fmt.Errorf("limit of open files: %w", err)
	}
	waits := o.Waiting
	if o.SwarmLogins > 0 {
		waits = max(waits, slices.Max(o.SwarmWaiting))
	}
	if need := uint64(waits + 4*o.Concurrency + 1000); limit.Cur < need {
		return o, fmt.Errorf("%d waiting browsers need %d open files, and the limit is %d: raise it with ulimit -n", waits, need, limit.Cur)
	}
	return o, nil
}

// numbers reads a list of them, each at least 1.
func numbers(list string) (all []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number from 1 on", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// run measures every subject and prints the report. Whatever it started has ended when it returns.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var subjects []*subject
	defer func() {
		for _, s := range slices.Backward(subjects) {
			err = errors.Join(err, s.close())
		}
	}()
	for _, role := range o.Subjects {
		s, err := start(ctx, role, o)
		if err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
		subjects = append(subjects, s)
	}
	for _, step := range []func(*subject) error{
		func(s *subject) error { return s.warmUp(ctx, o) },
		func(s *subject) error { return s.startProfile(o.Profile) },
	} {
		if err := each(subjects, step); err != nil {
			return err
		}
	}
	for range o.Rounds {
		for _, f := range o.Flows {
			if err := each(subjects, func(s *subject) error { return s.round(ctx, f, o) }); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	for _, step := range []func(*subject) error{
		func(s *subject) error { return s.stopProfile(o.Profile) },
		func(s *subject) error { return s.wait(ctx, o) },
	} {
		if err := each(subjects, step); err != nil {
			return err
		}
	}
	if o.SwarmLogins > 0 {
		if err := measureSwarms(ctx, o, subjects); err != nil {
			return err
		}
	}
	report := newReport(o, subjects)
	report.Machine = fmt.Sprintf("%s %s/%s, %d CPUs", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if o.JSON {
		return report.json(stdout)
	}
	return report.text(stdout)
}

func each(subjects []*subject, step func(*subject) error) error {
	for _, s := range subjects {
		if err := step(s); err != nil {
			return fmt.Errorf("%s: %w", s.role, err)
		}
	}
	return nil
}

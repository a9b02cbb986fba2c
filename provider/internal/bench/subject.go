package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// phoneCount stays under what one address may enrol (60 in ten minutes).
const phoneCount = 32

// subject is a process under measurement, and all that was measured.
type subject struct {
	role    string
	folder  string
	issuer  string
	process *exec.Cmd
	stdin   io.WriteCloser
	answers *json.Decoder
	parties *parties
	redis   *redisServer // of the role redis

	rounds  map[string][]roundFigures // by the flow's name
	waiting waitingFigures
	busy    map[int][]swarmFigures // of swarms, by how many logins were at once, one for each round
	crowds  map[int]swarmFigures   // the same by how many browsers waited
}

// roundFigures is a round's cost for each login.
type roundFigures struct {
	CPU, Allocations, Allocated  float64 // µs; count; bytes
	Answered                     float64 // bytes of answers' bodies
	RedisCPU, RedisTrips         float64 // µs; count
	RedisCommands, LoginsASecond float64
}

// start starts a subject, and enrols the phones.
func start(ctx context.Context, role string, o options) (*subject, error) {
	s, err := launch(ctx, role)
	if err != nil {
		return nil, err
	}
	s.parties = newParties(s.issuer, len(o.Flows)*(o.Logins+o.warmUp()))
	if err := s.parties.addPhones(ctx, phoneCount, s.sms()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// launch starts a subject's process.
func launch(ctx context.Context, role string) (_ *subject, err error) {
	s := &subject{
		role: role, rounds: map[string][]roundFigures{}, busy: map[int][]swarmFigures{}, crowds: map[int]swarmFigures{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.folder, err = os.MkdirTemp("", "qrlogin-bench"); err != nil {
		return nil, err
	}
	environment := append(os.Environ(), roleVariable+"="+role, folderVariable+"="+s.folder)
	if role == roleRedis {
		if s.redis, err = startRedis(ctx); err != nil {
			return nil, err
		}
		environment = append(environment, redisVariable+"="+s.redis.url)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s.process = exec.Command(self) //nolint:gosec,noctx // this program; it ends with its standard input
	s.process.Env, s.process.Stderr = environment, os.Stderr
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	s.answers = json.NewDecoder(bufio.NewReader(stdout))
	if err := s.answers.Decode(&s.issuer); err != nil {
		return nil, fmt.Errorf("it does not start: %w", err)
	}
	return s, nil
}

// sms is the file in which a subject leaves what it would send.
func (s *subject) sms() string { return smsIn(s.folder) }

func smsIn(folder string) string { return filepath.Join(folder, "sms") }

// close ends the process, which takes the end of its standard input as the order to, and its Redis.
func (s *subject) close() error {
	var errs []error
	if s.parties != nil {
		s.parties.hangUp()
	}
	if s.process != nil && s.process.Process != nil {
		_ = s.stdin.Close()
		overdue := time.AfterFunc(15*time.Second, func() { _ = s.process.Process.Kill() })
		errs = append(errs, s.process.Wait())
		overdue.Stop()
	}
	if s.redis != nil {
		errs = append(errs, s.redis.close())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}

// ask sends a command to the process.
func (s *subject) ask(command string) (f figures, err error) {
	if _, err := io.WriteString(s.stdin, command+"\n"); err != nil {
		return f, err
	}
	return f, s.answers.Decode(&f)
}

func (s *subject) logIn(ctx context.Context, f flow, n, concurrency int) error {
	return atOnce(n, concurrency, func(int) error { return s.parties.login(ctx, f) })
}

func (o options) warmUp() int { return max(o.Logins/10, o.Concurrency) }

func (s *subject) warmUp(ctx context.Context, o options) error {
	for _, f := range o.Flows {
		if err := s.logIn(ctx, f, o.warmUp(), o.Concurrency); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// round measures one round of logins by a flow.
func (s *subject) round(ctx context.Context, f flow, o options) error {
	n := o.Logins / o.Rounds
	redisBefore, err := s.redis.info(ctx)
	if err != nil {
		return err
	}
	answered := s.parties.answered.Load()
	before, err := s.ask(tellUsage)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.logIn(ctx, f, n, o.Concurrency); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := s.ask(tellUsage)
	if err != nil {
		return err
	}
	redisAfter, err := s.redis.info(ctx)
	if err != nil {
		return err
	}
	each := func(total float64) float64 { return total / float64(n) }
	r := roundFigures{
		CPU:           each(float64((after.CPU - before.CPU).Microseconds())),
		Allocations:   each(float64(after.Mallocs - before.Mallocs)),
		Allocated:     each(float64(after.Allocated - before.Allocated)),
		Answered:      each(float64(s.parties.answered.Load() - answered)),
		LoginsASecond: float64(n) / took.Seconds(),
	}
	if s.redis != nil {
		r.RedisCPU = each(1e6 * (redisAfter.cpu - redisBefore.cpu))
		r.RedisTrips = each(redisAfter.reads - redisBefore.reads - 1) // one was the second look itself
		r.RedisCommands = each(redisAfter.commands - redisBefore.commands - 1)
	}
	s.rounds[f.name] = append(s.rounds[f.name], r)
	return nil
}

func (s *subject) startProfile(folder string) error {
	if folder == "" {
		return nil
	}
	path, err := filepath.Abs(filepath.Join(folder, s.role+".pprof"))
	if err != nil {
		return err
	}
	_, err = s.ask(startProfile + path)
	return err
}

func (s *subject) stopProfile(folder string) error {
	if folder == "" {
		return nil
	}
	_, err := s.ask(stopProfile)
	return err
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a throwaway redis-server of this run.
type redisServer struct {
	url     string
	folder  string
	process *exec.Cmd
	db      *redis.Client // of the one who looks on
}

// startRedis starts a redis-server on a free port of the loopback, which keeps nothing on disk.
func startRedis(ctx context.Context) (_ *redisServer, err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not installed; --subjects=floor,memory goes without")
	}
	// The port is free again a moment before Redis takes it.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	if err := listener.Close(); err != nil {
		return nil, err
	}
	s := &redisServer{
		url: "redis://" + address,
		db:  redis.NewClient(&redis.Options{Addr: address, PoolSize: 1, DisableIdentity: true}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.folder, err = os.MkdirTemp("", "qrlogin-bench-redis"); err != nil {
		return nil, err
	}
	var output bytes.Buffer
	s.process = exec.Command(path, //nolint:gosec,noctx // close ends it
		"--bind", "127.0.0.1", "--port", port, "--dir", s.folder, "--save", "", "--appendonly", "no")
	s.process.Stdout = &output
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := s.db.Ping(ctx).Err()
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return nil, fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
}

// empty forgets everything, so that nothing which runs out meanwhile disturbs a measurement.
func (s *redisServer) empty(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return s.db.FlushAll(ctx).Err()
}

func (s *redisServer) close() error {
	errs := []error{s.db.Close()}
	if s.process != nil && s.process.Process != nil {
		errs = append(errs, s.process.Process.Kill())
		_ = s.process.Wait() // "killed"
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}

// redisInfo is what the server counts.
type redisInfo struct {
	cpu      float64 // seconds
	reads    float64 // of requests: a pipeline is one, so these are the round trips
	commands float64 // those inside scripts included
	memory   float64 // bytes, without the connections' buffers
}

// info asks the server, in one request. Without a server all is zero.
func (s *redisServer) info(ctx context.Context) (i redisInfo, err error) {
	if s == nil {
		return i, nil
	}
	text, err := s.db.Info(ctx, "cpu", "stats", "memory").Result()
	if err != nil {
		return i, err
	}
	values := map[string]float64{}
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				values[name] = n
			}
		}
	}
	for _, name := range []string{
		"used_cpu_user", "used_cpu_sys", "total_reads_processed", "total_commands_processed", "used_memory", "mem_clients_normal",
	} {
		if _, ok := values[name]; !ok {
			return i, fmt.Errorf("redis-server does not tell %s", name)
		}
	}
	return redisInfo{
		cpu:      values["used_cpu_user"] + values["used_cpu_sys"],
		reads:    values["total_reads_processed"],
		commands: values["total_commands_processed"],
		memory:   values["used_memory"] - values["mem_clients_normal"],
	}, nil
}

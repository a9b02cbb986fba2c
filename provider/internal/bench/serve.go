package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"qrlogin/provider/app"
)

// The subjects. The program starts itself again for each, with the role in its environment.
const (
	roleFloor  = "floor"
	roleMemory = "memory"
	roleRedis  = "redis"

	roleVariable   = "QRLOGIN_BENCH_ROLE"
	folderVariable = "QRLOGIN_BENCH_FOLDER" // for the database and the SMS
	redisVariable  = "QRLOGIN_BENCH_REDIS"  // URL
)

// What the sites that log people in have in common.
const (
	clientSecret = "c2hvcC1zZWNyZXQtc2hvcC1zZWNyZXQtc2hvcC1zZWM" //nolint:gosec // of a provider that lives for a minute
	clientName   = "The Shop"
	clientDomain = "shop.example"
)

// figures is what a subject says of itself: totals since its start, or what is in use now.
type figures struct {
	CPU        time.Duration // user and system
	Mallocs    uint64
	Allocated  uint64 // bytes
	Heap       uint64 // bytes in use
	Stack      uint64 // bytes in use
	RSS        uint64 // bytes
	Goroutines int
}

// The commands that a subject takes on its standard input, a line each; it answers each with a line of JSON. The end of the
// input ends it.
const (
	tellUsage    = "usage"
	tellMemory   = "memory"   // after a collection, with what is free given back
	startProfile = "profile " // and a file's path
	stopProfile  = "stop"
)

// serve is a subject: it serves on a free port of the loopback, says where, and then does as it is told.
func serve(role string, commands io.Reader, answers io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + listener.Addr().String()
	ended := make(chan error, 1)
	if role == roleFloor {
		handler, err := newFloor(issuer, smsIn(os.Getenv(folderVariable)))
		if err != nil {
			return err
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		go func() { ended <- server.Serve(listener) }()
		defer server.Close()
	} else {
		provider, err := openProvider(ctx, role, issuer)
		if err != nil {
			return err
		}
		defer runtime.KeepAlive(app.Ballast())
		go func() { ended <- errors.Join(provider.Serve(ctx, listener), provider.Close()) }()
		defer func() { cancel(); <-ended }()
	}
	encoder := json.NewEncoder(answers)
	if err := encoder.Encode(issuer); err != nil {
		return err
	}
	for lines := bufio.NewScanner(commands); lines.Scan(); {
		f, err := obey(lines.Text())
		if err != nil {
			return err
		}
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	select {
	case err := <-ended:
		ended <- nil
		return fmt.Errorf("ended too early: %w", err)
	default:
		return nil
	}
}

// openProvider makes the provider as `provider serve` does: a database in a file, a log, and the ballast.
func openProvider(ctx context.Context, role, issuer string) (*app.Provider, error) {
	store := "memory"
	if role == roleRedis {
		store = os.Getenv(redisVariable)
	}
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	folder := os.Getenv(folderVariable)
	return app.New(ctx, app.Config{
		Issuer: issuer, Store: store, Data: folder + "/data", SMS: "file:" + smsIn(folder), Limits: limits,
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Clients: []app.Client{client(siteES256, "ES256"), client(siteRS256, "RS256")},
	})
}

// limits lets two sites and a few phones do what thousands do elsewhere. What is counted stays the same.
var limits = []string{
	"challenges-in-all=1000000000/10m", "authorizations-in-all=1000000000/10m", "authorizations-per-client=1000000000/10m",
	"challenges-per-client=1000000000/10m",
	"detailed-challenges-per-client=1000000000/10m", "scans-per-device=1000000000/10m", "scans-per-account=1000000000/10m", "scans-per-network=1000000000/10m",
}

func client(id, alg string) app.Client {
	return app.Client{
		ID: id, Secret: clientSecret, Name: clientName, Origins: []string{"https://" + clientDomain}, RedirectURIs: []string{redirectURI},
		SigningAlg: alg,
	}
}

func obey(command string) (figures, error) {
	if path, ok := strings.CutPrefix(command, startProfile); ok {
		file, err := os.Create(path)
		if err != nil {
			return figures{}, err
		}
		return figures{}, pprof.StartCPUProfile(file)
	}
	switch command {
	case stopProfile:
		pprof.StopCPUProfile()
		return figures{}, nil
	case tellMemory:
		runtime.GC() // the first only marks what pools keep as old
		debug.FreeOSMemory()
	case tellUsage:
	default:
		return figures{}, fmt.Errorf("unknown command %q", command)
	}
	return measure()
}

func measure() (figures, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return figures{}, fmt.Errorf("CPU: %w", err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	f := figures{
		CPU:     time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		Mallocs: memory.Mallocs, Allocated: memory.TotalAlloc,
		Heap: memory.HeapInuse, Stack: memory.StackInuse, Goroutines: runtime.NumGoroutine(),
	}
	pages, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return figures{}, fmt.Errorf("resident memory: %w", err)
	}
	var size uint64
	if _, err := fmt.Sscan(string(pages), &size, &f.RSS); err != nil {
		return figures{}, fmt.Errorf("resident memory: %w", err)
	}
	f.RSS *= uint64(os.Getpagesize())
	return f, nil
}

package testenv

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// PostgresPrograms is where a PostgreSQL server may be, for [Require]: Debian keeps the programs of each version in a folder of its own.
func PostgresPrograms() []string {
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	return append([]string{"postgres"}, debian...)
}

// Postgres starts a throwaway PostgreSQL server on a socket in a temporary folder. url is that of an empty database, whose text is
// ordered as in a dictionary. stop ends the server and removes the folder.
func Postgres(path string) (url string, stop func(), err error) {
	p, err := StartPostgres(path, "synchronous_commit=off", "full_page_writes=off")
	if err != nil {
		return "", nil, err
	}
	return p.URL("postgres"), p.Stop, nil
}

// PostgresServer is a throwaway server that can be ended and started again.
type PostgresServer struct {
	dir, programs string
	settings      []string
	as            *syscall.SysProcAttr
	output        bytes.Buffer
	server        *exec.Cmd
}

// StartPostgres starts one with these settings. What it has committed outlives its own end, unless they say otherwise, but not the
// machine's.
func StartPostgres(path string, settings ...string) (p *PostgresServer, err error) {
	p = &PostgresServer{settings: settings}
	if p.dir, err = os.MkdirTemp("", "postgres"); err != nil { // and not T.TempDir: a socket's path must be short
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(p.dir)
		}
	}()
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	p.programs = filepath.Dir(path)
	if p.as, err = unprivileged(p.dir); err != nil {
		return nil, err
	}
	err = p.command("initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
		"--no-instructions", "--locale=C", "--locale-provider=icu", "--icu-locale=en").Run()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, p.output.String())
	}
	return p, p.Start()
}

func (p *PostgresServer) data() string { return filepath.Join(p.dir, "data") }

func (p *PostgresServer) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(p.programs, program), args...)
	c.Stdout, c.Stderr, c.SysProcAttr, c.Dir = &p.output, &p.output, p.as, p.dir
	return c
}

// URL is that of a database.
func (p *PostgresServer) URL(database string) string {
	return "postgres://postgres@localhost/" + database + "?host=" + p.dir
}

// Create makes an empty database.
func (p *PostgresServer) Create(database string) (url string, err error) {
	c := exec.Command(filepath.Join(p.programs, "createdb"), "-h", p.dir, "-U", "postgres", database)
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("createdb: %w\n%s", err, out)
	}
	return p.URL(database), nil
}

// Start starts the server after [PostgresServer.Crash], and waits until it is ready.
func (p *PostgresServer) Start() error {
	args := []string{"-D", p.data(), "-k", p.dir}
	for _, setting := range append([]string{"listen_addresses=", "max_connections=200", "fsync=off"}, p.settings...) {
		args = append(args, "-c", setting)
	}
	p.server = p.command("postgres", args...)
	if err := p.server.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		status, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
		if err == nil && strings.Contains(string(status), "ready") {
			return nil
		}
		if time.Now().After(deadline) {
			p.Stop()
			return fmt.Errorf("postgres does not get ready:\n%s", p.output.String())
		}
	}
}

// Crash ends the server at once, without a word to those who are connected.
func (p *PostgresServer) Crash() {
	_ = p.server.Process.Signal(syscall.SIGQUIT) // and not SIGKILL, which leaves shared memory behind
	_ = p.server.Wait()
	_ = os.Remove(filepath.Join(p.data(), "postmaster.pid"))
}

// Signal sends one to the server and to all of its processes, each of which is a group of its own (Linux).
func (p *PostgresServer) Signal(signal syscall.Signal) error {
	err := p.server.Process.Signal(signal) // first, so that it starts no more
	if err != nil {
		return err
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, _ := os.ReadFile(path) // of a process that may have ended
		// The name, in parentheses, may have spaces; state and parent follow it (proc(5)).
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(p.server.Process.Pid) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				_ = syscall.Kill(pid, signal)
			}
		}
	}
	return err
}

// Stop ends the server and removes its folder.
func (p *PostgresServer) Stop() {
	p.Crash()
	_ = os.RemoveAll(p.dir)
}

// unprivileged gives the folder to a user that is not root, where this process is: PostgreSQL refuses to run as root.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, int(uid), int(gid))
}

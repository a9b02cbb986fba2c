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
	dir, err := os.MkdirTemp("", "postgres") // and not T.TempDir: a socket's path must be short
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	programs, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", nil, err
	}
	as, err := unprivileged(dir)
	if err != nil {
		return "", nil, err
	}
	var output bytes.Buffer
	command := func(path string, args ...string) *exec.Cmd {
		c := exec.Command(path, args...)
		c.Stdout, c.Stderr, c.SysProcAttr, c.Dir = &output, &output, as, dir
		return c
	}
	data := filepath.Join(dir, "data")
	err = command(filepath.Join(filepath.Dir(programs), "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
		"--no-instructions", "--locale=C", "--locale-provider=icu", "--icu-locale=en").Run()
	if err != nil {
		return "", nil, fmt.Errorf("initdb: %w\n%s", err, output.String())
	}
	server := command(path, "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // and not SIGKILL, which leaves shared memory behind
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
		if err == nil && strings.Contains(string(status), "ready") {
			return "postgres://postgres@localhost/postgres?host=" + dir, stop, nil
		}
		if time.Now().After(deadline) {
			stop()
			return "", nil, fmt.Errorf("postgres does not get ready:\n%s", output.String())
		}
	}
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

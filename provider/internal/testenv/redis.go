package testenv

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Redis starts a throwaway redis-server on a socket in a temporary folder. stop ends it and removes the folder.
func Redis(path string) (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "redis") // and not T.TempDir: a socket's path must be short
	if err != nil {
		return "", nil, err
	}
	socket := filepath.Join(dir, "s")
	var output bytes.Buffer
	server := exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no")
	server.Stdout = &output
	if err := server.Start(); err != nil {
		_ = os.RemoveAll(dir)
		return "", nil, err
	}
	stop = func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			return "unix://" + socket, stop, conn.Close()
		}
		if time.Now().After(deadline) {
			stop()
			return "", nil, fmt.Errorf("redis-server does not answer: %w\n%s", err, output.String())
		}
	}
}

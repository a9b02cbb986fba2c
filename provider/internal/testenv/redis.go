package testenv

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Redis starts a throwaway redis-server on a socket in a temporary folder. stop ends it and removes the folder.
func Redis(path string) (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "redis") // and not T.TempDir: a socket's path must be short
	if err != nil {
		return "", nil, err
	}
	socket := filepath.Join(dir, "s")
	_, end, err := startRedis(path, dir, "unix", socket, "--port", "0", "--unixsocket", socket)
	stop = func() { end(); _ = os.RemoveAll(dir) }
	if err != nil {
		stop()
		return "", nil, err
	}
	return "unix://" + socket, stop, nil
}

// RedisServer is a throwaway redis-server on a port of the loopback.
type RedisServer struct {
	Addr    string // host:port
	Process *os.Process
	Stop    func() // ends it; calling it again does nothing
}

// RedisOnPort starts a redis-server in the folder dir with these arguments more. It keeps nothing there unless they say so.
func RedisOnPort(path, dir string, args ...string) (*RedisServer, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	return RedisAt(path, dir, port, args...)
}

// RedisAt is RedisOnPort for a port that is known, such as the one of a server that has ended.
func RedisAt(path, dir string, port int, args ...string) (*RedisServer, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	process, end, err := startRedis(path, dir, "tcp", address, append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1"}, args...)...)
	if err != nil {
		end()
		return nil, err
	}
	return &RedisServer{Addr: address, Process: process, Stop: end}, nil
}

// FreePort is a port on which nobody listens now. What starts there later finds it free still: it lies below those that Linux gives to
// connections, and to whoever listens on any port (net.ipv4.ip_local_port_range).
func FreePort() (int, error) {
	for try := 1; ; try++ {
		port := 20_000 + rand.IntN(12_000)
		l, err := net.Listen("tcp", fmt.Sprint(":", port))
		if err == nil {
			return port, l.Close()
		}
		if try == 100 {
			return 0, err
		}
	}
}

// startRedis waits until the server answers at its address.
func startRedis(path, dir, network, address string, args ...string) (process *os.Process, end func(), err error) {
	var output bytes.Buffer
	server := exec.Command(path, append([]string{"--dir", dir, "--save", "", "--appendonly", "no"}, args...)...)
	server.Stdout = &output
	if err := server.Start(); err != nil {
		return nil, func() {}, err
	}
	end = sync.OnceFunc(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial(network, address)
		if err == nil {
			return server.Process, end, conn.Close()
		}
		if time.Now().After(deadline) {
			end()
			return nil, end, fmt.Errorf("redis-server does not answer: %w\n%s", err, output.String())
		}
	}
}

// RedisCommand sends one command, whose words have no spaces, and answers what comes back: of a list, a line for each.
func RedisCommand(address string, words ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, strings.Join(words, " ")+"\r\n"); err != nil {
		return "", err
	}
	return redisReply(bufio.NewReader(conn))
}

func redisReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, text := line[0], strings.TrimSpace(line[1:])
	n, _ := strconv.Atoi(text)
	switch kind {
	case '-':
		return "", errors.New(text)
	case '$':
		bytes := make([]byte, max(n, 0)+len("\r\n"))
		_, err := io.ReadFull(r, bytes)
		return string(bytes[:max(n, 0)]), err
	case '*':
		lines := make([]string, max(n, 0))
		for i := range lines {
			if lines[i], err = redisReply(r); err != nil {
				return "", err
			}
		}
		return strings.Join(lines, "\n"), nil
	}
	return text, nil
}

// RedisCluster starts so many masters that share the slots. stop ends them all.
func RedisCluster(path string, masters int) (servers []*RedisServer, stop func(), err error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, nil, err
	}
	stop = func() {
		for _, s := range servers {
			s.Stop()
		}
		_ = os.RemoveAll(dir)
	}
	fail := func(err error) ([]*RedisServer, func(), error) { stop(); return nil, nil, err }
	var buses []string
	for i := range masters {
		bus, err := FreePort()
		if err != nil {
			return fail(err)
		}
		buses = append(buses, strconv.Itoa(bus))
		server, err := RedisOnPort(path, dir, "--cluster-enabled", "yes", "--cluster-port", buses[i], "--cluster-node-timeout", "6000",
			"--cluster-config-file", fmt.Sprint("nodes", i, ".conf"))
		if err != nil {
			return fail(err)
		}
		servers = append(servers, server)
	}
	first, port, _ := net.SplitHostPort(servers[0].Addr)
	for i, s := range servers {
		from, to := i*16384/masters, (i+1)*16384/masters-1
		for _, words := range [][]string{
			{"CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)},
			{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
			{"CLUSTER", "MEET", first, port, buses[0]},
		} {
			if _, err := RedisCommand(s.Addr, words...); err != nil {
				return fail(err)
			}
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ready := 0
		for _, s := range servers {
			info, err := RedisCommand(s.Addr, "CLUSTER", "INFO")
			if err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", masters)) {
				ready++
			}
		}
		if ready == masters {
			return servers, stop, nil
		}
		if time.Now().After(deadline) {
			return fail(errors.New("the cluster does not come together"))
		}
	}
}

// RedisSentinel starts a master, a replica of it, and one sentinel that makes the replica the master half a second after the master
// is gone. The sentinel knows the master by the name "mymaster".
func RedisSentinel(path string) (master, replica, sentinel *RedisServer, stop func(), err error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, nil, nil, nil, err
	}
	stop = func() {
		for _, s := range []*RedisServer{master, replica, sentinel} {
			if s != nil {
				s.Stop()
			}
		}
		_ = os.RemoveAll(dir)
	}
	if master, err = RedisOnPort(path, dir, "--repl-diskless-sync-delay", "0"); err != nil {
		stop()
		return nil, nil, nil, nil, err
	}
	_, port, _ := net.SplitHostPort(master.Addr)
	if replica, err = RedisOnPort(path, dir, "--replicaof", "127.0.0.1 "+port); err != nil {
		stop()
		return nil, nil, nil, nil, err
	}
	config := filepath.Join(dir, "sentinel.conf")
	err = os.WriteFile(config, []byte("sentinel monitor mymaster 127.0.0.1 "+port+" 1\nsentinel down-after-milliseconds mymaster 500\n"+
		"sentinel failover-timeout mymaster 3000\n"), 0o600)
	if err == nil {
		sentinel, err = sentinelWith(path, dir, config)
	}
	for deadline := time.Now().Add(patience); err == nil; time.Sleep(20 * time.Millisecond) {
		info, e := RedisCommand(sentinel.Addr, "SENTINEL", "MASTER", "mymaster")
		state, e2 := RedisCommand(replica.Addr, "INFO", "replication")
		if e == nil && e2 == nil && strings.Contains(info, "num-slaves\n1") && strings.Contains(state, "master_link_status:up") {
			return master, replica, sentinel, stop, nil
		}
		if time.Now().After(deadline) {
			err = errors.New("the sentinel does not find the replica")
		}
	}
	stop()
	return nil, nil, nil, nil, err
}

func sentinelWith(path, dir, config string) (*RedisServer, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	server := exec.Command(path, config, "--sentinel", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir)
	if err := server.Start(); err != nil {
		return nil, err
	}
	s := &RedisServer{Addr: address, Process: server.Process, Stop: sync.OnceFunc(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := RedisCommand(address, "PING"); err == nil {
			return s, nil
		} else if time.Now().After(deadline) {
			s.Stop()
			return nil, fmt.Errorf("the sentinel does not answer: %w", err)
		}
	}
}

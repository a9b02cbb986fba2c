package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"qrlogin/provider/internal/testenv"
)

const registrationToken = "registration-token-of-the-tests-of-faults"

// cluster is the nodes of one provider.
type cluster struct {
	issuer, codes string
	nodes         []*node
}

// node is one provider process.
type node struct {
	t       *testing.T
	program string
	url     string
	args    []string
	env     []string
	journal journal
	command *exec.Cmd
}

// newCluster starts so many nodes, whose first is the issuer itself. store says where each has its challenges, database where all have
// their accounts.
func newCluster(t *testing.T, nodes int, store func(i int) string, database string) *cluster {
	t.Helper()
	c := &cluster{codes: filepath.Join(t.TempDir(), "codes")}
	for i := range nodes {
		port, err := testenv.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("localhost:%d", port)
		n := &node{t: t, program: provider, url: "http://" + address}
		if i == 0 {
			c.issuer = n.url
		}
		n.args = []string{
			"serve", "--issuer", c.issuer, "--listen", address, "--store", store(i), "--sms", "file:" + c.codes, database,
		}
		n.env = append(os.Environ(), "QRLOGIN_REGISTRATION_TOKEN="+registrationToken, "QRLOGIN_LIMIT="+plenty)
		c.nodes = append(c.nodes, n)
		t.Cleanup(n.kill)
	}
	c.each((*node).start)
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.kill()
			for line := range n.journal.matching("panic", "status=500") {
				t.Errorf("a node says: %s", line)
			}
		}
	})
	return c
}

func (c *cluster) each(do func(*node)) {
	var all sync.WaitGroup
	for _, n := range c.nodes {
		all.Go(func() { do(n) })
	}
	all.Wait()
}

func (c *cluster) urls() (list []string) {
	for _, n := range c.nodes {
		list = append(list, n.url)
	}
	return list
}

// redeemed is how many times tokens were answered.
func (c *cluster) redeemed() (n int64) {
	for _, node := range c.nodes {
		n += node.journal.tokens.Load()
	}
	return n
}

// plenty is limits that a swarm does not meet: it is faults that are looked for.
var plenty = strings.Join([]string{
	"scans-per-device=1000000/10m", "scans-per-account=1000000/10m", "scans-per-network=1000000/10m", "challenges-per-client=1000000/10m",
	"codes-per-day=5000/24h", "refusals-per-client=1000000/10m", "refusals-per-network=1000000/10m", "bad-watches-per-network=1000000/10m",
}, ",")

// start starts the process, anew at the same address, and returns when it serves.
func (n *node) start() {
	n.command = exec.Command(n.program, n.args...)
	n.command.Env, n.command.Stderr = n.env, &n.journal
	if err := n.command.Start(); err != nil {
		n.t.Error(err)
		return
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(n.url + "/.well-known/openid-configuration")
		if err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			return
		}
	}
	n.t.Errorf("a node does not serve:\n%s", n.journal.end())
}

// kill is kill -9.
func (n *node) kill() {
	if n.command != nil {
		_ = n.command.Process.Kill()
		_ = n.command.Wait()
		n.command = nil
	}
}

// stop is SIGTERM, and the end of what is under way.
func (n *node) stop() {
	_ = n.command.Process.Signal(syscall.SIGTERM)
	if err := n.command.Wait(); err != nil {
		n.t.Errorf("a node that is stopped: %v\n%s", err, n.journal.end())
	}
	n.command = nil
}

// journal is a node's log.
type journal struct {
	tokens atomic.Int64 // answers of tokens

	mu   sync.Mutex
	text []byte
	read int // of which has been counted
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, p...)
	end := bytes.LastIndexByte(j.text, '\n') + 1
	j.tokens.Add(int64(bytes.Count(j.text[j.read:max(end, j.read)], []byte("route=/token status=200"))))
	j.read = max(end, j.read)
	return len(p), nil
}

// matching is the lines that have one of these texts in them.
func (j *journal) matching(texts ...string) func(func(string) bool) {
	j.mu.Lock()
	text := string(j.text)
	j.mu.Unlock()
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(line, t) }) && !yield(line) {
				return
			}
		}
	}
}

func (j *journal) count(text string) (n int) {
	for range j.matching(text) {
		n++
	}
	return n
}

func (j *journal) end() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.text[max(0, len(j.text)-4000):])
}

// redisServer is a Redis that can be ended and started again.
type redisServer struct {
	*testenv.RedisServer
	t      *testing.T
	folder string
	port   int
}

// newRedis starts one that keeps what it is told in a file.
func newRedis(t *testing.T) *redisServer {
	t.Helper()
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{t: t, folder: t.TempDir(), port: port}
	r.start()
	t.Cleanup(func() { r.Stop() })
	return r
}

func (r *redisServer) start() {
	r.t.Helper()
	server, err := testenv.RedisAt(redis, r.folder, r.port, "--appendonly", "yes")
	if err != nil {
		r.t.Fatal(err)
	}
	r.RedisServer = server
}

// forget starts it without its file.
func (r *redisServer) forget() {
	r.t.Helper()
	r.folder = r.t.TempDir()
	r.start()
}

func (r *redisServer) store(int) string { return "redis://" + r.Addr }

var databases atomic.Int64

// newDatabase is the flag for an empty one in the PostgreSQL that is shared.
func newDatabase(t *testing.T) string {
	t.Helper()
	return databaseOf(t, postgres)
}

func databaseOf(t *testing.T, p *testenv.PostgresServer) string {
	t.Helper()
	url, err := p.Create(fmt.Sprintf("faults%d", databases.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	return "--database=" + url
}

// pause has a process, and what it listens on, hang.
func pause(t *testing.T, p *os.Process, during time.Duration) {
	t.Helper()
	for _, signal := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := p.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if signal == syscall.SIGSTOP {
			time.Sleep(during)
		}
	}
}

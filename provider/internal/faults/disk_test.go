package faults

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk is a disk of so many bytes, for the time of a test. To make one takes root, or a user's own namespace, where that is allowed.
func smallDisk(t *testing.T, size string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size+",mode=700"); err != nil {
		if os.Getenv("QRLOGIN_REQUIRE") == "all" {
			t.Fatalf("QRLOGIN_REQUIRE=all, and no disk can be made: %v", err)
		}
		t.Logf("left out: a full disk, which takes root to make: %v", err)
		return ""
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	return folder
}

// fill writes a file until the disk takes no byte more.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(bytes.Repeat([]byte{'x'}, size)); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			size /= 2
		}
	}
}

// One node, accounts in SQLite, challenges in its memory.
func TestTheDiskIsFull(t *testing.T) {
	if !begin(t) {
		return
	}
	data := smallDisk(t, size("16m", "64m"))
	if data == "" {
		return
	}
	c := newCluster(t, 1, func(int) string { return "memory" }, "--data="+data)
	many := load{logins: 1500, atOnce: 300, rate: size(250, 150)}
	s := c.swarm(t, many)
	s.reach(.1)
	ballast := filepath.Join(data, "ballast")
	fill(t, ballast)
	full := time.Now()
	before := c.redeemed()
	node := c.nodes[0]
	refusals := func() int { return node.journal.count("status=503") }
	for deadline := time.Now().Add(patience); refusals() == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a full disk is no trouble")
		}
		if redeemed := c.redeemed(); redeemed >= 2*int64(many.logins) {
			t.Fatal("all have logged in")
		}
		fill(t, ballast+"2") // what was freed meanwhile
	}
	t.Logf("full %s, refusing after %d redemptions", time.Since(full), c.redeemed()-before)
	time.Sleep(outage())
	for _, file := range []string{ballast, ballast + "2"} {
		_ = os.Remove(file)
	}
	over := time.Now()
	r := s.end()
	table.add(t, "The disk full for 5 s (one node, SQLite)", r, over)
	r.survived(t)

	// Nothing is broken: the database is read whole by the next process, with a row for each login that gave tokens.
	node.stop()
	node.start()
	out, err := exec.Command(provider, "client", "list", "--data="+data).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "mobile-sim swarm") {
		t.Errorf("%v\n%s", err, out)
	}
	after := c.swarm(t, load{logins: 5, atOnce: 5}).end()
	after.survived(t)
}

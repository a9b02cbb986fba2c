package faults

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/internal/testenv"
)

// A redemption that the replica has not heard of when it becomes the master is undone. The login's row in the database is not, and lets
// the same site in again within the window, to the same login; and nobody else, and nobody later.
func TestAFailOverThatUndoesTheRedemptionGivesTheSameLoginAgainWithinTheWindowAlone(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	master, replica, sentinel, stop, err := testenv.RedisSentinel(redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	store := "redis-sentinel://" + sentinel.Addr + "?master_name=mymaster"
	c := newCluster(t, 2, func(int) string { return store }, newDatabase(t))
	person, shop, another := c.enrol(t, "+12015550100"), c.deviceSite(t), c.deviceSite(t)

	soon, late := shop.approved(t, c.nodes[0], person), shop.approved(t, c.nodes[0], person)
	heard(t, master, replica)
	_ = replica.Process.Signal(syscall.SIGSTOP) // it does not come back while it is cut off
	if _, err := testenv.RedisCommand(master.Addr, "CLIENT", "KILL", "TYPE", "replica"); err != nil {
		t.Fatal(err)
	}
	redeemed := time.Now()
	first, code := shop.redeem(t, c.nodes[0], soon)
	if code != "" {
		t.Fatal(code)
	}
	if _, code := shop.redeem(t, c.nodes[0], late); code != "" {
		t.Fatal(code)
	}
	master.Stop()
	_ = replica.Process.Signal(syscall.SIGCONT)

	// The first that is answered is another site, which has stolen the code.
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, code := another.redeem(t, c.nodes[1], soon)
		if code == "invalid_grant" {
			break
		}
		if code != "temporarily_unavailable" || time.Now().After(deadline) {
			t.Fatalf("another site gets %q", code)
		}
	}
	again, code := shop.redeem(t, c.nodes[1], soon)
	if taken := time.Since(redeemed); taken > 9*time.Second {
		t.Fatalf("the fail-over took %s, which is as long as the window: nothing can be said", taken)
	}
	if code != "" {
		t.Fatalf("the same site gets %s within the window", code)
	}
	if again.AccessToken == first.AccessToken {
		t.Fatal("the very same answer: the fail-over has undone nothing")
	}
	if a, b := loginOf(t, again), loginOf(t, first); a != b {
		t.Errorf("another login: %s, and first %s", a, b)
	}
	time.Sleep(time.Until(redeemed.Add(11 * time.Second)))
	if _, code := shop.redeem(t, c.nodes[1], late); code != "invalid_grant" {
		t.Errorf("after the window: %q", code)
	}
}

// heard returns when the replica has what the master has.
func heard(t *testing.T, master, replica *testenv.RedisServer) {
	t.Helper()
	offset := func(s *testenv.RedisServer, name string) string {
		info, err := testenv.RedisCommand(s.Addr, "INFO", "replication")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(info, name+":")
		value, _, _ := strings.Cut(after, "\r")
		return value
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if at := offset(master, "master_repl_offset"); at != "" && at == offset(replica, "slave_repl_offset") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the replica does not keep up")
		}
	}
}

// loginOf is the login that tokens are of: the sid of the ID token.
func loginOf(t *testing.T, tokens api.TokenResponse) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(*tokens.IdToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ SID string }
	if err := json.Unmarshal(payload, &claims); err != nil || claims.SID == "" {
		t.Fatalf("%s: %v", payload, err)
	}
	return claims.SID
}

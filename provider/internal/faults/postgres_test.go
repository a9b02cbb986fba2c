package faults

import (
	"syscall"
	"testing"
	"time"

	"qrlogin/provider/internal/testenv"
)

// ownPostgres is one to break.
func ownPostgres(t *testing.T) *testenv.PostgresServer {
	t.Helper()
	p, err := testenv.StartPostgres(postgresProgram)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Signal(syscall.SIGCONT)
		p.Stop()
	})
	return p
}

func TestPostgresHangs(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	p := ownPostgres(t)
	c := newCluster(t, 3, newRedis(t).store, databaseOf(t, p))
	r := c.swarm(t, usual()).meet("PostgreSQL hangs for 5 s", func() {
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(outage())
		if err := p.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	})
	r.survived(t)
	r.stood(t, outage())
}

func TestPostgresIsGoneAndComesBack(t *testing.T) {
	if !begin(t, redis, postgresProgram) {
		return
	}
	p := ownPostgres(t)
	c := newCluster(t, 3, newRedis(t).store, databaseOf(t, p))
	r := c.swarm(t, usual()).meet("PostgreSQL ended without a word, started again after 5 s", func() {
		p.Crash()
		time.Sleep(outage())
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
	})
	r.survived(t)
	r.stood(t, outage())
}

package deploytest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/internal/testenv"
)

// provider is a running one and how it was started.
type provider struct {
	*process
	issuer, listen string
	env            []string
}

func startProvider(t *testing.T, listen string, env ...string) *provider {
	t.Helper()
	p := &provider{issuer: "http://" + listen, listen: listen, env: append(os.Environ(), env...)}
	command := exec.Command(built(t).binary(), "serve")
	command.Env = append(p.env, "QRLOGIN_LISTEN="+listen, "QRLOGIN_ISSUER="+p.issuer)
	p.process = start(t, command)
	p.answers(t, listen)
	return p
}

func (p *provider) command(t *testing.T, words ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), built(t).binary(), words...)
	c.Env = p.env
	return c
}

func (p *provider) stop(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-p.done
}

// A backup is made while people log in. On it, with the master key that was kept elsewhere, a new provider knows the phone and the site.
func TestAPhoneLogsInAtAProviderThatWasRestoredFromABackup(t *testing.T) {
	folder := t.TempDir()
	key, sms := folder+"/master-key", folder+"/sms"
	write(t, key, strings.Repeat("k", 44)+"\n")
	listen := freeAddress(t)
	p := startProvider(t, listen, "QRLOGIN_DATA="+folder+"/data", "QRLOGIN_MASTER_KEY=file:"+key, "QRLOGIN_SMS=file:"+sms,
		"QRLOGIN_LIMIT=scans-per-device=100000/10m,scans-per-account=100000/10m,scans-per-network=100000/10m")
	s := addClient(t, p.command(t), http.DefaultClient, p.issuer)
	holder := enroll(t, http.DefaultClient, p.issuer, "+8613800138000", folder+"/phone", fileText(sms))

	s.whole(holder)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				s.whole(holder)
			}
		}
	}()
	if err := os.Mkdir(folder+"/restored", 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := p.command(t, "backup", "--to="+folder+"/restored/qrlogin.db").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	close(stop)
	<-stopped
	p.stop(t)
	if err := os.RemoveAll(folder + "/data"); err != nil {
		t.Fatal(err)
	}

	again := startProvider(t, listen, "QRLOGIN_DATA="+folder+"/restored", "QRLOGIN_MASTER_KEY=file:"+key, "QRLOGIN_SMS=file:"+sms)
	known, err := phone.Open(folder + "/phone")
	if err != nil {
		t.Fatal(err)
	}
	s.whole(known)
	again.stop(t)

	// And without that key it does not start: a backup by itself signs nothing and names nobody.
	thief := exec.CommandContext(t.Context(), built(t).binary(), "serve", "--data="+folder+"/restored", "--listen=127.0.0.1:0", "--issuer="+p.issuer)
	if out, err := thief.CombinedOutput(); err == nil || !strings.Contains(string(out), "the master key is missing") {
		t.Errorf("without the master key: %v %s", err, out)
	}
}

// pg_dump and pg_restore as docs/deploy.md has them, into a database of another name.
func TestAPhoneLogsInAtAPostgreSQLThatWasRestored(t *testing.T) {
	if postgres == "" {
		return
	}
	programs, err := filepath.EvalSymlinks(postgres)
	if err != nil {
		t.Fatal(err)
	}
	tool := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(programs), name), args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	database, stop, err := testenv.Postgres(postgres)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	folder, listen := t.TempDir(), freeAddress(t)
	sms := folder + "/sms"
	p := startProvider(t, listen, "QRLOGIN_DATABASE="+database, "QRLOGIN_SMS=file:"+sms)
	s := addClient(t, p.command(t), http.DefaultClient, p.issuer)
	holder := enroll(t, http.DefaultClient, p.issuer, "+8613800138000", "", fileText(sms))
	tool("pg_dump", "--format=custom", "--file="+folder+"/qrlogin.dump", database)
	p.stop(t)

	restored := strings.Replace(database, "/postgres?", "/restored?", 1)
	tool("psql", "--quiet", "--command=CREATE DATABASE restored TEMPLATE template0", database)
	tool("pg_restore", "--dbname="+restored, folder+"/qrlogin.dump")
	startProvider(t, listen, "QRLOGIN_DATABASE="+restored, "QRLOGIN_SMS=file:"+sms)
	s.whole(holder)
}

// A site outgrows its one process: what SQLite has goes on in PostgreSQL, and the Redis knows the database.
func TestAPhoneLogsInAtAPostgreSQLThatSQLiteWasCopiedInto(t *testing.T) {
	if postgres == "" || redis == "" {
		return
	}
	store, stopStore, err := testenv.Redis(redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopStore)
	database, stop, err := testenv.Postgres(postgres)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	folder, listen := t.TempDir(), freeAddress(t)
	key, sms, url := folder+"/master-key", folder+"/sms", folder+"/database-url"
	write(t, key, strings.Repeat("k", 44)+"\n")
	write(t, url, database+"\n")
	env := []string{"QRLOGIN_STORE=" + store, "QRLOGIN_SMS=file:" + sms, "QRLOGIN_MASTER_KEY=file:" + key}
	p := startProvider(t, listen, append(env, "QRLOGIN_DATA="+folder+"/data")...)
	s := addClient(t, p.command(t), http.DefaultClient, p.issuer)
	holder := enroll(t, http.DefaultClient, p.issuer, "+8613800138000", "", fileText(sms))
	s.whole(holder)
	begun := s.begin() // before the change, and redeemed after it
	claim, err := holder.Scan(t.Context(), begun.seen(nil).Frames[0].Code)
	if err != nil {
		t.Fatal(err)
	}
	p.stop(t)

	if out, err := p.command(t, "copy", "--database=file:"+url).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	startProvider(t, listen, append(env, "QRLOGIN_DATABASE=file:"+url)...)
	if _, err := holder.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	if token, status, err := begun.redeem(5); err != nil || token == "" {
		t.Error(status, err)
	}
	s.whole(holder)
}

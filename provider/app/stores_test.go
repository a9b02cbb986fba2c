package app_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/testenv"
)

// The paths of a redis-server and of a PostgreSQL server; "" when there is none and plain `go test` leaves it out.
var redisServer, postgresServer string

func TestMain(m *testing.M) {
	redisServer, _ = testenv.Require("redis-server")
	postgresServer, _ = testenv.Require(testenv.PostgresPrograms()...)
	os.Exit(m.Run())
}

// storeURLs is one address for each kind of store that this machine has.
func storeURLs(t *testing.T) map[string]string {
	t.Helper()
	urls := map[string]string{"memory": "memory", "miniredis": "miniredis"}
	if redisServer != "" {
		urls["redis"] = startRedis(t)
	}
	return urls
}

func startRedis(t testing.TB) string {
	t.Helper()
	address, stop, err := testenv.Redis(redisServer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return address
}

func TestALoginWorksOnEveryStore(t *testing.T) {
	for name, address := range storeURLs(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *app.Config) { c.Store = address })
			p := w.phone("+8613800138000")
			started := w.start()
			view, _ := w.watch(started, 0)
			watched := make(chan api.ChallengeView, 1)
			go func() {
				view, _ := w.watch(started, view.Version)
				watched <- view
			}()
			token := make(chan answer, 1)
			request := w.pollRequest("shop", shopSecret, started, "wait=25")
			go func() {
				a, _ := w.try(request)
				token <- a
			}()
			w.approve(p, started)
			if view := <-watched; view.Version == 0 || view.State == api.ChallengeStatePending { // how far it is by then is open
				t.Errorf("the page learned %q", view.State)
			}
			if a := <-token; a.Status != http.StatusOK {
				t.Errorf("token: %d %s", a.Status, a.Body)
			}
		})
	}
}

// twoNodes are two providers behind one issuer, on one Redis and one database: the page's node and the phone's node.
func twoNodes(t *testing.T, redis string, change ...func(*app.Config)) (page, phone *world) {
	t.Helper()
	data := t.TempDir()
	shared := func(c *app.Config) {
		c.Store, c.Data = redis, data
		for _, f := range change {
			f(c)
		}
	}
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	issuer := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	page = newWorldAt(t, listener, issuer, shared)
	other, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	phone = newWorldAt(t, other, issuer, shared)
	// The phone signs for the issuer and sends to the second node.
	phone.http = &http.Client{Timeout: 40 * time.Second, CheckRedirect: noRedirect, Transport: &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) { return url.Parse("http://" + other.Addr().String()) },
	}}
	return page, phone
}

func TestThePhoneOnOneNodeWakesTheBrowserOnAnother(t *testing.T) {
	for name, address := range storeURLs(t) {
		if name == "memory" {
			continue // one process has one node
		}
		t.Run(name, func(t *testing.T) {
			if address == "miniredis" {
				address = embeddedRedis(t)
			}
			page, node := twoNodes(t, address)
			raw := node.rawPhone().enrolled("+8613800138000")
			started := page.start()
			view, _ := page.watch(started, 0)
			woken := make(chan api.ChallengeView, 1)
			go func() {
				next, _ := page.watch(started, view.Version)
				woken <- next
			}()
			time.Sleep(200 * time.Millisecond) // the browser waits now, and nothing looks for it
			if a := raw.scan((*view.Frames)[0].Code); a.Status != http.StatusOK {
				t.Fatalf("scan: %d %s", a.Status, a.Body)
			}
			// A poll that ends by itself says what it knew when it began: without the message this would be pending.
			if next := <-woken; next.State != api.ChallengeStateClaimed {
				t.Errorf("the page learned %q", next.State)
			}
		})
	}
}

func TestNodesThatShareARedisButNotTheDatabaseRefuseToStart(t *testing.T) {
	for name, address := range storeURLs(t) {
		if name == "memory" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if address == "miniredis" {
				address = embeddedRedis(t)
			}
			newWorld(t, func(c *app.Config) { c.Store, c.Data = address, t.TempDir() })
			_, err := app.New(t.Context(), app.Config{Issuer: "http://localhost:9", Store: address, Data: t.TempDir()})
			if err == nil {
				t.Error("it started")
			}
		})
	}
}

// The layout for a busy site.
func TestTwoNodesOnOneRedisAndOnePostgresDoALogin(t *testing.T) {
	if redisServer == "" || postgresServer == "" {
		return
	}
	redis := startRedis(t)
	database, stop, err := testenv.Postgres(postgresServer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	kept := func(c *app.Config) { c.Database = database }
	page, node := twoNodes(t, redis, kept)

	raw := node.rawPhone().enrolled("+8613800138000")
	started := page.start()
	view, _ := page.watch(started, 0)
	answered := make(chan answer, 1)
	request := page.pollRequest("shop", shopSecret, started, "wait=25")
	go func() {
		a, _ := page.try(request)
		answered <- a
	}()
	raw.decide(raw.claimBy((*view.Frames)[0].Code), proof.Approve)
	a := <-answered
	if a.Status != http.StatusOK {
		t.Fatalf("token: %d %s", a.Status, a.Body)
	}
	var tokens api.TokenResponse
	a.decode(t, &tokens)
	var keys [2]api.JWKS
	for i, w := range []*world{page, node} {
		w.do(w.request(http.MethodGet, "/jwks", nil)).decode(t, &keys[i])
	}
	if len(keys[0].Keys) == 0 || !reflect.DeepEqual(keys[0], keys[1]) {
		t.Errorf("the nodes publish %v and %v", keys[0], keys[1])
	}
	if a := node.poll(started, ""); a.Status != http.StatusOK { // within the redelivery window, from the other node
		t.Errorf("the same again: %d %s", a.Status, a.Body)
	}
	registry, err := app.OpenRegistry(t.Context(), app.Config{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	if err := registry.Remove(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) { // the node may have read it a second ago
		a := node.form("/device_authorization", "shop", shopSecret, url.Values{})
		if a.Status == http.StatusUnauthorized {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("a site that was removed: %d %s", a.Status, a.Body)
		}
	}

	for name, another := range map[string]func(*app.Config){
		"another PostgreSQL database": func(c *app.Config) { c.Database = strings.Replace(database, "/postgres?", "/template1?", 1) },
		"SQLite":                      func(c *app.Config) { c.Data = t.TempDir() },
	} {
		c := app.Config{Issuer: page.issuer, Store: redis, Log: slog.New(slog.DiscardHandler)}
		another(&c)
		if p, err := app.New(t.Context(), c); err == nil {
			t.Errorf("a node with the same Redis and %s started", name)
			p.Close()
		} else if !strings.Contains(err.Error(), "must share the database") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccountsSitesAndKeysSurviveARestart(t *testing.T) {
	data := t.TempDir()
	var p rawPhone
	subject := func() (sub, kid string) {
		listener, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		w := newWorldAt(t, listener, fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port),
			func(c *app.Config) { c.Data = data })
		if p.w = w; p.key == nil {
			p = w.rawPhone().enrolled("+8613800138000")
		}
		started := w.start()
		p.approve(started)
		var tokens api.TokenResponse
		w.poll(started, "").decode(t, &tokens)
		var keys api.JWKS
		w.do(w.request(http.MethodGet, "/jwks", nil)).decode(t, &keys)
		if err := w.provider.Close(); err != nil {
			t.Fatal(err)
		}
		return claimsOf(t, *tokens.IdToken)["sub"].(string), keys.Keys[0].Kid
	}
	sub, kid := subject()
	subAgain, kidAgain := subject()
	if sub != subAgain || kid != kidAgain {
		t.Errorf("after the restart: sub %s, then %s; kid %s, then %s", sub, subAgain, kid, kidAgain)
	}
}

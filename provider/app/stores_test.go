package app_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strconv"
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
	return address + "?read_timeout=20s&pool_timeout=20s" // a busy machine is not what these tests are of
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

// twoNodes are the page's node and the phone's node.
func twoNodes(t *testing.T, redis string, change ...func(*app.Config)) (page, phone *world) {
	t.Helper()
	two := nodes(t, 2, redis, change...)
	return two[0], two[1]
}

// nodes are providers behind one issuer, on one Redis and one database.
func nodes(t *testing.T, n int, redis string, change ...func(*app.Config)) (all []*world) {
	t.Helper()
	data := t.TempDir()
	shared := func(c *app.Config) {
		c.Store, c.Data = redis, data
		for _, f := range change {
			f(c)
		}
	}
	for i := range n {
		listener, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			issuer := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
			all = append(all, newWorldAt(t, listener, issuer, shared))
			continue
		}
		w := newWorldAt(t, listener, all[0].issuer, shared)
		// What is signed is for the issuer, and sent to this node.
		w.http = &http.Client{Timeout: 40 * time.Second, CheckRedirect: noRedirect, Transport: &http.Transport{
			Proxy: func(*http.Request) (*url.URL, error) { return url.Parse("http://" + listener.Addr().String()) },
		}}
		all = append(all, w)
	}
	return all
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

// Each step of a login goes to another node, the page and the site wait, and all of it costs what it costs on one node.
func TestALoginTakesAsManyRoundTripsOnFiveNodesAsOnOne(t *testing.T) {
	if redisServer == "" {
		return
	}
	const logins = 10
	trips := map[int]int{}
	for _, n := range []int{1, 5} {
		all := nodes(t, n, startRedis(t))
		raw := all[0].rawPhone().enrolled("+8613800138000")
		operators := make([]string, n)
		for i, w := range all {
			operators[i] = operated(t, w)
		}
		before := roundTrips(t, operators)
		for i := range logins {
			node := func(step int) *world { return all[(i+step)%n] }
			started := node(0).start()
			view, _ := node(1).watch(started, 0)
			scanned := node(1).background(node(1).watching(started, view.Version))
			awaitWaiting(t, 1, all...)
			claim := rawPhone{node(2), raw.key}.claimBy((*view.Frames)[0].Code)
			(<-scanned).decode(t, &view)
			approved := node(1).background(node(1).watching(started, view.Version))
			redeemed := node(4).background(node(4).pollRequest("shop", shopSecret, started, "wait=25"))
			awaitWaiting(t, 2, all...)
			rawPhone{node(3), raw.key}.decide(claim, proof.Approve)
			for _, a := range []answer{<-approved, <-redeemed} {
				if a.Status != http.StatusOK {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
			}
			awaitWaiting(t, 0, all...)
		}
		trips[n] = roundTrips(t, operators) - before
	}
	// Now and then a message comes after its waiter has learned of it: one look for nothing, for the least part of the logins.
	if trips[1]/logins != 16 || trips[5]/logins != 16 {
		t.Errorf("%d logins took %d round trips on one node and %d on five", logins, trips[1], trips[5])
	}
}

// awaitWaiting returns when so many requests wait at the nodes.
func awaitWaiting(t *testing.T, want int, nodes ...*world) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		sum := 0
		for _, w := range nodes {
			sum += w.provider.Load().Waiting
		}
		if sum == want {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("%d requests wait, not %d", sum, want)
		}
	}
}

// roundTrips is what nodes say that they have made to Redis.
func roundTrips(t *testing.T, operators []string) (sum int) {
	t.Helper()
	for _, operator := range operators {
		_, text := ask(t, operator+"/metrics")
		for line := range strings.Lines(text) {
			if count, ok := strings.CutPrefix(line, "qrlogin_redis_round_trip_seconds_count"); ok {
				n, err := strconv.Atoi(strings.TrimSpace(count[strings.LastIndex(count, " ")+1:]))
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
	}
	return sum
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

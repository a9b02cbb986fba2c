package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

// What the code flow lets happen once, on every kind of store, and with two nodes on one.

// wantOneWinner is for many redeems of one code.
func (w *world) wantOneWinner(answers []answer) {
	w.t.Helper()
	if n := tally(answers); n["OK "] > 1 || n["OK "]+n["Bad Request invalid_grant"] != len(answers) {
		w.t.Fatalf("%v", n)
	}
	for _, a := range answers { // RFC 6749 §4.1.2: and the others have revoked them
		if a.Status == http.StatusOK {
			w.wantActive("the winner's", w.read(a), false)
		}
	}
}

func TestACodeIsGoodOnceOnEveryStore(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		w := newWorld(t, withStore(store))
		p, v := w.phone("+8613800138000"), w.visitor()
		code := v.code(p, "scope", offline)
		w.redeem(code, "code_verifier", strings.Repeat("x", 43)).wants(t, "another verifier", http.StatusBadRequest, "invalid_grant")
		tokens := w.read(w.redeem(code))
		w.wantActive("the first", tokens, true)
		w.redeemAs(site("old-wiki"), code).wants(t, "another site", http.StatusBadRequest, "invalid_grant")
		w.wantActive("after another site's try", tokens, true)
		w.redeem(code).wants(t, "the second", http.StatusBadRequest, "invalid_grant")
		w.wantActive("after the second", tokens, false)
	})
}

func TestOf64RedeemsOfACodeOneCountsOnEveryStore(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		w := newWorld(t, withStore(store))
		p, v := w.phone("+8613800138000"), w.visitor()
		code := v.code(p, "scope", offline)
		w.wantOneWinner(atOnce(w, many, func(int) *http.Request { return w.redeemRequest(code) }))
	})
}

// RFC 9126 §4: a request_uri is good once.
func TestOf64UsesOfAPushedRequestOneCountsOnEveryStore(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		w := newWorld(t, withStore(store))
		var pushed api.PushedAuthorizationRequest
		a := w.form("/par", "wiki", wikiSecret, asking())
		if a.decode(t, &pushed); a.Status != http.StatusCreated {
			t.Fatalf("par: %d %s", a.Status, a.Body)
		}
		v := w.visitor()
		browser := *w
		browser.http = v.http
		path := "/authorize?" + url.Values{"client_id": {"wiki"}, "request_uri": {pushed.RequestUri}}.Encode()
		answers := atOnce(&browser, many, func(int) *http.Request { return w.request(http.MethodGet, path, nil) })
		if n := tally(answers); n["See Other "] != 1 || n["Bad Request "] != many-1 {
			t.Errorf("%v", n)
		}
	})
}

// The browser may come back as often as it likes, and is told the same.
func TestOf64ReturnsOfTheBrowserAllBringTheSameCodeOnEveryStore(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		folder, kept := inFolder(t)
		w := newWorld(t, kept, withStore(store))
		p, v := w.phone("+8613800138000"), w.visitor()
		path := v.hosted(asking())
		claim, err := p.Scan(t.Context(), v.frame(v.challenge(path)))
		if err == nil {
			_, err = p.Approve(t.Context(), claim, phone.Approval{Session: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		browser := *w
		browser.http = v.http
		codes, sessions := map[string]bool{}, map[string]bool{}
		for _, a := range atOnce(&browser, many, func(int) *http.Request { return w.request(http.MethodGet, path, nil) }) {
			codes[v.codeOf(v.told(a))] = true
			sessions[cookies(t, a)["qrlogin-session"].Value] = true
		}
		if n := loginRows(t, folder); len(codes) != 1 || len(sessions) != 1 || n != 1 {
			t.Errorf("%d codes, %d sessions, %d logins", len(codes), len(sessions), n)
		}
	})
}

func TestACodeOfOneNodeIsRedeemedOnceAtWhicheverNode(t *testing.T) {
	for name, address := range storeURLs(t) {
		if name == "memory" {
			continue // one process has one node
		}
		t.Run(name, func(t *testing.T) {
			if address == "miniredis" {
				address = embeddedRedis(t)
			}
			page, node := twoNodes(t, address)
			p, v := node.rawPhone().enrolled("+8613800138000"), page.visitor()
			path := v.hosted(asking("scope", offline))
			started := v.challenge(path)
			p.approve(started)
			code := v.codeOf(v.told(v.get(path)))

			nodes := []*world{page, node}
			answers := make(chan []answer, len(nodes))
			for _, w := range nodes {
				go func() { answers <- atOnce(w, many/2, func(int) *http.Request { return w.redeemRequest(code) }) }()
			}
			page.wantOneWinner(append(<-answers, <-answers...))

			path = v.hosted(asking("scope", offline)) // and in peace
			p.approve(v.challenge(path))
			tokens := node.read(node.redeem(v.codeOf(v.told(v.get(path)))))
			for _, w := range nodes {
				w.wantActive("at either node", tokens, true)
			}
			node.wantRevoked("at one node", node.revokeAs(site("wiki"), tokens.AccessToken))
			page.wantNothing("at the other", site("wiki"), tokens.AccessToken)
		})
	}
}

package widget_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is a website with a login page, at http://localhost; the provider is at http://127.0.0.1, another origin.
type site struct {
	*httptest.Server
	URL      string // by the name localhost
	t        *testing.T
	provider *provider

	mu        sync.Mutex
	visits    []string // paths, in order
	finishing int      // finish calls under way
	most      int      // at once, ever
	challenge http.HandlerFunc
	finish    func(w http.ResponseWriter, r *http.Request, c *challenge)
	element   string // the page's body
	script    string // the widget's address
	lang      string
}

func newSite(t *testing.T, p *provider) *site {
	s := &site{t: t, provider: p, element: `<qr-login challenge="/login/challenge" finish="/login/finish"></qr-login>`, script: p.URL + "/widget.js", lang: "en"}
	s.finish = s.longPoll
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		s.visit(r)
		s.policy(w)
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Account</title><h1>Welcome</h1>`)
	}
	mux.HandleFunc("GET /account", elsewhere)
	mux.HandleFunc("GET /login/start", elsewhere)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /logo.svg", func(w http.ResponseWriter, r *http.Request) {
		s.visit(r)
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, logo)
	})
	mux.HandleFunc("POST /login/challenge", s.serveChallenge)
	mux.HandleFunc("POST /login/finish", s.serveFinish)
	s.Server = httptest.NewServer(mux)
	s.URL = strings.Replace(s.Server.URL, "127.0.0.1", "localhost", 1)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// logo is a dark one, as large as a site may make it.
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#2f6a5c"/>` +
	`<path d="M18 50V32a14 14 0 0 1 28 0v18z" fill="#f5f2ea"/></svg>`

// policy is the strictest that a site with this widget can have.
func (s *site) policy(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src "+s.provider.URL+"; connect-src 'self' "+s.provider.URL+
		"; style-src 'none'; img-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
}

func (s *site) page(w http.ResponseWriter, r *http.Request) {
	s.visit(r)
	s.policy(w)
	http.SetCookie(w, &http.Cookie{Name: "session", Value: "visitor", HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/"})
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(w, `<!doctype html><html lang="%s"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>Log in</title><script type="module" src="%s"></script>
%s`, s.lang, s.script, s.element)
}

func (s *site) visit(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visits = append(s.visits, r.URL.RequestURI())
}

func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, v := range s.visits {
		if v == path {
			n++
		}
	}
	return n
}

// ofVisitor says whether the request carries the visitor's session.
func ofVisitor(w http.ResponseWriter, r *http.Request) bool {
	if c, err := r.Cookie("session"); err != nil || c.Value != "visitor" {
		http.Error(w, "no session", http.StatusForbidden)
		return false
	}
	return true
}

func (s *site) serveChallenge(w http.ResponseWriter, r *http.Request) {
	s.visit(r)
	if !ofVisitor(w, r) {
		return
	}
	s.mu.Lock()
	instead := s.challenge
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	s.newChallenge(w)
}

func (s *site) newChallenge(w http.ResponseWriter) {
	c := s.provider.create()
	writeJSON(w, map[string]any{"challenge_id": c.ID, "watch": c.Watch, "expires_in": 300})
}

func (s *site) serveFinish(w http.ResponseWriter, r *http.Request) {
	s.visit(r)
	if !ofVisitor(w, r) {
		return
	}
	var body struct {
		ChallengeID string `json:"challenge_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var c *challenge
	s.provider.mu.Lock()
	for _, each := range s.provider.challenges {
		if each.ID == body.ChallengeID {
			c = each
		}
	}
	s.provider.mu.Unlock()
	if c == nil {
		http.Error(w, "no such challenge", http.StatusNotFound)
		return
	}
	s.mu.Lock()
	s.finishing++
	s.most = max(s.most, s.finishing)
	finish := s.finish
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.finishing--
		s.mu.Unlock()
	}()
	finish(w, r, c)
}

// longPoll is what a good backend does: POST /token with Prefer: wait=25.
func (s *site) longPoll(w http.ResponseWriter, r *http.Request, c *challenge) {
	hold := time.After(25 * time.Second)
	for {
		s.provider.mu.Lock()
		state, outcome, changed := c.state, c.outcome, c.changed
		s.provider.mu.Unlock()
		switch {
		case outcome == "denied":
			gone(w, "denied")
			return
		case outcome != "" && outcome != "redeemed":
			gone(w, "expired")
			return
		case state == "approved", state == "redeemed":
			s.provider.set(c, "redeemed")
			writeJSON(w, map[string]any{"location": "/account"})
			return
		}
		select {
		case <-changed:
		case <-hold:
			writeJSON(w, map[string]any{"status": "pending"})
			return
		case <-r.Context().Done():
			return
		}
	}
}

// gone is how a site says that a login has ended without one.
func gone(w http.ResponseWriter, status string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusGone)
	writeJSON(w, map[string]any{"status": status})
}

func (s *site) finishBy(f func(w http.ResponseWriter, r *http.Request, c *challenge)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish = f
}

// show changes the page's language and body.
func (s *site) show(lang, element string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lang, s.element = lang, element
}

func (s *site) challengeBy(f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.challenge = f
}

func (s *site) underWay() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finishing
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(v)
}

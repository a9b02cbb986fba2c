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

	"qrlogin/provider/internal/browser/widget"
)

// provider is the browser door of a provider as openapi.yaml describes it, with time and states in the test's hand.
type provider struct {
	*httptest.Server
	t *testing.T

	mu         sync.Mutex
	challenges []*challenge
	requests   []string                                      // "GET after=0", "DELETE", in order
	seen       []*http.Request                               // the same, whole
	strays     []string                                      // paths that are not the provider's
	intercept  func(http.ResponseWriter, *http.Request) bool // answers in the provider's place, when it says so
	fresh      func(c *challenge)                            // what a new challenge looks like
	hold       func() <-chan time.Time                       // how long a request waits for news
}

type challenge struct {
	ID, Watch string
	state     string
	version   int
	frames    []frame
	living    func() []frame // in their place, as they are at the moment
	outcome   string         // when gone; forgotten, when the provider does not know it any more
	tries     int            // left to type the digits, which are 4821
	typed     []string       // what came for them
	changed   chan struct{}
}

// forgotten is the outcome of which no provider knows: to it the capability was never right.
const forgotten = "forgotten"

type frame struct {
	Code  string `json:"code"`
	From  int    `json:"from_ms"`
	Until int    `json:"until_ms"`
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, hold: func() <-chan time.Time { return time.After(25 * time.Second) }}
	mux := http.NewServeMux()
	script := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Write(widget.Script)
	}
	mux.HandleFunc("GET /widget.js", script)
	mux.HandleFunc("GET /elsewhere/widget.js", script)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.strays = append(p.strays, r.URL.Path)
		allowSite(w, r)
		http.NotFound(w, r)
	})
	mux.HandleFunc("/challenges/{id}", p.serveChallenge)
	mux.HandleFunc("POST /challenges/{id}/confirm", p.serveChallenge)
	mux.HandleFunc("/challenges/{id}/handoff", p.serveChallenge)
	mux.HandleFunc("/challenges/{id}/receipt", p.serveChallenge)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodOptions {
			mux.ServeHTTP(w, r)
			return
		}
		allowSite(w, r)
		w.Header().Set("Access-Control-Allow-Methods", "GET, DELETE, POST")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(func() { p.CloseClientConnections(); p.Close() })
	p.fresh = func(c *challenge) { c.frames = []frame{{p.code(c, 0), 0, 60_000}} }
	return p
}

func allowSite(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
}

// code is the QR text of a challenge's frame at a step.
func (p *provider) code(c *challenge, step int) string {
	return fmt.Sprintf("%s/q/%s.%d.AEBAGBAFAYDQQ", p.URL, c.ID, step)
}

// create makes a challenge, as POST /device_authorization does for the site.
func (p *provider) create() *challenge {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := fmt.Sprintf("4F2ZC6YH3V7Q5K5SYO2MBW4J%02d", len(p.challenges)+10)
	c := &challenge{ID: id, Watch: fmt.Sprintf("%s.secret%dp1s2bC8mQnq0f1sZ6rj3Vd7uXo5hGk9TtE4", id, len(p.challenges)), state: "pending", version: 1, tries: 3, changed: make(chan struct{})}
	p.fresh(c)
	p.challenges = append(p.challenges, c)
	return c
}

// challenge waits for the n-th challenge, counted from 0.
func (p *provider) challenge(n int) *challenge {
	p.t.Helper()
	var c *challenge
	eventually(p.t, fmt.Sprintf("challenge %d is made", n), func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.challenges) > n {
			c = p.challenges[n]
		}
		return c != nil
	})
	return c
}

// set moves a challenge to a state and wakes who watches it.
func (p *provider) set(c *challenge, state string) {
	p.change(c, func() { c.state = state })
}

// end makes a challenge gone.
func (p *provider) end(c *challenge, outcome string) {
	p.change(c, func() { c.outcome = outcome })
}

func (p *provider) change(c *challenge, to func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to()
	c.version++
	close(c.changed)
	c.changed = make(chan struct{})
}

func (p *provider) answerBy(f func(http.ResponseWriter, *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = f
}

// stray is the first path that was asked for and is not the provider's.
func (p *provider) stray() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.strays[:min(1, len(p.strays))], "")
}

// log returns the requests about challenges until now.
func (p *provider) log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

func (p *provider) count(prefix string) int {
	n := 0
	for _, r := range p.log() {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func (p *provider) serveChallenge(w http.ResponseWriter, r *http.Request) {
	allowSite(w, r)
	p.mu.Lock()
	p.requests = append(p.requests, strings.TrimSpace(r.Method+" "+r.URL.RawQuery))
	p.seen = append(p.seen, r)
	intercept := p.intercept
	var c *challenge
	for _, each := range p.challenges {
		if each.ID == r.PathValue("id") {
			c = each
		}
	}
	p.mu.Unlock()
	if intercept != nil && intercept(w, r) {
		return
	}
	if c == nil {
		problem(w, http.StatusNotFound, "not-found", "")
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+c.Watch {
		problem(w, http.StatusUnauthorized, "watch-invalid", "")
		return
	}
	switch r.Method {
	case http.MethodDelete:
		p.end(c, "cancelled")
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		p.confirm(w, r, c)
	default:
		p.watch(w, r, c)
	}
}

// confirm counts the digits that were typed.
func (p *provider) confirm(w http.ResponseWriter, r *http.Request, c *challenge) {
	var body struct{ Code string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
		problem(w, http.StatusBadRequest, "bad-request", "")
		return
	}
	p.mu.Lock()
	c.typed = append(c.typed, body.Code)
	state := c.state
	p.mu.Unlock()
	switch {
	case state != "confirming":
		problem(w, http.StatusConflict, "wrong-state", "")
	case body.Code == "4821":
		p.set(c, "approved")
		w.WriteHeader(http.StatusNoContent)
	case c.tries == 1:
		p.end(c, "denied")
		problem(w, http.StatusGone, "gone", "denied")
	default:
		p.change(c, func() { c.tries-- })
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"type":"urn:qrlogin:problem:confirmation-wrong","status":422,"code":"confirmation-wrong","tries_left":%d}`, c.tries)
	}
}

// entered are the digits that have come.
func (p *provider) entered(c *challenge) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(c.typed, " ")
}

func (p *provider) watch(w http.ResponseWriter, r *http.Request, c *challenge) {
	var after int
	fmt.Sscanf(r.URL.Query().Get("after"), "%d", &after)
	hold := p.hold()
	for held := false; ; {
		p.mu.Lock()
		view, outcome, changed := map[string]any{"state": c.state, "version": c.version, "expires_in_ms": 240_000}, c.outcome, c.changed
		switch c.state {
		case "pending":
			view["frames"] = c.frames
			if c.living != nil {
				view["frames"] = c.living()
			}
		case "confirming":
			view["tries_left"] = c.tries
		}
		p.mu.Unlock()
		if outcome == forgotten {
			problem(w, http.StatusUnauthorized, "watch-invalid", "")
			return
		}
		if outcome != "" {
			problem(w, http.StatusGone, "gone", outcome)
			return
		}
		if view["version"].(int) > after || held {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			json.NewEncoder(w).Encode(view)
			return
		}
		select {
		case <-changed:
		case <-hold:
			held = true
		case <-r.Context().Done():
			return
		}
	}
}

func problem(w http.ResponseWriter, status int, code, outcome string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	body := map[string]any{"type": "urn:qrlogin:problem:" + code, "title": code, "status": status, "code": code}
	if outcome != "" {
		body["outcome"] = outcome
	}
	json.NewEncoder(w).Encode(body)
}

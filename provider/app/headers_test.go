package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// SECURITY.md §6, the headers, at every endpoint of openapi.yaml.

func TestGiantHeadersAreRefused(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"X-Giant", "Authorization", "DPoP", "Origin", "Prefer", "Cookie"} {
		inBubble(t, func(t *testing.T, w *world) { // for net/http waits half a second before it closes such a connection
			targetIn(t, w).unchanged(func(g *target) {
				s := serve(t, w) // as a program serves it
				for name, e := range g.endpoints() {
					r := e.request(e.body)
					r.Header.Set(header, strings.Repeat("a", 100_000))
					if a := s.do(r); a.Status != http.StatusRequestHeaderFieldsTooLarge {
						t.Errorf("%s with a giant %s: %d %s", name, header, a.Status, a.Body)
					}
				}
				s.stop()
				if err := <-s.done; err != nil {
					t.Error(err)
				}
			})
		}, withRegistration)
	}
}

func TestCredentialsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		for name, e := range g.endpoints() {
			if !e.guarded || name == "decide" {
				continue
			}
			for _, value := range []string{"", " ", "x", "Bearer", "Bearer ", "Basic ", "Bearer  " + g.started.Watch, "Token " + g.started.Watch,
				"Bearer " + strings.ToLower(g.started.Watch), "Bearer \xff\xfe", "Bearer ..", strings.Repeat("A", 8000), "e30.e30.e30", g.started.Watch, `{"a":1}`} {
				r := e.request(e.body)
				header := "Authorization"
				if r.Header.Get("DPoP") != "" {
					header = "DPoP"
				}
				r.Header.Set(header, value)
				if a := g.w.do(r); a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s with %s %q: %d %v", name, header, value, a.Status, a.Header)
				}
			}
		}
	})
}

func TestTwoCredentialsAreNotOne(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		for name, e := range g.endpoints() {
			r := e.request(e.body)
			for _, header := range []string{"Authorization", "DPoP"} {
				if value := r.Header.Get(header); value != "" {
					r.Header.Add(header, value)
				}
			}
			if !e.guarded || name == "decide" {
				continue
			}
			if a := g.w.do(r); a.Status != http.StatusUnauthorized && a.error() != "invalid_request" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	})
}

// What is not there for an enrolled phone says how to authenticate, too (RFC 9110 §15.5.2).
func TestAPhoneThatIsNotEnrolledIsToldSo(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		stranger := *g
		stranger.phone = g.w.rawPhone()
		for name, e := range stranger.endpoints() {
			if !strings.HasPrefix(e.path, "/phone/") || strings.HasPrefix(e.path, "/phone/enrollments") {
				continue
			}
			a := g.w.do(e.request(e.body))
			a.wants(t, name, http.StatusUnauthorized, "device-unknown")
			if a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: no WWW-Authenticate", name)
			}
		}
	})
}

func TestNoAnswerIsGuessedAtOrStoredThatShouldNotBe(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		for name, e := range g.endpoints() {
			r := e.request(e.body)
			if slices.Contains([]string{"cancelChallenge", "cancelHosted", "deletePhoneAccount", "endLogins"}, name) || strings.HasPrefix(name, "scan") {
				r.Header.Del("Authorization") // its error is looked at
				r.Header.Del("DPoP")
				r.Header.Del("Cookie")
			}
			a := g.w.do(r)
			if a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: X-Content-Type-Options %q", name, a.Header.Get("X-Content-Type-Options"))
			}
			public := strings.HasPrefix(e.path, "/.well-known/") || e.path == "/jwks" || e.path == "/widget.js" || e.path == "/phone"
			if got := a.Header.Get("Cache-Control"); len(a.Body) > 0 && !public && got != "no-store" {
				t.Errorf("%s: %d Cache-Control %q", name, a.Status, got)
			}
		}
	})
}

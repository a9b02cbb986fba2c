package app_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"qrlogin/api"
)

// Which pages may read what: the watch capability is a header that any script could send, so the Origin is held against the
// client's own registration.

const (
	shopOrigin  = "http://localhost:8080"
	otherOrigin = "https://other.example"
)

// fromOrigin sends a request as a script on a page of this origin would.
func (w *world) fromOrigin(origin string, r *http.Request) answer {
	w.t.Helper()
	r.Header.Set("Origin", origin)
	a := w.do(r)
	if a.Header.Get("Access-Control-Allow-Credentials") != "" {
		w.t.Errorf("%s %s: credentials are allowed", r.Method, r.URL.Path)
	}
	return a
}

// wantReadable tells whether a script on that origin may read the answer.
func wantReadable(t *testing.T, what string, a answer, origin string) {
	t.Helper()
	if got := a.Header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("%s: %d, Access-Control-Allow-Origin %q, want %q", what, a.Status, got, origin)
	}
}

// strangers is origins that no client has registered.
func strangers(w *world) []string {
	return []string{
		"https://evil.example", "null", "*", shopOrigin + "/", shopOrigin + ".evil.example", "http://localhost:80801", "http://localhost",
		"https://localhost:8080", "http://LOCALHOST:8080", shopOrigin + "," + otherOrigin, shopOrigin + " " + otherOrigin,
		w.issuer + ".evil.example", "file://", "' OR 1=1 --", "%",
	}
}

// challengeRequests is one request to each endpoint under /challenges.
func (w *world) challengeRequests(started api.DeviceAuthorization) map[string]*http.Request {
	return map[string]*http.Request{
		"watch":   w.byWatch(http.MethodGet, started, ""),
		"svg":     w.byWatch(http.MethodGet, started, "/qr.svg"),
		"png":     w.byWatch(http.MethodGet, started, "/qr.png"),
		"receipt": w.byWatch(http.MethodPost, started, "/receipt"),
		"confirm": w.confirmation(started, "0000"),
		"cancel":  w.byWatch(http.MethodDelete, started, ""),
	}
}

func TestPagesOfARegisteredOriginMayReadTheirOwnSitesChallenges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	requests := w.challengeRequests(w.start())
	for _, name := range []string{"watch", "svg", "png", "receipt", "confirm", "cancel"} {
		a := w.fromOrigin(shopOrigin, requests[name])
		wantReadable(t, name, a, shopOrigin)
		if !slices.Contains(a.Header.Values("Vary"), "Origin") {
			t.Errorf("%s: Vary %v", name, a.Header.Values("Vary"))
		}
		if want := map[string]int{"receipt": http.StatusConflict, "confirm": http.StatusConflict, "cancel": http.StatusNoContent}[name]; a.Status != max(want, http.StatusOK) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

func TestPagesOfOtherOriginsMayNeitherReadNorDoAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	for _, origin := range append(strangers(w), otherOrigin) {
		for name, r := range w.challengeRequests(started) {
			a := w.fromOrigin(origin, r)
			a.wants(t, name+" from "+origin, http.StatusForbidden, "origin-not-allowed")
			wantReadable(t, name+" from "+origin, a, "")
		}
	}
	w.wantState(started, api.ChallengeStatePending)
	if a := w.fromOrigin(otherOrigin, w.byWatch(http.MethodGet, w.startAs("other", otherSecret), "")); a.Status != http.StatusOK {
		t.Errorf("at its own site: %d %s", a.Status, a.Body)
	}
}

func TestARequestThatIsNoPagesScriptNeedsNoOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	_, a := w.watch(started, 0)
	wantReadable(t, "without an Origin", a, "")
	if a = w.fromOrigin(w.issuer, w.byWatch(http.MethodGet, started, "")); a.Status != http.StatusOK {
		t.Errorf("the provider's own page: %d %s", a.Status, a.Body)
	}
}

func TestAPreflightIsAnsweredForRegisteredOriginsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	for path, methods := range map[string]string{"": "DELETE GET", "/receipt": "POST", "/confirm": "POST", "/qr.svg": "GET", "/qr.png": "GET"} {
		preflight := func(origin string) answer {
			r := w.request(http.MethodOptions, "/challenges/"+started.ChallengeId+path, nil)
			r.Header.Set("Access-Control-Request-Method", "DELETE")
			r.Header.Set("Access-Control-Request-Headers", "authorization")
			return w.fromOrigin(origin, r)
		}
		for _, origin := range []string{shopOrigin, otherOrigin} {
			a := preflight(origin)
			wantReadable(t, path, a, origin)
			allowed := strings.Split(a.Header.Get("Access-Control-Allow-Methods"), ", ")
			slices.Sort(allowed)
			if a.Status != http.StatusNoContent || strings.Join(allowed, " ") != methods || a.Header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type" {
				t.Errorf("%s: %d %v", path, a.Status, a.Header)
			}
		}
		for _, origin := range strangers(w) {
			a := preflight(origin)
			wantReadable(t, path+" from "+origin, a, "")
			if a.Status != http.StatusForbidden || a.Header.Get("Access-Control-Allow-Methods") != "" {
				t.Errorf("%s from %s: %d %v", path, origin, a.Status, a.Header)
			}
		}
	}
}

func TestAPreflightOfTheTokenEndpointsIsAnsweredForRegisteredOriginsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, methods := range map[string]string{"/token": "POST", "/revoke": "POST", "/userinfo": "GET, POST"} {
		a := w.fromOrigin(shopOrigin, w.request(http.MethodOptions, path, nil))
		wantReadable(t, path, a, shopOrigin)
		if a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Methods") != methods || !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "DPoP") {
			t.Errorf("%s: %d %v", path, a.Status, a.Header)
		}
		for _, origin := range strangers(w) {
			a := w.fromOrigin(origin, w.request(http.MethodOptions, path, nil))
			wantReadable(t, path+" from "+origin, a, "")
			if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != methods || a.Header.Get("Access-Control-Allow-Methods") != "" {
				t.Errorf("%s from %s: %d %v", path, origin, a.Status, a.Header)
			}
		}
	}
}

// Whose a challenge was that is gone is not known any more: any registered origin may learn how it ended.
func TestHowAChallengeEndedIsReadableFromEveryRegisteredOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	w.cancel(started)
	for _, origin := range []string{shopOrigin, otherOrigin} {
		a := w.fromOrigin(origin, w.byWatch(http.MethodGet, started, ""))
		a.wants(t, origin, http.StatusGone, "gone")
		wantReadable(t, origin, a, origin)
	}
	for _, origin := range strangers(w) {
		a := w.fromOrigin(origin, w.byWatch(http.MethodGet, started, ""))
		a.wants(t, origin, http.StatusForbidden, "origin-not-allowed")
		wantReadable(t, origin, a, "")
	}
}

func TestThatACapabilityIsWrongIsReadableFromRegisteredOriginsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	started.Watch = started.DeviceCode
	unknown := api.DeviceAuthorization{ChallengeId: "AAAAAAAAAAAAAAAAAAAAAAAAAA", Watch: "AAAAAAAAAAAAAAAAAAAAAAAAAA." + strings.Repeat("A", 43)}
	for _, challenge := range []api.DeviceAuthorization{started, unknown} {
		for name, r := range w.challengeRequests(challenge) {
			a := w.fromOrigin(shopOrigin, r)
			a.wants(t, name, http.StatusUnauthorized, "watch-invalid")
			wantReadable(t, name, a, shopOrigin)
		}
		for name, r := range w.challengeRequests(challenge) {
			wantReadable(t, name, w.fromOrigin("https://evil.example", r), "")
		}
	}
}

// A site that is a program in the browser logs in as a public client, without a backend; what is public anybody may read.
func TestPagesOfRegisteredOriginsMayReadTheTokenEndpointsEveryoneWhatIsPublicAndNobodyMore(t *testing.T) {
	t.Parallel()
	public := []string{"getWidget", "getOpenIDConfiguration", "getAuthorizationServerMetadata", "getJWKS"}
	registered := []string{"requestTokens", "revoke", "getUserInfo", "postUserInfo"}
	newTarget(t).unchanged(func(g *target) {
		all := g.endpoints()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			e := all[name]
			if strings.HasPrefix(e.path, "/challenges/") || strings.HasPrefix(name, "scan") ||
				slices.Contains([]string{"cancelHosted", "deletePhoneAccount", "endLogins"}, name) {
				continue
			}
			for _, origin := range []string{shopOrigin, "https://evil.example", "null"} {
				want := ""
				switch {
				case slices.Contains(public, name):
					want = "*"
				case slices.Contains(registered, name) && origin == shopOrigin:
					want = origin
				}
				wantReadable(t, name+" from "+origin, g.w.fromOrigin(origin, e.request(e.body)), want)
			}
		}
	})
}

func TestTheWidgetIsAScriptThatBrowsersCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do(w.request(http.MethodGet, "/widget.js", nil))
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") || a.Header.Get("ETag") == "" ||
		a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Fatalf("%d %v", a.Status, a.Header)
	}
	r := w.request(http.MethodGet, "/widget.js", nil)
	r.Header.Set("If-None-Match", a.Header.Get("ETag"))
	if again := w.do(r); again.Status != http.StatusNotModified || len(again.Body) > 0 {
		t.Errorf("with its ETag: %d, %d bytes", again.Status, len(again.Body))
	}
}

package webphone_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/webphone"
)

// files is everything that the door serves.
var files = []string{
	"/phone", "/phone/app.js", "/phone/app.css", "/phone/sw.js", "/phone/manifest.webmanifest", "/phone/decoder.js",
	"/phone/icon-192.png", "/phone/icon-512.png", "/phone/icon-maskable.png", "/phone/icon-apple.png",
}

func get(t *testing.T, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	webphone.Mount(r)
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	return answer
}

func TestEveryFileIsServedBehindTheSamePolicy(t *testing.T) {
	for _, path := range files {
		a := get(t, path)
		h := a.Header()
		policy := h.Get("Content-Security-Policy")
		if a.Code != http.StatusOK || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
			t.Errorf("%s: %d %q", path, a.Code, policy)
		}
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types qrlogin"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: no %s", path, part)
			}
		}
		if h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, h)
		}
		if len(h.Values("Set-Cookie")) > 0 {
			t.Errorf("%s sets a cookie", path)
		}
	}
}

func TestAFileThatIsStillTheSameIsNotSentAgain(t *testing.T) {
	for _, path := range files {
		first := get(t, path)
		if again := get(t, path, "If-None-Match", first.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: %d, %d bytes", path, again.Code, again.Body.Len())
		}
		if first.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s may be kept: %s", path, first.Header().Get("Cache-Control"))
		}
	}
}

var address = regexp.MustCompile(`"(/phone/[\w./-]+\?v=[\w-]+)"`)

func TestWhatThePageLoadsIsKeptForGoodAndNamedAnewWhenItChanges(t *testing.T) {
	page := get(t, "/phone").Body.String()
	found := address.FindAllStringSubmatch(page, -1)
	if len(found) != 4 {
		t.Fatalf("the page loads %v", found)
	}
	for _, m := range found {
		if a := get(t, m[1]); a.Code != http.StatusOK || !strings.Contains(a.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %s", m[1], a.Code, a.Header().Get("Cache-Control"))
		}
		if a := get(t, m[1]+"x"); strings.Contains(a.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%sx is kept for good", m[1])
		}
	}
	worker := get(t, "/phone/sw.js").Body.String()
	for _, m := range found {
		if !strings.Contains(worker, m[1]) && !strings.Contains(m[1], "apple") { // which is for installing alone
			t.Errorf("the service worker does not keep %s", m[1])
		}
	}
}

// The budget of a first visit: 48 kB, all that a browser loads without being asked, compressed.
func TestAFirstVisitIsSmall(t *testing.T) {
	total := 0
	for _, path := range []string{"/phone", "/phone/app.js", "/phone/app.css", "/phone/sw.js", "/phone/manifest.webmanifest", "/phone/icon-192.png"} {
		a := get(t, path, "Accept-Encoding", "gzip")
		body, _ := io.ReadAll(a.Body)
		t.Logf("%-28s %6d bytes", path, len(body))
		total += len(body)
		if gzipped := a.Header().Get("Content-Encoding") == "gzip"; gzipped == strings.HasSuffix(path, ".png") {
			t.Errorf("%s gzipped: %t", path, gzipped)
		}
	}
	t.Logf("%-28s %6d bytes", "in all", total)
	if total > 48_000 {
		t.Errorf("a first visit is %d bytes", total)
	}
}

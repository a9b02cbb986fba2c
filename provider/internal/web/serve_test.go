package web

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// engine serves one handler behind the log, into a buffer.
func engine(h func(*gin.Context) error) (http.Handler, *bytes.Buffer) {
	gin.SetMode(gin.ReleaseMode)
	var logs bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := gin.New()
	r.Use(Log(log, func(*Observed) {}), LimitBodyTime)
	r.GET("/a/:secret", Handle(h, Fail(log)))
	return r, &logs
}

func get(h http.Handler) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/a/PATHSECRET?x=QUERYSECRET", nil))
	return recorder
}

func TestAPanicIsAnOpaque500(t *testing.T) {
	h, logs := engine(func(*gin.Context) error { panic("INSIDE") })
	a := get(h)
	if a.Code != http.StatusInternalServerError || !strings.Contains(a.Body.String(), `"code":"internal"`) || strings.Contains(a.Body.String(), "INSIDE") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if !strings.Contains(logs.String(), "INSIDE") {
		t.Errorf("the log does not say why: %s", logs)
	}
}

func TestAnErrorOfTheServerItselfIsLoggedAndNotTold(t *testing.T) {
	h, logs := engine(func(*gin.Context) error { return errors.New("INSIDE") })
	a := get(h)
	if a.Code != http.StatusServiceUnavailable || strings.Contains(a.Body.String(), "INSIDE") || a.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if id := a.Header().Get("X-Request-Id"); id == "" || strings.Count(logs.String(), id) != 2 || !strings.Contains(logs.String(), "INSIDE") {
		t.Errorf("request %s: %s", id, logs)
	}
}

// Paths hold ids, queries hold anything.
func TestARequestIsLoggedByItsPattern(t *testing.T) {
	h, logs := engine(func(c *gin.Context) error { c.Status(http.StatusNoContent); return nil })
	get(h)
	if !strings.Contains(logs.String(), "route=/a/:secret") || strings.Contains(logs.String(), "SECRET") {
		t.Errorf("%s", logs)
	}
}

func TestARefusalIsNotLoggedAsAFailure(t *testing.T) {
	h, logs := engine(func(*gin.Context) error { return BadRequest.With("a detail") })
	if a := get(h); a.Code != http.StatusBadRequest || a.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(a.Body.String(), "a detail") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if strings.Contains(logs.String(), "level=ERROR") {
		t.Errorf("%s", logs)
	}
}

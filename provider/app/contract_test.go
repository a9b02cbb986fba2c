package app_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"qrlogin/mobile-sim/phone"
)

// Every answer in these tests is held against openapi.yaml; this one sees to it that no endpoint is left out of that.
func TestEveryOperationOfTheContractAnswersAsItSays(t *testing.T) {
	w := newWorld(t)
	p := w.phone("+8613800138000") // startEnrollment, confirmEnrollment
	if _, err := p.Account(t.Context()); err != nil {
		t.Error(err)
	}
	if devices, err := p.Devices(t.Context()); err != nil || len(devices) != 1 || !devices[0].Current {
		t.Errorf("devices: %+v %v", devices, err)
	}
	if logins, err := p.Logins(t.Context()); err != nil || len(logins) != 0 {
		t.Errorf("logins: %+v %v", logins, err)
	}
	for what, end := range map[string]func(context.Context, string) error{"end": p.EndLogin, "disown": p.Disown} {
		problem, refused := errors.AsType[*phone.Problem](end(t.Context(), "nobodys"))
		if !refused || problem.Code != "login-unknown" {
			t.Errorf("%s a login that is not there: %+v", what, problem)
		}
	}
	get := func(path, watch string, mediaType string) {
		t.Helper()
		r := w.request(http.MethodGet, path, nil)
		if watch != "" {
			r.Header.Set("Authorization", "Bearer "+watch)
		}
		if a := w.do(r); a.Status != http.StatusOK || a.Header.Get("Content-Type") != mediaType {
			t.Errorf("GET %s: %d %s", path, a.Status, a.Header.Get("Content-Type"))
		}
	}
	started := w.start()
	get("/.well-known/openid-configuration", "", "application/json")
	get("/.well-known/oauth-authorization-server", "", "application/json")
	get("/jwks", "", "application/json")
	get("/widget.js", "", "text/javascript; charset=utf-8")
	get("/q", "", "text/html; charset=utf-8")
	get("/q/"+started.ChallengeId, "", "text/html; charset=utf-8")
	get("/challenges/"+started.ChallengeId+"/qr.svg", started.Watch, "image/svg+xml")
	get("/challenges/"+started.ChallengeId+"/qr.png?size=256", started.Watch, "image/png")

	claim, err := p.Scan(t.Context(), w.frame(started))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Release(t.Context(), claim); err != nil {
		t.Error(err)
	}
	w.approve(p, started)
	w.poll(started, "")
	for method, path := range map[string]string{
		http.MethodPost:   "/challenges/" + started.ChallengeId + "/receipt",
		http.MethodDelete: "/challenges/" + started.ChallengeId,
	} {
		r := w.request(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+started.Watch)
		w.do(r)
	}
	if unseen := w.checker.Unseen(); len(unseen) > 0 {
		t.Errorf("no request reached %v", unseen)
	}
}

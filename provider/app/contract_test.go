package app_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"qrlogin/mobile-sim/phone"
)

// Every answer in these tests is held against openapi.yaml; this one sees to it that no endpoint is left out of that.
func TestEveryOperationOfTheContractAnswersAsItSays(t *testing.T) {
	w := newWorld(t, withRegistration)
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
	if events, err := p.Events(t.Context()); err != nil || len(events) != 1 {
		t.Errorf("events: %+v %v", events, err)
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
	get("/widget", "", "text/html; charset=utf-8")
	get("/phone", "", "text/html; charset=utf-8")
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
	w.confirm(started, "0000").wants(t, "digits that nobody asked for", http.StatusConflict, "wrong-state")
	for method, path := range map[string]string{
		http.MethodPost:   "/challenges/" + started.ChallengeId + "/receipt",
		http.MethodDelete: "/challenges/" + started.ChallengeId,
	} {
		r := w.request(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+started.Watch)
		w.do(r)
	}
	w.do(w.byWatch(http.MethodGet, started, "/handoff")).wants(t, "a handoff that nobody asked for", http.StatusGone, "gone")
	w.do(w.rawPhone().enrolled(anotherNumber).sealed(nobodysChallenge, "a JWE")).wants(t, "a handoff for nobody", http.StatusNotFound, "not-found")
	w.visitor().open("/q")
	w.visitor().open(w.frame(w.start()))
	throughTheCodeFlow(t, w, p)
	throughTheAccount(t, w, p)
	throughPasskeys(t, w)
	w.registerClient(registrationToken, `{"redirect_uris":["https://wiki.example/cb"]}`).wants(t, "register", http.StatusCreated, "")
	w.do(w.request(http.MethodGet, "/logos/wiki", nil)).wants(t, "a logo that is not there", http.StatusNotFound, "not-found")
	if unseen := w.checker.Unseen(); len(unseen) > 0 {
		t.Errorf("no request reached %v", unseen)
	}
}

// throughTheAccount sees what a phone can do with its account, the last of all that it is gone.
func throughTheAccount(t *testing.T, w *world, p *phone.Phone) {
	t.Helper()
	second := w.phone("+8613800138000")
	for _, err := range []error{p.AllowDevice(t.Context(), second.ID()), p.RemoveDevice(t.Context(), second.ID()), p.EndLogins(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Export(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.DeleteAccount(t.Context()); err != nil {
		t.Error(err)
	}
}

// throughTheCodeFlow sees all of its endpoints.
func throughTheCodeFlow(t *testing.T, w *world, p *phone.Phone) {
	t.Helper()
	v := w.visitor()
	if a := w.form("/par", "wiki", wikiSecret, asking()); a.Status != http.StatusCreated {
		t.Errorf("par: %d %s", a.Status, a.Body)
	}
	r := v.request(http.MethodPost, "/authorize", strings.NewReader(asking().Encode()))
	r.Header.Set("Content-Type", formType)
	path := v.get(v.do(r).Header.Get("Location")).Header.Get("Location")
	for _, file := range []string{path, path + "/qr.svg"} {
		v.get(file).wants(t, file, http.StatusOK, "")
	}
	v.here(path)
	for what, body := range map[string]string{"/consent": "decision=approve", "/cancel": ""} {
		if a := v.post(v.hosted(asking())+what, formType, body); a.Status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	said := v.scanned(p, path, atHome(v, p))
	tokens := w.read(w.redeem(said.Get("code")))
	w.userInfo(tokens.AccessToken).wants(t, "userinfo", http.StatusOK, "")
	r = w.request(http.MethodPost, "/userinfo", strings.NewReader("access_token="+tokens.AccessToken))
	r.Header.Set("Content-Type", formType)
	w.do(r).wants(t, "userinfo by a form", http.StatusOK, "")
	for _, path := range []string{"/introspect", "/revoke"} {
		w.form(path, "wiki", wikiSecret, url.Values{"token": {tokens.AccessToken}}).wants(t, path, http.StatusOK, "")
	}
	v.get("/end_session?client_id=wiki").wants(t, "asked whether to leave", http.StatusOK, "")
	v.post("/end_session", formType, "client_id=wiki").wants(t, "asked by a form", http.StatusOK, "")
	v.post("/end_session/confirm", formType, "client_id=wiki&decision=approve").wants(t, "left", http.StatusOK, "")
}

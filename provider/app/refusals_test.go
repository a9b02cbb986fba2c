package app_test

import (
	"net/http"
	"net/url"
	"testing"
)

// Of every grant that is refused, and of every client that does not prove itself, something is kept.
func TestEveryRefusedGrantIsKept(t *testing.T) {
	folder, inData := inFolder(t)
	w := newWorld(t, inData)
	for _, values := range []url.Values{
		{"grant_type": {"authorization_code"}, "code": {wikiSecret}, "redirect_uri": {wikiCallback}, "code_verifier": {verifier}},
		{"grant_type": {"refresh_token"}, "refresh_token": {wikiSecret}},
		{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"x"}},
	} {
		w.form("/token", "wiki", wikiSecret, values).wants(t, values.Get("grant_type"), http.StatusBadRequest, "invalid_grant")
	}
	w.form("/token", "wiki", otherSecret, url.Values{}).wants(t, "another secret", http.StatusUnauthorized, "invalid_client")
	if events := audited(t, folder, "grant.refused"); len(events) != 3 || events[0].Client != "wiki" {
		t.Errorf("%+v", events)
	}
	if events := audited(t, folder, "client.refused"); len(events) != 1 || events[0].Client != "wiki" {
		t.Errorf("%+v", events)
	}
}

// Who floods fills no table, and locks nobody out.
func TestAFloodOfRefusalsIsKeptToABound(t *testing.T) {
	folder, inData := inFolder(t)
	w := newWorld(t, inData)
	for range 40 {
		w.form("/token", "wiki", otherSecret, url.Values{})
	}
	w.form("/token", "wiki", otherSecret, url.Values{}).wants(t, "past the bound", http.StatusTooManyRequests, "slow_down")
	if events := audited(t, folder, "client.refused"); len(events) != 30 {
		t.Errorf("%d events", len(events))
	}
	if a := w.startAs("wiki", wikiSecret); a.DeviceCode == "" {
		t.Error("the right client is locked out")
	}
}

// A site whose old tokens are refused is told so, each time, but not all of it is kept.
func TestManyRefusedGrantsAreAnsweredAndKeptToABound(t *testing.T) {
	folder, inData := inFolder(t)
	w := newWorld(t, inData)
	for range 35 {
		w.do(w.refreshes("wiki")).wants(t, "an old token", http.StatusBadRequest, "invalid_grant")
	}
	if events := audited(t, folder, "grant.refused"); len(events) != 30 {
		t.Errorf("%d events", len(events))
	}
}

package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/provider/app"
)

const registrationToken = "cmVnaXN0cmF0aW9uLXRva2VuLXJlZ2lzdHJhdGlvbi0"

func withRegistration(c *app.Config) { c.RegistrationToken = registrationToken }

func (w *world) registerClient(token, body string) answer {
	w.t.Helper()
	r := w.jsonRequest(http.MethodPost, "/register", body)
	r.Header.Set("Authorization", "Bearer "+token)
	return w.do(r)
}

func TestAClientThatRegisteredItselfLogsInWithItsSecret(t *testing.T) {
	t.Parallel()
	folder, inData := inFolder(t)
	w := newWorld(t, inData, withRegistration)
	a := w.registerClient(registrationToken, `{"client_name":"The Wiki","redirect_uris":["https://wiki.example/callback"]}`)
	var client api.RegisteredClient
	if a.decode(t, &client); a.Status != http.StatusCreated || client.ClientSecret == nil {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	code := w.visitor().code(w.phone("+8613800138000"), "client_id", client.ClientId)
	redeem := func(secret string) answer {
		return w.form("/token", client.ClientId, secret, url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {wikiCallback}, "code_verifier": {verifier},
		})
	}
	redeem(shopSecret).wants(t, "another's secret", http.StatusUnauthorized, "invalid_client")
	redeem(*client.ClientSecret).wants(t, "its own", http.StatusOK, "")
	w.form("/device_authorization", client.ClientId, *client.ClientSecret, url.Values{}).wants(t, "device grant", http.StatusBadRequest, "unauthorized_client")
	if events := audited(t, folder, "client.registered"); len(events) != 1 || events[0].Client != client.ClientId {
		t.Errorf("%+v", events)
	}
	registry, err := app.OpenRegistry(t.Context(), app.Config{Data: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	shown, err := registry.Client(t.Context(), client.ClientId)
	if err != nil || shown.Name != "The Wiki" || shown.SigningAlg != "RS256" || len(shown.RedirectURIs) != 1 || shown.Authentication != "secret" {
		t.Errorf("%+v, %v", shown, err)
	}
}

func TestRegistrationRefusesInOAuthsShape(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration)
	w.registerClient(shopSecret, `{}`).wants(t, "another token", http.StatusUnauthorized, "invalid_token")
	w.registerClient(registrationToken, `{"redirect_uris":["http://wiki.example/cb"]}`).wants(t, "http", http.StatusBadRequest, "invalid_redirect_uri")
	w.registerClient(registrationToken, `{`).wants(t, "no JSON", http.StatusBadRequest, "invalid_client_metadata")
	w.do(w.request(http.MethodGet, "/register", nil)).wants(t, "GET", http.StatusMethodNotAllowed, "invalid_request")
	if logs := w.logs.String(); strings.Contains(logs, registrationToken) || strings.Contains(logs, shopSecret) {
		t.Error("a token is in the log")
	}
}

func TestRegistrationIsClosedUnlessItIsOpened(t *testing.T) {
	t.Parallel()
	provider, err := app.New(t.Context(), app.Config{Issuer: "http://localhost:9000"})
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	recorder := httptest.NewRecorder()
	provider.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/register", strings.NewReader(`{}`)))
	if recorder.Code != http.StatusNotFound {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

func TestARegistrationTokenIsLongAndPlain(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"x", registrationToken[:31], registrationToken + " ", registrationToken + "\n", strings.Repeat("é", 32), `"` + registrationToken} {
		if provider, err := app.New(t.Context(), app.Config{Issuer: "http://localhost:9000", RegistrationToken: bad}); err == nil {
			_ = provider.Close()
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), bad) && len(bad) > 1 {
			t.Errorf("a token is told: %v", err)
		}
	}
}

package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/fetch"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/memstore"
	"qrlogin/provider/internal/oauth"
)

const initialToken = "aW5pdGlhbC1hY2Nlc3MtdG9rZW4taW5pdGlhbC1hY2M"

// registry is a door that takes registrations, and what came through it.
type registry struct {
	t       *testing.T
	handler http.Handler
	logs    bytes.Buffer
	clients []identity.Client
	events  []identity.AuditEvent
	algs    []string          // of the keys that were asked for
	pages   map[string]string // what can be fetched
	fetched []string
	failing error // of the database
}

func (r *registry) PutClient(_ context.Context, c identity.Client) error {
	if r.failing == nil {
		r.clients = append(r.clients, c)
	}
	return r.failing
}

func (r *registry) Audit(_ context.Context, e identity.AuditEvent) error {
	r.events = append(r.events, e)
	return errors.New("the audit trail is full") // which refuses nobody
}

func (r *registry) Get(_ context.Context, url string, _ ...string) (fetch.Document, error) {
	r.fetched = append(r.fetched, url)
	if page, ok := r.pages[url]; ok {
		return fetch.Document{Body: []byte(page), Type: "application/json"}, nil
	}
	return fetch.Document{}, errors.New("dial tcp 10.0.0.1:443: INSIDE")
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	r := &registry{t: t, pages: map[string]string{}}
	store := memstore.New()
	t.Cleanup(func() { _ = store.Close() })
	engine := gin.New()
	door := &oauth.Door{
		Issuer: "https://login.example", Keys: store, Limits: limit.Defaults(), Log: slog.New(slog.NewTextHandler(&r.logs, nil)),
		RegistrationToken: initialToken, Registrar: r, Audit: r, Fetch: r,
		CheckJWKS: func(jwks []byte) error {
			if strings.Contains(string(jwks), `"d"`) {
				return errors.New(`a key has "d" in it: it is private`)
			}
			return nil
		},
		EnsureKey: func(_ context.Context, alg string) error { r.algs = append(r.algs, alg); return nil },
	}
	door.Mount(engine)
	r.handler = engine
	return r
}

func (r *registry) send(body string, headers ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/register", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	r.handler.ServeHTTP(recorder, request)
	return recorder
}

func (r *registry) try(body string) *httptest.ResponseRecorder {
	r.t.Helper()
	return r.send(body, "Authorization", "Bearer "+initialToken)
}

// register registers what must be taken.
func (r *registry) register(body string) (api.RegisteredClient, identity.Client) {
	r.t.Helper()
	recorder := r.try(body)
	var answer api.RegisteredClient
	d := json.NewDecoder(recorder.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&answer); recorder.Code != http.StatusCreated || err != nil || recorder.Header().Get("Cache-Control") != "no-store" {
		r.t.Fatalf("%s: %d %s, %v", body, recorder.Code, recorder.Body, err)
	}
	client := r.clients[len(r.clients)-1]
	if client.ID != answer.ClientId || client.Check() != nil {
		r.t.Fatalf("%s: %+v is stored as %+v: %v", body, answer, client, client.Check())
	}
	return answer, client
}

func (r *registry) refused(body, code string) {
	r.t.Helper()
	before := len(r.clients)
	recorder := r.try(body)
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	err := json.Unmarshal(recorder.Body.Bytes(), &answer)
	if recorder.Code != http.StatusBadRequest || err != nil || answer.Error != code || answer.Description == "" || len(r.clients) != before {
		r.t.Errorf("%.200s: %d %s, want %s", body, recorder.Code, recorder.Body, code)
	}
	if strings.ContainsFunc(answer.Description, func(c rune) bool { return c < 0x20 || c > 0x7e || c == '"' || c == '\\' }) { // RFC 6749 §5.2
		r.t.Errorf("%.200s: %q", body, answer.Description)
	}
}

func TestASiteThatSaysOnlyWhereItIsGetsTheDefaults(t *testing.T) {
	r := newRegistry(t)
	answer, client := r.register(`{"redirect_uris":["https://shop.example/cb"]}`)
	if answer.ClientSecret == nil || len(*answer.ClientSecret) < 43 || answer.ClientSecretExpiresAt == nil || *answer.ClientSecretExpiresAt != 0 {
		t.Errorf("the secret: %+v", answer)
	}
	if !client.HasSecret(*answer.ClientSecret) || client.PKCEOptional || client.RequirePAR || client.Policy.Effective().Rotation != "required" {
		t.Errorf("%+v", client)
	}
	if answer.TokenEndpointAuthMethod != "client_secret_basic" || answer.Scope != "openid phone" || answer.IdTokenSignedResponseAlg != "RS256" ||
		!slices.Equal(answer.GrantTypes, []string{"authorization_code"}) || !slices.Equal(answer.ResponseTypes, []string{"code"}) ||
		answer.SubjectType != "pairwise" || answer.ClientName != "shop.example" || answer.Jwks != nil {
		t.Errorf("%+v", answer)
	}
	if client.SigningAlg != "RS256" || !slices.Equal(r.algs, []string{"RS256"}) {
		t.Errorf("signed by %s, keys for %v", client.SigningAlg, r.algs)
	}
	if since := time.Since(time.Unix(answer.ClientIdIssuedAt, 0)); since < 0 || since > time.Minute {
		t.Errorf("issued %s ago", since)
	}
	if second, _ := r.register(`{"redirect_uris":["https://shop.example/cb"]}`); second.ClientId == answer.ClientId || *second.ClientSecret == *answer.ClientSecret {
		t.Error("a second client is the first")
	}
	if e := r.events[0]; e.Kind != "client.registered" || e.Client != client.ID || e.Detail != "from 192.0.2.1" || e.At.IsZero() {
		t.Errorf("%+v", e)
	}
	if logs := r.logs.String(); !strings.Contains(logs, "audit event not kept") || strings.Contains(logs, *answer.ClientSecret) || strings.Contains(logs, initialToken) {
		t.Error(logs)
	}
}

func TestWhatASiteSaysIsRegistered(t *testing.T) {
	r := newRegistry(t)
	answer, client := r.register(`{
		"client_name": "The Wiki", "client_name#fr": "Le Wiki", "redirect_uris": ["https://wiki.example/cb", "https://wiki.example/cb2"],
		"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
		"token_endpoint_auth_method": "client_secret_post", "scope": "openid profile email offline_access openid", "subject_type": "pairwise",
		"id_token_signed_response_alg": "ES256", "logo_uri": "https://wiki.example/logo.png", "post_logout_redirect_uris": ["https://wiki.example/"],
		"backchannel_logout_uri": "https://wiki.example/logout", "backchannel_logout_session_required": true, "jwks_uri": "https://wiki.example/unused",
		"require_pushed_authorization_requests": true, "contacts": ["a", {"b": 1}], "client_id": "mine", "client_secret": "mine", "CLIENT_NAME": "x",
		"software_statement": "x.y.z", "Scope": 7, "sector": "other", "origins": ["https://evil.example"], "pkce_optional": true, "policy": "relaxed",
		"authorization_details_types": ["order", "handoff"]}`)
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"backchannel_logout_session_required":true,"backchannel_logout_uri":"https://wiki.example/logout","client_id":"%s","client_id_issued_at":%d,`+
		`"client_name":"The Wiki","client_secret":"%s","client_secret_expires_at":0,"grant_types":["authorization_code","refresh_token"],`+
		`"id_token_signed_response_alg":"ES256","logo_uri":"https://wiki.example/logo.png","post_logout_redirect_uris":["https://wiki.example/"],`+
		`"redirect_uris":["https://wiki.example/cb","https://wiki.example/cb2"],"require_pushed_authorization_requests":true,"response_types":["code"],`+
		`"scope":"openid offline_access","subject_type":"pairwise","token_endpoint_auth_method":"client_secret_post"}`, client.ID, answer.ClientIdIssuedAt, *answer.ClientSecret)
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	if client.ID == "mine" || client.HasSecret("mine") || client.Sector != "" || len(client.Origins) != 0 || len(client.DetailTypes) != 0 || client.PKCEOptional || client.Policy.Preset != "" || !client.RequirePAR ||
		client.HasKeys() || client.Name != "The Wiki" || client.LogoURI == "" || client.BackchannelLogoutURI == "" || len(client.PostLogoutRedirectURIs) != 1 {
		t.Errorf("%+v", client)
	}
}

func TestAClientWithKeysAndAPublicOneGetNoSecret(t *testing.T) {
	r := newRegistry(t)
	for body, hasKeys := range map[string]bool{
		`{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"EC"}]}}`:      true,
		`{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://a.example/jwks"}`: true,
		`{"redirect_uris":["http://localhost/"],"token_endpoint_auth_method":"none","application_type":"native"}`:                     false,
		`{"redirect_uris":["com.example.app:/"],"token_endpoint_auth_method":"none","application_type":"native"}`:                     false,
		`{"grant_types":["urn:ietf:params:oauth:grant-type:device_code"],"token_endpoint_auth_method":"none"}`:                        false,
	} {
		answer, client := r.register(body)
		if answer.ClientSecret != nil || answer.ClientSecretExpiresAt != nil || client.HasKeys() != hasKeys || client.Public() == hasKeys {
			t.Errorf("%s: %+v", body, client)
		}
		if (answer.Jwks != nil || answer.JwksUri != nil) != hasKeys {
			t.Errorf("%s: %+v", body, answer)
		}
	}
}

func TestOfflineAccessGoesWithRefreshTokens(t *testing.T) {
	r := newRegistry(t)
	for body, want := range map[string]string{
		`{"redirect_uris":["https://a.example/"],"scope":"openid offline_access"}`:                                                 "openid",
		`{"redirect_uris":["https://a.example/"],"scope":"openid","grant_types":["authorization_code","refresh_token"]}`:           "openid offline_access",
		`{"redirect_uris":["https://a.example/"],"grant_types":["refresh_token","authorization_code"]}`:                            "openid phone offline_access",
		`{"scope":"phone","grant_types":["urn:ietf:params:oauth:grant-type:device_code","refresh_token"],"response_types":[]}`:     "phone offline_access",
		`{"redirect_uris":["https://a.example/"],"scope":"offline_access phone openid","grant_types":["authorization_code"]}`:      "phone openid",
		`{"redirect_uris":["https://a.example/"],"scope":null,"grant_types":null,"client_name":null,"sector_identifier_uri":null}`: "openid phone",
	} {
		if answer, client := r.register(body); answer.Scope != want || strings.Join(client.Scopes, " ") != want {
			t.Errorf("%s: %q, stored %q, want %q", body, answer.Scope, client.Scopes, want)
		}
	}
}

func TestARegistrationIsRefusedFor(t *testing.T) {
	r := newRegistry(t)
	const metadata, redirect = "invalid_client_metadata", "invalid_redirect_uri"
	for _, c := range []struct{ code, body string }{
		{metadata, ``}, {metadata, `null`}, {metadata, `[]`}, {metadata, `"x"`}, {metadata, `{`}, {metadata, `{"redirect_uris":["https://a.example/"]`},
		{metadata, `{"redirect_uris":["https://a.example/"]}{}`}, {metadata, `{"redirect_uris":["https://a.example/"]} x`}, {metadata, `{"a":1,}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"x":1,"x":1}`},
		{metadata, `{"redirect_uris":"https://a.example/"}`}, {metadata, `{"redirect_uris":[1]}`}, {metadata, `{"redirect_uris":{"a":"https://a.example/"}}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"client_name":7}`}, {metadata, `{"redirect_uris":["https://a.example/"],"jwks":"x"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"require_pushed_authorization_requests":"yes"}`},
		{redirect, `{}`}, {redirect, `{"Redirect_URIs":["https://a.example/"]}`}, {redirect, `{"redirect_uris":[]}`}, {redirect, `{"redirect_uris":[""]}`},
		{redirect, `{"redirect_uris":["https://a.example/#f"]}`}, {redirect, `{"redirect_uris":["https://a.example/*"]}`}, {redirect, `{"redirect_uris":["https://a.example/\u0000"]}`},
		{redirect, `{"redirect_uris":["https://me@a.example/"]}`}, {redirect, `{"redirect_uris":["https://a.example/\u202e\"\\"]}`}, {redirect, `{"redirect_uris":["\ud800"]}`},
		{redirect, `{"redirect_uris":["https://a.example/","javascript:alert(1)"]}`}, {redirect, `{"redirect_uris":["javascript:alert(1)"],"application_type":"native"}`},
		// OIDC Registration §2, application_type
		{redirect, `{"redirect_uris":["http://a.example/"]}`}, {redirect, `{"redirect_uris":["http://localhost/"]}`}, {redirect, `{"redirect_uris":["https://localhost/"]}`},
		{redirect, `{"redirect_uris":["https://LOCALHOST:8443/"],"application_type":"web"}`}, {redirect, `{"redirect_uris":["com.example.app:/"],"token_endpoint_auth_method":"none"}`},
		{redirect, `{"redirect_uris":["https://a.example/"],"application_type":"native"}`}, {redirect, `{"redirect_uris":["http://a.example/"],"application_type":"native"}`},
		{redirect, `{"redirect_uris":["com.example.app:/"],"application_type":"native"}`}, // with a secret
		{redirect, `{"redirect_uris":["app:/"],"application_type":"native","token_endpoint_auth_method":"none"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"application_type":"tv"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"client_secret_jwt"}`}, {metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":""}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":""}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks":null}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks":{}}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"d":"x"}]}}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"http://a.example/"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{}]},"jwks_uri":"https://a.example/"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"jwks":{"keys":[]},"jwks_uri":"https://a.example/"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"grant_types":["implicit"]}`}, {metadata, `{"redirect_uris":["https://a.example/"],"grant_types":["authorization_code","password"]}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"grant_types":["refresh_token"]}`}, {metadata, `{"redirect_uris":["https://a.example/"],"grant_types":[]}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"response_types":["id_token"]}`}, {metadata, `{"redirect_uris":["https://a.example/"],"response_types":["code","token"]}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"response_types":[]}`},
		{metadata, `{"grant_types":["urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code"]}`},
		{metadata, `{"redirect_uris":["https://wiki.example/callback"],"grant_types":["authorization_code","urn:ietf:params:oauth:grant-type:device_code"]}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"subject_type":"public"}`}, {metadata, `{"redirect_uris":["https://a.example/"],"scope":"admin offline_access"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"scope":""}`}, {metadata, `{"redirect_uris":["https://a.example/"],"id_token_signed_response_alg":"none"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"id_token_signed_response_alg":"HS256"}`}, {metadata, `{"redirect_uris":["https://a.example/"],"client_name":""}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"client_name":"a\u202eb"}`}, {metadata, `{"redirect_uris":["https://a.example/"],"logo_uri":"data:image/png,x"}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"post_logout_redirect_uris":["http://a.example/"]}`},
		{metadata, `{"redirect_uris":["https://a.example/"],"backchannel_logout_uri":"https://a.example/#x"}`},
		{metadata, `{"redirect_uris":["https://a.example/","https://b.example/"]}`}, // OIDC Core §8.1
		{redirect, `{"redirect_uris":[` + strings.Repeat(`"https://a.example/",`, 32) + `"https://a.example/"]}`},
	} {
		r.refused(c.body, c.code)
	}
	if len(r.fetched) > 0 || len(r.events) > 0 {
		t.Errorf("%v was fetched, %v noted", r.fetched, r.events)
	}
}

func TestASectorIsTheHostThatListsTheRedirectURIs(t *testing.T) {
	r := newRegistry(t)
	r.pages["https://Group.example/sector.json"] = `["https://a.example/cb","https://b.example/cb"]`
	r.pages["https://group.example/object"] = `{"redirect_uris":["https://a.example/cb"]}`
	r.pages["https://group.example/prefixes"] = `["https://a.example/"]`
	_, client := r.register(`{"redirect_uris":["https://b.example/cb","https://a.example/cb"],"sector_identifier_uri":"https://Group.example/sector.json"}`)
	if client.Sector != "group.example" {
		t.Errorf("the sector is %q", client.Sector)
	}
	if _, client = r.register(`{"redirect_uris":["https://a.example/cb","https://a.example:8443/cb"]}`); client.Sector != "" {
		t.Errorf("the sector is %q", client.Sector)
	}
	_, client = r.register(`{"redirect_uris":["http://127.0.0.1/cb","http://[::1]/cb","http://localhost/cb"],"application_type":"native"}`)
	if client.Sector != "" { // the loopback is nobody's host
		t.Errorf("the sector is %q", client.Sector)
	}
	fetched := len(r.fetched)
	for _, sector := range []string{"http://group.example/sector.json", "http://localhost/sector.json", "file:///etc/passwd", "https://me@group.example/x", "https://group.example/#x", "/sector.json", ""} {
		r.refused(`{"redirect_uris":["https://a.example/cb"],"sector_identifier_uri":"`+sector+`"}`, "invalid_client_metadata")
	}
	// Without redirect URIs every list would do, and give away the subjects of its host.
	r.refused(`{"grant_types":["urn:ietf:params:oauth:grant-type:device_code"],"sector_identifier_uri":"https://Group.example/sector.json"}`, "invalid_client_metadata")
	if len(r.fetched) != fetched {
		t.Errorf("%v was fetched", r.fetched[fetched:])
	}
	for _, body := range []string{
		`{"redirect_uris":["https://c.example/cb"],"sector_identifier_uri":"https://Group.example/sector.json"}`,
		`{"redirect_uris":["https://a.example/cb","https://a.example/cb2"],"sector_identifier_uri":"https://Group.example/sector.json"}`,
		`{"redirect_uris":["https://a.example/cb"],"sector_identifier_uri":"https://group.example/object"}`,
		`{"redirect_uris":["https://a.example/cb"],"sector_identifier_uri":"https://group.example/prefixes"}`,
		`{"redirect_uris":["https://a.example/cb"],"sector_identifier_uri":"https://internal.example/"}`,
	} {
		r.refused(body, "invalid_client_metadata")
	}
	if answer := r.try(`{"redirect_uris":["https://a.example/cb"],"sector_identifier_uri":"https://internal.example/"}`).Body.String(); strings.Contains(answer, "INSIDE") {
		t.Errorf("what is behind our network is told: %s", answer)
	}
}

// RFC 6750 §3: who has not the token learns how it is sent, and nothing else.
func TestNobodyRegistersWithoutTheInitialAccessToken(t *testing.T) {
	r := newRegistry(t)
	const body = `{"redirect_uris":["https://shop.example/cb"]}`
	for name, headers := range map[string][]string{
		"nothing":                {},
		"an empty header":        {"Authorization", ""},
		"another token":          {"Authorization", "Bearer " + strings.Repeat("a", 43)},
		"its beginning":          {"Authorization", "Bearer " + initialToken[:42]},
		"more than it":           {"Authorization", "Bearer " + initialToken + "="},
		"another case":           {"Authorization", "Bearer " + strings.ToLower(initialToken)},
		"an empty one":           {"Authorization", "Bearer "},
		"no scheme":              {"Authorization", initialToken},
		"another scheme":         {"Authorization", "Basic " + initialToken},
		"two spaces":             {"Authorization", "Bearer  " + initialToken},
		"the token twice":        {"Authorization", "Bearer " + initialToken, "Authorization", "Bearer " + initialToken},
		"another header":         {"X-Authorization", "Bearer " + initialToken},
		"a DPoP-bound token":     {"Authorization", "DPoP " + initialToken},
		"a proxy's header alone": {"Proxy-Authorization", "Bearer " + initialToken},
	} {
		recorder := r.send(body, headers...)
		var answer struct{ Error string }
		if err := json.Unmarshal(recorder.Body.Bytes(), &answer); recorder.Code != http.StatusUnauthorized || err != nil || answer.Error != "invalid_token" {
			t.Errorf("%s: %d %s", name, recorder.Code, recorder.Body)
		}
		want := `Bearer realm="qrlogin", error="invalid_token"`
		if len(headers) == 0 || headers[0] != "Authorization" {
			want = `Bearer realm="qrlogin"`
		}
		if got := recorder.Header().Values("WWW-Authenticate"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: WWW-Authenticate %q", name, got)
		}
	}
	if len(r.clients) > 0 {
		t.Errorf("%+v", r.clients)
	}
	if recorder := r.send(body, "Authorization", "bearer "+initialToken); recorder.Code != http.StatusCreated {
		t.Errorf("the scheme's case counts: %d", recorder.Code)
	}
}

func TestWithoutATokenThereIsNoRegistration(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	(&oauth.Door{Issuer: "https://login.example"}).Mount(engine)
	for _, authorization := range []string{"", "Bearer ", "Bearer " + initialToken} {
		request := httptest.NewRequest(http.MethodPost, "/register", strings.NewReader(`{}`))
		request.Header.Set("Authorization", authorization)
		recorder := httptest.NewRecorder()
		if engine.ServeHTTP(recorder, request); recorder.Code != http.StatusNotFound {
			t.Errorf("%q: %d", authorization, recorder.Code)
		}
	}
}

func TestABodyOfAnotherTypeOrSizeIsRefused(t *testing.T) {
	r := newRegistry(t)
	big := `{"redirect_uris":["https://a.example/"],"x":"` + strings.Repeat("a", 64<<10) + `"}`
	if recorder := r.try(big); recorder.Code != http.StatusRequestEntityTooLarge || !strings.Contains(recorder.Body.String(), `"error":"invalid_request"`) {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
	request := httptest.NewRequest(http.MethodPost, "/register", strings.NewReader("redirect_uris=https://a.example/"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+initialToken)
	recorder := httptest.NewRecorder()
	if r.handler.ServeHTTP(recorder, request); recorder.Code != http.StatusUnsupportedMediaType {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
	if len(r.clients) > 0 {
		t.Errorf("%+v", r.clients)
	}
}

// RFC 10027 §6.1.11
func TestRegistrationsOfAnAddressAreLimited(t *testing.T) {
	r := newRegistry(t)
	const body = `{"redirect_uris":["https://shop.example/cb"]}`
	for range 200 {
		r.send(body, "Authorization", "Bearer wrong") // who has no token uses nothing up
	}
	for range 100 {
		r.register(body)
	}
	recorder := r.try(body)
	if recorder.Code != http.StatusTooManyRequests || recorder.Header().Get("Retry-After") == "" || len(r.clients) != 100 {
		t.Errorf("the 101st of %d: %d %s", len(r.clients), recorder.Code, recorder.Body)
	}
}

func TestARegistrationThatIsNotKeptIsNotAnswered(t *testing.T) {
	r := newRegistry(t)
	r.failing = errors.New("the disk is full: INSIDE")
	recorder := r.try(`{"redirect_uris":["https://shop.example/cb"]}`)
	if recorder.Code != http.StatusServiceUnavailable || strings.Contains(recorder.Body.String(), "INSIDE") || strings.Contains(recorder.Body.String(), "secret") || len(r.events) > 0 {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

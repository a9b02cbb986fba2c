package app_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
)

func TestBothDiscoveryDocumentsSayTheSameAndNameWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRegistration)
	oidc := w.do(w.request(http.MethodGet, "/.well-known/openid-configuration", nil))
	oauth := w.do(w.request(http.MethodGet, "/.well-known/oauth-authorization-server", nil))
	if string(oidc.Body) != string(oauth.Body) || !strings.HasPrefix(oidc.Header.Get("Cache-Control"), "public") {
		t.Errorf("%s\n%s", oidc.Body, oauth.Body)
	}
	var m api.Metadata
	if oidc.decode(t, &m); m.Issuer != w.issuer {
		t.Errorf("issuer %s", m.Issuer)
	}
	var members map[string]any
	oidc.decode(t, &members)
	endpoints := 0
	for name, value := range members {
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		endpoints++
		path, own := strings.CutPrefix(value.(string), w.issuer)
		if a := w.do(w.request(http.MethodOptions, path, nil)); !own || a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", name, value, a.Status)
		}
	}
	if endpoints != 10 {
		t.Errorf("%d endpoints in %s", endpoints, oidc.Body)
	}
}

// OIDC Discovery §3: RS256 must be among them, whatever a provider would rather sign with.
func TestDiscoveryAlwaysListsRS256(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var m api.Metadata
	w.do(w.request(http.MethodGet, "/.well-known/openid-configuration", nil)).decode(t, &m)
	if !slices.Contains(m.IdTokenSigningAlgValuesSupported, "RS256") || slices.Contains(m.IdTokenSigningAlgValuesSupported, "none") {
		t.Errorf("%v", m.IdTokenSigningAlgValuesSupported)
	}
	if m.RegistrationEndpoint != nil {
		t.Error("registration is on offer, and is closed")
	}
}

// The tokens that a site gets over HTTP verify by the key set that it gets over HTTP, with another library than signed them.
func TestBothTokensVerifyByThePublishedKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	p.approve(started)
	var tokens api.TokenResponse
	w.poll(started, "").decode(t, &tokens)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.do(w.request(http.MethodGet, "/jwks", nil)).Body, &set); err != nil {
		t.Fatal(err)
	}
	for typ, token := range map[string]string{"at+jwt": tokens.AccessToken, "JWT": *tokens.IdToken} {
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		header := signed.Signatures[0].Protected
		keys := set.Key(header.KeyID)
		if len(keys) != 1 || header.ExtraHeaders["typ"] != typ {
			t.Fatalf("%s: %d keys, header %+v", typ, len(keys), header)
		}
		if _, err := signed.Verify(keys[0]); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

// RFC 10027 §6.1.9: limited scopes. What a site may not ask for it does not get, and it is told so.
func TestScopesAreWhatTheSiteMayAskForAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(limitedClient))
	p := w.rawPhone().enrolled("+8613800138000")
	var started api.DeviceAuthorization
	w.form("/device_authorization", limitedClient.ID, "", map[string][]string{"scope": {"openid phone email offline_access"}}).decode(t, &started)
	claim := p.claim(started)
	if consent := string(decode64(t, claim.Consent)); !strings.Contains(consent, `"scopes":["openid"]`) {
		t.Errorf("the consent says %s", consent)
	}
	p.decide(claim, "approve")
	var tokens api.TokenResponse
	w.pollAs(limitedClient.ID, "", started, "").decode(t, &tokens)
	if _, told := claimsOf(t, *tokens.IdToken)["phone_number"]; told || *tokens.Scope != "openid" {
		t.Errorf("scope %s, number told: %t", *tokens.Scope, told)
	}
	for _, scope := range []string{"phone", "email", "OPENID"} {
		w.form("/device_authorization", limitedClient.ID, "", map[string][]string{"scope": {scope}}).wants(t, scope, http.StatusBadRequest, "invalid_scope")
	}
}

package app_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/app"
)

// Clients that authenticate by what they sign (private_key_jwt: OIDC Core §9, RFC 7523).

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// signer is a site with a key of its own.
type signer struct {
	rawPhone
	id string
}

func newSigner(t *testing.T, id string) signer { return signer{(&world{t: t}).rawPhone(), id} }

// jwks is its public key set.
func (s signer) jwks(t *testing.T) []byte {
	t.Helper()
	jwk := publicJWK(t, s.key)
	jwk["kid"], jwk["use"] = "k-1", "sig"
	raw, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// client is its registration.
func (s signer) client(t *testing.T) app.Client {
	return app.Client{
		ID: s.id, JWKS: s.jwks(t), Origins: []string{"https://" + s.id + ".example"}, RedirectURIs: []string{"https://" + s.id + ".example/callback"}, Scopes: []string{"openid", "offline_access"},
	}
}

// claims is those of a good assertion; changes come in pairs, nil leaves one out.
func (s signer) claims(w *world, changes ...any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": s.id, "sub": s.id, "aud": w.issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	for i := 0; i < len(changes); i += 2 {
		if claims[changes[i].(string)] = changes[i+1]; changes[i+1] == nil {
			delete(claims, changes[i].(string))
		}
	}
	return claims
}

// asserts is the header of an assertion.
func asserts(changes ...any) map[string]any {
	header := map[string]any{"jwk": nil, "typ": "JWT", "kid": "k-1"}
	for i := 0; i < len(changes); i += 2 {
		header[changes[i].(string)] = changes[i+1]
	}
	return header
}

func (s signer) assertion(w *world, changes ...any) string {
	w.t.Helper()
	return forge(w.t, s.key, asserts(), s.claims(w, changes...))
}

// by sends a form with an assertion.
func (w *world) by(assertion, path string, values url.Values) answer {
	w.t.Helper()
	return w.do(w.assertedRequest(assertion, path, values))
}

func (w *world) assertedRequest(assertion, path string, values url.Values) *http.Request {
	if values == nil {
		values = url.Values{}
	}
	values.Set("client_assertion", assertion)
	values.Set("client_assertion_type", assertionType)
	r := w.request(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", formType)
	return r
}

func TestASiteThatSignsAssertionsLogsInAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "signing")
	w := newWorld(t, withClient(s.client(t)))
	p, v := w.phone("+8613800138000"), w.visitor()
	client := s.client(t)

	var pushed api.PushedAuthorizationRequest
	a := w.by(s.assertion(w), "/par", askingAs(client, "scope", "openid offline_access"))
	if a.decode(t, &pushed); a.Status != http.StatusCreated {
		t.Fatalf("par: %d %s", a.Status, a.Body)
	}
	code := v.codeOf(v.scanned(p, v.hosted(url.Values{"client_id": {s.id}, "request_uri": {pushed.RequestUri}}), approving(v, p)))
	tokens := w.read(w.by(s.assertion(w), "/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {client.RedirectURIs[0]}, "code_verifier": {verifier},
	}))
	next := w.read(w.by(s.assertion(w), "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {*tokens.RefreshToken}}))
	ask := func() (said api.Introspection) {
		t.Helper()
		w.by(s.assertion(w), "/introspect", url.Values{"token": {next.AccessToken}}).decode(t, &said)
		return said
	}
	if !ask().Active {
		t.Error("the token is not active")
	}
	if a := w.by(s.assertion(w), "/revoke", url.Values{"token": {*next.RefreshToken}}); a.Status != http.StatusOK {
		t.Errorf("revoke: %d %s", a.Status, a.Body)
	}
	if ask().Active {
		t.Error("the token is active after its revocation")
	}
	if a := w.by(s.assertion(w), "/device_authorization", nil); a.Status != http.StatusOK {
		t.Errorf("device_authorization: %d %s", a.Status, a.Body)
	}
}

// published serves a key set on the loopback, and counts.
func published(t *testing.T, jwks []byte) (uri string, fetches *atomic.Int32) {
	t.Helper()
	fetches = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		_, _ = w.Write(jwks)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/jwks", fetches
}

func withPrivateNetworks(c *app.Config) { c.AllowPrivateNetworks = true }

func TestKeysThatASitePublishesAreFetchedAndKept(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "publishing")
	uri, fetches := published(t, s.jwks(t))
	w := newWorld(t, withPrivateNetworks, withClient(app.Client{ID: s.id, JWKSURI: uri}))
	for range 3 {
		if a := w.by(s.assertion(w), "/device_authorization", nil); a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	w.by(forge(t, s.key, asserts("kid", "k-2"), s.claims(w)), "/device_authorization", nil).
		wants(t, "an unknown kid", http.StatusUnauthorized, "invalid_client")
	if n := fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// SECURITY.md §6: what is fetched for a client never reaches a private address, not even as a connection.
func TestAJWKSURIOnAPrivateAddressIsNeverReached(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "inside")
	var connections atomic.Int32
	plain, secure := httptest.NewUnstartedServer(http.NotFoundHandler()), httptest.NewUnstartedServer(http.NotFoundHandler())
	for _, server := range []*httptest.Server{plain, secure} {
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		t.Cleanup(server.Close)
	}
	plain.Start()
	secure.StartTLS()
	at := ":" + port(t, secure.URL)
	for _, inside := range []string{plain.URL, "https://127.0.0.1" + at, "https://localhost" + at, "https://[::ffff:127.0.0.1]" + at} {
		w := newWorld(t, withClient(app.Client{ID: s.id, JWKSURI: inside}))
		a := w.by(s.assertion(w), "/device_authorization", nil)
		a.wants(t, inside, http.StatusUnauthorized, "invalid_client")
		if strings.Contains(string(a.Body), "127.0.0.1") || strings.Contains(string(a.Body), "refused") {
			t.Errorf("%s: the answer says what is there: %s", inside, a.Body)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections came", n)
	}
}

func port(t *testing.T, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// RFC 7523 §3: whoever has seen one has seen one that is used.
func TestOf64UsesOfAnAssertionAtOnceOneCounts(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		s := newSigner(t, "signing")
		w := newWorld(t, withStore(store), withClient(s.client(t)))
		used := s.assertion(w)
		answers := atOnce(w, many, func(int) *http.Request { return w.assertedRequest(used, "/device_authorization", nil) })
		// Who fails too often is told to wait.
		if n := tally(answers); n["OK "] != 1 || n["Unauthorized invalid_client"]+n["Too Many Requests slow_down"] != many-1 {
			t.Errorf("%v", n)
		}
	})
}

func TestAnAssertionIsForThisProviderAlone(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "signing")
	w := newWorld(t, withClient(s.client(t)))
	for what, aud := range map[string]any{
		"the issuer": w.issuer, "the token endpoint": w.issuer + "/token", "the endpoint itself": w.issuer + "/device_authorization",
		"a list of one": []string{w.issuer}, "both": []string{w.issuer, w.issuer + "/token"},
	} {
		if a := w.by(s.assertion(w, "aud", aud), "/device_authorization", nil); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	for what, aud := range map[string]any{
		"another provider": "https://other.example", "another provider too": []string{w.issuer, "https://other.example"}, "nobody": nil,
		"an empty list": []string{}, "another endpoint": w.issuer + "/revoke", "a longer name": w.issuer + ".evil.example", "a slash more": w.issuer + "/",
	} {
		w.by(s.assertion(w, "aud", aud), "/device_authorization", nil).wants(t, what, http.StatusUnauthorized, "invalid_client")
	}
}

func TestAnAssertionIsFreshItsOwnersAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "signing")
	w := newWorld(t, withClient(s.client(t)))
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for what, changes := range map[string][]any{
		"expired":                {"exp", in(-2 * time.Minute)},
		"without an end":         {"exp", nil},
		"good for a year":        {"exp", in(365 * 24 * time.Hour)},
		"of the future":          {"iat", in(time.Hour)},
		"not yet good":           {"nbf", in(time.Hour)},
		"without a jti":          {"jti", nil},
		"with a giant jti":       {"jti", strings.Repeat("x", 5000)},
		"issued by another":      {"iss", "shop"},
		"about another":          {"sub", "shop"},
		"of another altogether":  {"iss", "shop", "sub", "shop"},
		"of nobody that is here": {"iss", "nobody", "sub", "nobody"},
		"a giant":                {"x", strings.Repeat("x", 20_000)},
	} {
		w.by(s.assertion(w, changes...), "/device_authorization", nil).wants(t, what, http.StatusUnauthorized, "invalid_client")
	}
}

// RFC 8725 §3.1, §2.1: the header is the sender's word.
func TestAnAssertionIsSignedByTheSitesKeyAndNothingElse(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t, "signing"), newSigner(t, "signing")
	w := newWorld(t, withClient(s.client(t)))
	hs256 := func(secret []byte) string {
		input := unsigned(t, s.key, asserts("alg", "HS256"), s.claims(w))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + encode64(mac.Sum(nil))
	}
	spki, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	point, err := s.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(publicJWK(t, s.key))
	if err != nil {
		t.Fatal(err)
	}
	for what, assertion := range map[string]string{
		"alg none":                          unsigned(t, s.key, asserts("alg", "none"), s.claims(w)) + ".",
		"alg nOnE":                          unsigned(t, s.key, asserts("alg", "nOnE"), s.claims(w)) + ".",
		"no alg":                            forge(t, s.key, asserts("alg", nil), s.claims(w)),
		"no signature":                      unsigned(t, s.key, asserts(), s.claims(w)) + ".",
		"HS256 with the public key, PEM":    hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		"HS256 with the public key, DER":    hs256(spki),
		"HS256 with the public key, point":  hs256(point),
		"HS256 with the public key, JWK":    hs256(jwk),
		"HS256 with the key set":            hs256(s.jwks(t)),
		"HS256 with nothing":                hs256(nil),
		"another's key":                     forge(t, other.key, asserts(), s.claims(w)),
		"another's key, in the header":      forge(t, other.key, asserts("jwk", publicJWK(t, other.key)), s.claims(w)),
		"another's key, by jku":             forge(t, other.key, asserts("jku", "https://evil.example/jwks"), s.claims(w)),
		"an unknown kid":                    forge(t, s.key, asserts("kid", "k-2"), s.claims(w)),
		"a critical header":                 forge(t, s.key, asserts("crit", []string{"x"}, "x", 1), s.claims(w)),
		"another algorithm's name":          forge(t, s.key, asserts("alg", "ES384"), s.claims(w)),
		"a JWT that is none":                "x.y.z",
		"one of the provider's own tokens ": *w.login(w.rawPhone().enrolled("+8613800138000")).IdToken,
	} {
		w.by(assertion, "/device_authorization", nil).wants(t, what, http.StatusUnauthorized, "invalid_client")
	}
	if a := w.by(s.assertion(w), "/device_authorization", nil); a.Status != http.StatusOK {
		t.Errorf("a good one: %d %s", a.Status, a.Body)
	}
}

// RFC 6749 §2.3: one way for each request, and the one that the client is registered for.
func TestASiteAuthenticatesInTheOneWayThatItIsRegisteredFor(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	s, shop, tv := newSigner(t, "signing"), newSigner(t, "shop"), newSigner(t, "tv")
	w := newWorld(t, kept, withClient(s.client(t)))
	const unauthorized, badRequest = http.StatusUnauthorized, http.StatusBadRequest
	for what, c := range map[string]struct {
		authorization string
		assertion     string
		values        url.Values
		status        int
		code          string
	}{
		"a site with a secret, by an assertion":     {"", shop.assertion(w), nil, unauthorized, "invalid_client"},
		"a public client, by an assertion":          {"", tv.assertion(w), nil, unauthorized, "invalid_client"},
		"a site with keys, by a secret":             {urlencodedBasic(s.id, shopSecret), "", nil, unauthorized, "invalid_client"},
		"a site with keys, by an empty secret":      {urlencodedBasic(s.id, ""), "", nil, unauthorized, "invalid_client"},
		"a site with keys, by its id":               {"", "", url.Values{"client_id": {s.id}}, unauthorized, "invalid_client"},
		"an assertion beside Basic":                 {urlencodedBasic("shop", shopSecret), s.assertion(w), nil, badRequest, "invalid_request"},
		"an assertion beside a secret":              {"", s.assertion(w), url.Values{"client_secret": {shopSecret}}, badRequest, "invalid_request"},
		"an assertion and another's id":             {"", s.assertion(w), url.Values{"client_id": {"shop"}}, badRequest, "invalid_request"},
		"two assertions":                            {"", s.assertion(w), url.Values{"client_assertion": {"x", "y"}}, badRequest, "invalid_request"},
		"an assertion of another type":              {"", s.assertion(w), url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}}, badRequest, "invalid_request"},
		"an assertion without a type":               {"", s.assertion(w), url.Values{"client_assertion_type": {""}}, badRequest, "invalid_request"},
		"a type without an assertion, and an id":    {"", "", url.Values{"client_assertion_type": {assertionType}, "client_id": {s.id}}, unauthorized, "invalid_client"},
		"a type without an assertion, and no id":    {"", "", url.Values{"client_assertion_type": {assertionType}}, unauthorized, "invalid_client"},
		"a site with keys, as an unregistered site": {"", newSigner(t, "nobody").assertion(w), nil, unauthorized, "invalid_client"},
	} {
		values := url.Values{}
		if c.assertion != "" {
			values = url.Values{"client_assertion": {c.assertion}, "client_assertion_type": {assertionType}}
		}
		for name, all := range c.values {
			values[name] = all
		}
		r := w.request(http.MethodPost, "/device_authorization", strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", formType)
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		w.do(r).wants(t, what, c.status, c.code)
	}
	if a := w.by(s.assertion(w), "/device_authorization", url.Values{"client_id": {s.id}}); a.Status != http.StatusOK {
		t.Errorf("with its own id: %d %s", a.Status, a.Body)
	}
	if len(audited(t, folder, "client.refused")) == 0 {
		t.Error("nothing is kept of who was refused")
	}
	if strings.Contains(w.logs.String(), "eyJ") {
		t.Error("an assertion is in the log")
	}
}

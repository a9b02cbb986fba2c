package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// DPoP at the site's door (RFC 9449): tokens that are nobody's but the holder's of a key. A site's key is a rawPhone's here,
// which signs what it is told to.

// proofFor is a proof beside an access token.
func (p rawPhone) proofFor(method, path, token string) string {
	p.w.t.Helper()
	jws, err := proof.SignDPoPFor(p.key, method, p.w.issuer+path, "", token, time.Now())
	if err != nil {
		p.w.t.Fatal(err)
	}
	return jws
}

func (p rawPhone) thumbprint() string { return proof.Thumbprint(&p.key.PublicKey) }

// bound logs in and has the tokens bound to a key.
func (v *visitor) bound(p rawPhone, key rawPhone, changes ...string) api.TokenResponse {
	v.t.Helper()
	path := v.hosted(asking(changes...))
	p.approve(v.challenge(path))
	return v.read(v.redeemAs(site("wiki"), v.codeOf(v.told(v.get(path))), "DPoP", key.proof(http.MethodPost, "/token")))
}

// userInfoBy asks with this scheme and these proofs.
func (w *world) userInfoBy(scheme, token string, proofs ...string) answer {
	w.t.Helper()
	r := w.request(http.MethodGet, "/userinfo", nil)
	r.Header.Set("Authorization", scheme+" "+token)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return w.do(r)
}

func TestATokenAskedForWithAProofIsBoundToItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, key := w.visitor(), w.rawPhone()
	tokens := v.bound(w.rawPhone().enrolled("+8613800138000"), key)
	if tokens.TokenType != api.DPoP {
		t.Errorf("token_type %s", tokens.TokenType)
	}
	cnf, _ := claimsOf(t, tokens.AccessToken)["cnf"].(map[string]any)
	if cnf["jkt"] != key.thumbprint() {
		t.Errorf("cnf %v", cnf)
	}
	said := w.introspectAs(site("wiki"), tokens.AccessToken) // RFC 9449 §6.2
	if !said.Active || said.Cnf == nil || said.Cnf.Jkt != key.thumbprint() || *said.TokenType != "DPoP" {
		t.Errorf("introspection: %+v", said)
	}
	for _, scheme := range []string{"DPoP", "dpop"} {
		if a := w.userInfoBy(scheme, tokens.AccessToken, key.proofFor(http.MethodGet, "/userinfo", tokens.AccessToken)); a.Status != http.StatusOK {
			t.Errorf("userinfo by %s: %d %s", scheme, a.Status, a.Body)
		}
	}
}

func TestTheDeviceFlowBindsItsTokensToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, started := w.rawPhone(), w.start()
	w.approve(w.phone("+8613800138000"), started)
	tokens := w.read(w.form("/token", "shop", shopSecret, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {started.DeviceCode},
	}, "DPoP", key.proof(http.MethodPost, "/token")))
	if a := w.userInfoBy("DPoP", tokens.AccessToken, key.proofFor(http.MethodGet, "/userinfo", tokens.AccessToken)); tokens.TokenType != api.DPoP || a.Status != http.StatusOK {
		t.Errorf("%s, userinfo: %d %s", tokens.TokenType, a.Status, a.Body)
	}
	if a := w.userInfo(tokens.AccessToken); a.Status != http.StatusUnauthorized {
		t.Errorf("as a bearer token: %d %s", a.Status, a.Body)
	}
}

// RFC 9449 §7: who has stolen the token has not the key. Each is told by the DPoP scheme what was wrong (§7.1).
func TestABoundTokenIsWorthNothingWithoutItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, key, thief := w.visitor(), w.rawPhone(), w.rawPhone()
	phone := w.rawPhone().enrolled("+8613800138000")
	tokens, others := v.bound(phone, key), v.bound(phone, key)
	token := tokens.AccessToken
	good := func() string { return key.proofFor(http.MethodGet, "/userinfo", token) }
	used := good()
	if a := w.userInfoBy("DPoP", token, used); a.Status != http.StatusOK {
		t.Fatalf("a good one: %d %s", a.Status, a.Body)
	}
	for what, c := range map[string]struct {
		scheme string
		proofs []string
		code   string
	}{
		"as a bearer token":               {"Bearer", nil, "invalid_token"},
		"as a bearer token, with a proof": {"Bearer", []string{good()}, "invalid_token"},
		"no proof":                        {"DPoP", nil, "invalid_dpop_proof"},
		"two proofs":                      {"DPoP", []string{good(), good()}, "invalid_dpop_proof"},
		"another key":                     {"DPoP", []string{thief.proofFor(http.MethodGet, "/userinfo", token)}, "invalid_token"},
		"no ath":                          {"DPoP", []string{key.proof(http.MethodGet, "/userinfo")}, "invalid_dpop_proof"},
		"ath of another token":            {"DPoP", []string{key.proofFor(http.MethodGet, "/userinfo", others.AccessToken)}, "invalid_dpop_proof"},
		"a proof that was used":           {"DPoP", []string{used}, "invalid_dpop_proof"},
		"a proof for another method":      {"DPoP", []string{key.proofFor(http.MethodPost, "/userinfo", token)}, "invalid_dpop_proof"},
		"a proof for another endpoint":    {"DPoP", []string{key.proofFor(http.MethodGet, "/token", token)}, "invalid_dpop_proof"},
		"a proof for another host":        {"DPoP", []string{key.proofFor(http.MethodGet, "@evil.example/userinfo", token)}, "invalid_dpop_proof"},
		"a proof that is none":            {"DPoP", []string{token}, "invalid_dpop_proof"},
		"another scheme":                  {"Basic", []string{good()}, "invalid_token"},
	} {
		a := w.userInfoBy(c.scheme, token, c.proofs...)
		a.wants(t, what, http.StatusUnauthorized, c.code)
		if said := strings.Join(a.Header.Values("WWW-Authenticate"), ", "); !strings.Contains(said, `DPoP error="`+c.code+`"`) || strings.Contains(said, "Basic") {
			t.Errorf("%s: WWW-Authenticate %s", what, said)
		}
	}
	if a := w.userInfoBy("DPoP", token, good()); a.Status != http.StatusOK {
		t.Errorf("a good one, after all that: %d %s", a.Status, a.Body)
	}
}

func TestAnUnboundTokenIsNoDPoPToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, key := w.visitor(), w.rawPhone()
	token := v.tokens(w.phone("+8613800138000")).AccessToken
	w.userInfoBy("DPoP", token, key.proofFor(http.MethodGet, "/userinfo", token)).wants(t, "with a proof", http.StatusUnauthorized, "invalid_token")
	if a := w.userInfo(token); a.Status != http.StatusOK {
		t.Errorf("as a bearer token: %d %s", a.Status, a.Body)
	}
}

// At the token endpoint a wrong proof gets no token at all, and leaves the code.
func TestAWrongProofAtTheTokenEndpointGetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v, key := w.phone("+8613800138000"), w.visitor(), w.rawPhone()
	code := v.code(p)
	used := key.proof(http.MethodPost, "/token")
	if a := w.form("/par", "wiki", wikiSecret, asking(), "DPoP", used); a.Status == http.StatusCreated {
		t.Error("a proof for another endpoint passes")
	}
	for what, jws := range map[string]string{
		"a proof for another method": key.proof(http.MethodGet, "/token"), "a proof for another endpoint": key.proof(http.MethodPost, "/par"),
		"none": "x", "two in one": used + "," + used,
	} {
		w.redeemAs(site("wiki"), code, "DPoP", jws).wants(t, what, http.StatusBadRequest, "invalid_dpop_proof")
	}
	w.read(w.redeemAs(site("wiki"), code, "DPoP", used))
	w.redeemAs(site("wiki"), v.code(p), "DPoP", used).wants(t, "a proof that was used", http.StatusBadRequest, "invalid_dpop_proof")
}

// RFC 9449 §8, §9: the provider's clock counts, and it hands out a nonce to those whose own is wrong.
func TestASiteWhoseClockIsWrongUsesTheNonce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v, key := w.phone("+8613800138000"), w.visitor(), w.rawPhone()
	for _, wrong := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		then := time.Now().Add(wrong)
		sign := func(method, path, nonce, token string) string {
			var jws string
			var err error
			if token == "" {
				jws, err = proof.SignDPoP(key.key, method, w.issuer+path, nonce, then)
			} else {
				jws, err = proof.SignDPoPFor(key.key, method, w.issuer+path, nonce, token, then)
			}
			if err != nil {
				t.Fatal(err)
			}
			return jws
		}
		code := v.code(p)
		a := w.redeemAs(site("wiki"), code, "DPoP", sign(http.MethodPost, "/token", "", ""))
		a.wants(t, "token, without a nonce", http.StatusBadRequest, "use_dpop_nonce")
		nonce := a.Header.Get("DPoP-Nonce")
		w.redeemAs(site("wiki"), code, "DPoP", sign(http.MethodPost, "/token", "invented", "")).
			wants(t, "token, with an invented nonce", http.StatusBadRequest, "use_dpop_nonce")
		tokens := w.read(w.redeemAs(site("wiki"), code, "DPoP", sign(http.MethodPost, "/token", nonce, "")))

		a = w.userInfoBy("DPoP", tokens.AccessToken, sign(http.MethodGet, "/userinfo", "", tokens.AccessToken))
		a.wants(t, "userinfo, without a nonce", http.StatusUnauthorized, "use_dpop_nonce")
		if said := strings.Join(a.Header.Values("WWW-Authenticate"), ", "); !strings.Contains(said, `DPoP error="use_dpop_nonce"`) {
			t.Errorf("userinfo, without a nonce: WWW-Authenticate %s", said)
		}
		a = w.userInfoBy("DPoP", tokens.AccessToken, sign(http.MethodGet, "/userinfo", a.Header.Get("DPoP-Nonce"), tokens.AccessToken))
		if a.Status != http.StatusOK {
			t.Errorf("userinfo, with the nonce: %d %s", a.Status, a.Body)
		}
	}
}

// RFC 9449 §10: a code that is stolen on the way is no good without the key.
func TestDPoPJKTBindsTheCodeToAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v, key, thief := w.phone("+8613800138000"), w.visitor(), w.rawPhone(), w.rawPhone()
	by := func(key rawPhone) []string { return []string{"DPoP", key.proof(http.MethodPost, "/token")} }
	pushed := func() string { // §10.1: a proof at /par is as good as dpop_jkt
		t.Helper()
		var answer api.PushedAuthorizationRequest
		a := w.form("/par", "wiki", wikiSecret, asking(), "DPoP", key.proof(http.MethodPost, "/par"))
		if a.decode(t, &answer); a.Status != http.StatusCreated {
			t.Fatalf("par: %d %s", a.Status, a.Body)
		}
		return v.codeOf(v.scanned(p, v.hosted(url.Values{"client_id": {"wiki"}, "request_uri": {answer.RequestUri}}), approving(v, p)))
	}
	for what, code := range map[string]string{"dpop_jkt": v.code(p, "dpop_jkt", key.thumbprint()), "a proof at /par": pushed()} {
		w.redeem(code).wants(t, what+", without a proof", http.StatusBadRequest, "invalid_dpop_proof")
		w.redeemAs(site("wiki"), code, by(thief)...).wants(t, what+", by another key", http.StatusBadRequest, "invalid_dpop_proof")
		w.read(w.redeemAs(site("wiki"), code, by(key)...))
	}
	w.form("/par", "wiki", wikiSecret, asking("dpop_jkt", thief.thumbprint()), "DPoP", key.proof(http.MethodPost, "/par")).
		wants(t, "dpop_jkt and a proof of two keys", http.StatusBadRequest, "invalid_dpop_proof")
	if said := v.told(v.authorize(asking("dpop_jkt", "x"))); said.Get("error") != "invalid_request" {
		t.Errorf("a dpop_jkt that is none: %v", said)
	}
}

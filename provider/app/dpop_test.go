package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// RFC 9449: what a phone's proof must be.

// dpopClaims is the claims of a good proof.
func (p rawPhone) dpopClaims(method, path string) map[string]any {
	return map[string]any{"jti": rand.Text(), "htm": method, "htu": p.w.issuer + path, "iat": time.Now().Unix()}
}

// account asks whose phone this is, with these DPoP headers.
func (w *world) account(proofs ...string) answer {
	w.t.Helper()
	r := w.request(http.MethodGet, "/phone/account", nil)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return w.do(r)
}

func wantUnproven(t *testing.T, what string, a answer, code string) {
	t.Helper()
	a.wants(t, what, http.StatusUnauthorized, code)
	if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "DPoP ") || a.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("%s: the headers do not say what is wanted: %v", what, a.Header)
	}
}

func TestOneGoodProofIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	good := func() string { return p.proof(http.MethodGet, "/phone/account") }
	if a := w.account(good()); a.Status != http.StatusOK {
		t.Fatalf("a good one: %d %s", a.Status, a.Body)
	}
	wantUnproven(t, "none", w.account(), "proof-invalid")
	wantUnproven(t, "an empty one", w.account(""), "proof-invalid")
	wantUnproven(t, "two", w.account(good(), good()), "proof-invalid")
	wantUnproven(t, "two in one line", w.account(good()+", "+good()), "proof-invalid")
	wantUnproven(t, "a giant", w.account(strings.Repeat("A", 100_000)), "proof-invalid")
}

func TestAProofIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	used := p.proof(http.MethodGet, "/phone/account")
	if a := w.account(used); a.Status != http.StatusOK {
		t.Fatalf("the first time: %d %s", a.Status, a.Body)
	}
	wantUnproven(t, "the second time", w.account(used), "proof-invalid")
	// The same jti in another signature is the same proof.
	claims := p.dpopClaims(http.MethodGet, "/phone/account")
	for i, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		jws := forge(t, p.key, map[string]any{"typ": proof.DPoPType}, claims)
		if a := w.account(jws); a.Status != want {
			t.Errorf("use %d of a jti: %d %s", i+1, a.Status, a.Body)
		}
	}
}

func TestAProofIsNotReplayableForAsLongAsItIsFresh(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		nonce := w.account().Header.Get("DPoP-Nonce")
		now := time.Now()
		early := p.dpopClaims(http.MethodGet, "/phone/account")
		early["iat"] = now.Add(59 * time.Second).Unix()
		withNonce := p.dpopClaims(http.MethodGet, "/phone/account")
		withNonce["nonce"] = nonce
		for _, claims := range []map[string]any{early, withNonce} {
			if a := w.account(forge(t, p.key, map[string]any{"typ": proof.DPoPType}, claims)); a.Status != http.StatusOK {
				t.Fatalf("the first time: %d %s", a.Status, a.Body)
			}
		}
		for time.Since(now) < 10*time.Minute {
			time.Sleep(time.Second)
			for name, claims := range map[string]map[string]any{"early": early, "with a nonce": withNonce} {
				if a := w.account(forge(t, p.key, map[string]any{"typ": proof.DPoPType}, claims)); a.Status == http.StatusOK {
					t.Fatalf("%s: replayed after %s", name, time.Since(now))
				}
			}
			time.Sleep(6 * time.Second)
		}
	})
}

func TestAPhoneWhoseClockIsWrongUsesTheNonce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	for _, wrong := range []time.Duration{-2 * time.Minute, 2 * time.Minute, -30 * 365 * 24 * time.Hour} {
		sign := func(nonce string) string {
			jws, err := proof.SignDPoP(p.key, http.MethodGet, w.issuer+"/phone/account", nonce, time.Now().Add(wrong))
			if err != nil {
				t.Fatal(err)
			}
			return jws
		}
		a := w.account(sign(""))
		wantUnproven(t, "wrong by "+wrong.String(), a, "proof-nonce")
		if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="use_dpop_nonce"`) {
			t.Errorf("WWW-Authenticate: %s", got)
		}
		if a = w.account(sign(a.Header.Get("DPoP-Nonce"))); a.Status != http.StatusOK {
			t.Errorf("wrong by %s, with the nonce: %d %s", wrong, a.Status, a.Body)
		}
	}
}

func TestANonceGrowsOld(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		nonce := w.account().Header.Get("DPoP-Nonce")
		with := func(nonce string) answer {
			jws, err := proof.SignDPoP(p.key, http.MethodGet, w.issuer+"/phone/account", nonce, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return w.account(jws)
		}
		time.Sleep(5 * time.Minute)
		if a := with(nonce); a.Status != http.StatusOK {
			t.Errorf("after 5 minutes: %d %s", a.Status, a.Body)
		}
		time.Sleep(time.Minute)
		wantUnproven(t, "after 6 minutes", with(nonce), "proof-nonce")
		for _, invented := range []string{"x", nonce + "A", nonce[:len(nonce)-1], strings.Repeat("A", 32)} {
			wantUnproven(t, "invented", with(invented), "proof-nonce")
		}
	})
}

func TestAProofIsForOneMethodAndOneURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	for _, c := range []struct{ what, method, url string }{
		{"another method", http.MethodPost, w.issuer + "/phone/account"},
		{"another path", http.MethodGet, w.issuer + "/phone/devices"},
		{"another host", http.MethodGet, "https://evil.example/phone/account"},
		{"another scheme", http.MethodGet, strings.Replace(w.issuer, "http:", "https:", 1) + "/phone/account"},
		{"another port", http.MethodGet, "http://localhost:1/phone/account"},
		{"no host", http.MethodGet, "/phone/account"},
	} {
		jws, err := proof.SignDPoP(p.key, c.method, c.url, "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		wantUnproven(t, c.what, w.account(jws), "proof-invalid")
	}
}

// The Host header is the sender's own word, so that a proof made for another host must not pass with it.
func TestAForgedHostDoesNotMakeAProofGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	jws, err := proof.SignDPoP(p.key, http.MethodGet, "http://evil.example/phone/account", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := w.request(http.MethodGet, "/phone/account", nil)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("DPoP", jws)
	wantUnproven(t, "a forged Host", w.do(r), "proof-invalid")
}

func TestAProofIsES256ByAP256KeyAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	claims := func() map[string]any { return p.dpopClaims(http.MethodGet, "/phone/account") }
	dpop := func(more map[string]any) map[string]any {
		header := map[string]any{"typ": proof.DPoPType}
		for k, v := range more {
			header[k] = v
		}
		return header
	}
	private := publicJWK(t, p.key)
	secret, err := p.key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	private["d"] = encode64(secret)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hs256 := unsigned(t, p.key, dpop(map[string]any{"alg": "HS256"}), claims())
	mac := hmac.New(sha256.New, []byte(encodeJSON(t, publicJWK(t, p.key))))
	mac.Write([]byte(hs256))

	for what, jws := range map[string]string{
		"alg none":                     unsigned(t, p.key, dpop(map[string]any{"alg": "none"}), claims()) + ".",
		"alg None":                     unsigned(t, p.key, dpop(map[string]any{"alg": "None"}), claims()) + ".",
		"alg HS256, signed by the JWK": hs256 + "." + encode64(mac.Sum(nil)),
		"alg RS256":                    forge(t, p.key, dpop(map[string]any{"alg": "RS256"}), claims()),
		"alg ES384 by a P-384 key":     forge(t, p384, dpop(map[string]any{"alg": "ES384"}), claims()),
		"alg ES256 by a P-384 key":     forge(t, p384, dpop(nil), claims()),
		"no alg":                       forge(t, p.key, dpop(map[string]any{"alg": nil}), claims()),
		"a private key in the jwk":     forge(t, p.key, dpop(map[string]any{"jwk": private}), claims()),
		"no jwk":                       forge(t, p.key, dpop(map[string]any{"jwk": nil}), claims()),
		"a symmetric jwk":              forge(t, p.key, dpop(map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AAAA"}}), claims()),
		"another's jwk":                forge(t, p.key, dpop(map[string]any{"jwk": publicJWK(t, w.rawPhone().key)}), claims()),
		"no signature":                 unsigned(t, p.key, dpop(nil), claims()) + ".",
		"another typ":                  forge(t, p.key, map[string]any{"typ": "JWT"}, claims()),
		"no typ":                       forge(t, p.key, nil, claims()),
		"a critical header":            forge(t, p.key, dpop(map[string]any{"crit": []string{"x"}, "x": 1}), claims()),
	} {
		wantUnproven(t, what, w.account(jws), "proof-invalid")
	}
}

func TestADecisionIsNoProofAndAProofIsNoDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	claim := p.claim(started)

	wantUnproven(t, "a decision as a proof", w.account(p.signed(claim, proof.Approve)), "proof-invalid")
	// Even one that has a proof's claims beside its own: typ keeps them apart (RFC 8725 §3.11).
	both := p.dpopClaims(http.MethodGet, "/phone/account")
	for name, v := range map[string]any{"aud": w.issuer, "challenge": claim.ChallengeId, "decision": "approve", "consent": claim.Consent} {
		both[name] = v
	}
	wantUnproven(t, "a decision with a proof's claims", w.account(forge(t, p.key, map[string]any{"typ": proof.DecisionType}, both)), "proof-invalid")
	a := w.sendDecision(forge(t, p.key, map[string]any{"typ": proof.DPoPType}, both))
	a.wants(t, "a proof with a decision's claims", http.StatusUnauthorized, "proof-invalid")
	w.wantState(started, api.ChallengeStateClaimed)
}

package clientkeys

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qrlogin/provider/internal/identity"
)

func TestEachAlgorithmIsVerified(t *testing.T) {
	ps := rsa2048
	ps.alg = "PS256"
	seen := map[string]bool{}
	for _, s := range []signer{p256, p384, rsa2048, ps, ed} {
		accepted(t, verifier().Verify(t.Context(), shop(s.jwk()), s.assert(good()), audiences, now))
		seen[s.alg] = true
	}
	for _, alg := range Algorithms {
		if !seen[alg] {
			t.Errorf("%s was not tried", alg)
		}
	}
}

func TestAnAssertionIsAcceptedOnlyAsTheRFCSays(t *testing.T) {
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		good   bool
	}{
		{"as it should be", with("x", "y"), true},
		{"for the token endpoint", with("aud", endpoint), true},
		{"for both", with("aud", []string{issuer, endpoint}), true},
		{"for another server", with("aud", "https://other.example"), false},
		{"for another server too", with("aud", []string{issuer, "https://other.example"}), false},
		{"for nobody", with("aud", []string{}), false},
		{"without aud", without("aud"), false},
		{"for almost us", with("aud", issuer+"/"), false},
		{"aud is no text", with("aud", 1), false},

		{"of another issuer", with("iss", "other"), false},
		{"of another subject", with("sub", "other"), false},
		{"without iss", without("iss"), false},
		{"without sub", without("sub"), false},

		{"expires in a second", with("exp", at(time.Second)), true},
		{"expired within the skew", with("exp", at(-59*time.Second)), true},
		{"expired", with("exp", at(-time.Minute)), false},
		{"good for an hour, by a clock ahead", with("exp", at(61*time.Minute)), true},
		{"good for longer", with("exp", at(61*time.Minute+time.Second)), false},
		{"good for ever", with("exp", 1e300), false},
		{"without exp", without("exp"), false},
		{"exp is text", with("exp", "x"), false},
		{"exp is null", with("exp", nil), false},

		{"without iat", without("iat"), true},
		{"made long ago", with("iat", at(-24*time.Hour)), true},
		{"made in the future, within the skew", with("iat", at(time.Minute)), true},
		{"made in the future", with("iat", at(61*time.Second)), false},
		{"good by now", with("nbf", at(0)), true},
		{"good in the future, within the skew", with("nbf", at(time.Minute)), true},
		{"good in the future", with("nbf", at(61*time.Second)), false},

		{"a long jti", with("jti", strings.Repeat("x", 256)), true},
		{"a longer jti", with("jti", strings.Repeat("x", 257)), false},
		{"an empty jti", with("jti", ""), false},
		{"without jti", without("jti"), false},
		{"jti is no text", with("jti", 7), false},

		{"too long", with("x", strings.Repeat("x", maxAssertion)), false},
	} {
		claims := good()
		c.change(claims)
		err := verifier().Verify(t.Context(), shop(p256.jwk()), p256.assert(claims), audiences, now)
		if (err == nil) != c.good || err != nil && !errors.Is(err, ErrAssertion) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTheKeyMustFit(t *testing.T) {
	none := func(id string) string { return jwtOf(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, id) }
	kid := func(v any) func(map[string]any) { return with("kid", v) }
	// The public key as the secret of an HMAC: what a verifier that believes the header would accept.
	hs := jwtOf(jwt.SigningMethodHS256, setOf(p256.jwk()), "p256")
	for _, c := range []struct {
		name      string
		client    identity.Client
		assertion string
		good      bool
	}{
		{"the one that kid names", shop(p256b.jwk(), p256.jwk()), p256.assert(good()), true},
		{"any, where there is no kid", shop(p256b.jwk(), rsa2048.jwk(), p256.jwk()), p256.assert(good(), without("kid")), true},
		{"one of two with this kid", shop(p256b.jwk(with("kid", "p256")), p256.jwk()), p256.assert(good()), true},
		{"its algorithm said", shop(p256.jwk(with("alg", "ES256"))), p256.assert(good()), true},
		{"the use not said", shop(p256.jwk(without("use"))), p256.assert(good()), true},
		{"a kid, and other headers", shop(p256.jwk()), p256.assert(good(), with("typ", "client-authentication+jwt")), true},

		{"another than kid names", shop(p256b.jwk(), p256.jwk()), p256.assert(good(), kid("p256b")), false},
		{"a kid that nobody has", shop(p256.jwk()), p256.assert(good(), kid("x")), false},
		{"a kid where the key has none", shop(p256.jwk(without("kid"))), p256.assert(good()), false},
		{"a kid that is no text", shop(p256.jwk()), p256.assert(good(), kid(7)), false},
		{"another key", shop(p256b.jwk(with("kid", "p256"))), p256.assert(good()), false},
		{"none of these, where there is no kid", shop(p256b.jwk()), p256.assert(good(), without("kid")), false},
		{"one for encryption", shop(p256.jwk(with("use", "enc")), p256b.jwk()), p256.assert(good()), false},
		{"one for another algorithm", shop(rsa2048.jwk(with("alg", "PS256"))), rsa2048.assert(good()), false},
		{"an extension", shop(p256.jwk()), p256.assert(good(), with("crit", []string{"x"})), false},
		{"a key that the header brings along", shop(p256b.jwk()), p256.assert(good(), with("jwk", p256.jwk()), without("kid")), false},
		{"an algorithm that is not taken", shop(rsa2048.jwk()), signer{"rsa", "RS512", rsa2048.private}.assert(good()), false},
		{"a curve that is not taken", shop(p256.jwk(), p521.jwk()), p521.assert(good()), false},
		{"a weak key", shop(p256.jwk(), rsa1024.jwk()), rsa1024.assert(good()), false},
		{"none", shop(p256.jwk()), none("p256"), false},
		{"none, and no kid", shop(p256.jwk()), none(""), false},
		{"a public key as a secret", shop(p256.jwk()), hs, false},
		{"no keys at all", identity.Client{ID: "shop"}, p256.assert(good()), false},
		{"a secret in their place", identity.Client{ID: "shop", SecretHash: identity.HashSecret("x")}, p256.assert(good()), false},
	} {
		err := verifier().Verify(t.Context(), c.client, c.assertion, audiences, now)
		if (err == nil) != c.good || err != nil && !errors.Is(err, ErrAssertion) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func jwtOf(method jwt.SigningMethod, key any, id string) string {
	t := jwt.NewWithClaims(method, jwt.MapClaims(good()))
	if id != "" {
		t.Header["kid"] = id
	}
	return must(t.SignedString(key))
}

func TestAChangedAssertionIsRefused(t *testing.T) {
	whole := p256.assert(good())
	header, rest, _ := strings.Cut(whole, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	_, rest, _ = strings.Cut(p256.assert(good()), ".")
	otherClaims, _, _ := strings.Cut(rest, ".")
	for name, a := range map[string]string{
		"empty": "", "one part": header, "two parts": header + "." + claims, "no signature": header + "." + claims + ".",
		"four parts": whole + ".x", "other claims": header + "." + otherClaims + "." + signature, "a shorter signature": whole[:len(whole)-4],
		"padding": whole + "=", "a space": whole + " ", "no base64": "!." + claims + "." + signature, "no JSON": "eA." + claims + "." + signature,
	} {
		refused(t, name, verifier().Verify(t.Context(), shop(p256.jwk()), a, audiences, now))
	}
}

func TestAnAssertionIsUsedOnce(t *testing.T) {
	v, a := verifier(), p256.assert(good())
	var passed atomic.Int32
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			switch err := v.Verify(t.Context(), shop(p256.jwk()), a, audiences, now); {
			case err == nil:
				passed.Add(1)
			case !errors.Is(err, ErrAssertion):
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := passed.Load(); n != 1 {
		t.Errorf("%d of 64 passed", n)
	}
}

func TestAnotherClientMayUseTheSameJTI(t *testing.T) {
	v, mine := verifier(), good()
	accepted(t, v.Verify(t.Context(), shop(p256.jwk()), p256.assert(mine), audiences, now))
	mine["iss"], mine["sub"] = "other", "other"
	accepted(t, v.Verify(t.Context(), identity.Client{ID: "other", JWKS: setOf(p256.jwk())}, p256.assert(mine), audiences, now))
}

// Nobody who cannot sign uses up a client's jti.
func TestARefusedAssertionDoesNotUseItsJTIUp(t *testing.T) {
	v, claims := verifier(), good()
	forged := p256b.assert(claims, with("kid", "p256"))
	refused(t, "a forged one", v.Verify(t.Context(), shop(p256.jwk()), forged, audiences, now))
	refused(t, "one for another server", v.Verify(t.Context(), shop(p256.jwk()), p256.assert(claims), []string{"https://other.example"}, now))
	accepted(t, v.Verify(t.Context(), shop(p256.jwk()), p256.assert(claims), audiences, now))
}

func TestTheGuardHoldsAsLongAsAnyNodeMightAccept(t *testing.T) {
	g := new(guard)
	v := &Verifier{First: g.first}
	for _, left := range []time.Duration{-59 * time.Second, time.Second, 61 * time.Minute} {
		claims := good()
		claims["exp"] = now.Add(left).Unix()
		accepted(t, v.Verify(t.Context(), shop(p256.jwk()), p256.assert(claims), audiences, now))
		if ttl := time.Duration(g.ttl.Load()); ttl < left+2*skew {
			t.Errorf("%v before it expires it is remembered for %v", left, ttl)
		}
	}
}

func TestAStoreThatIsDownIsTheServersOwnError(t *testing.T) {
	down := errors.New("the store is down")
	v := &Verifier{First: func(context.Context, string, time.Duration) (bool, error) { return true, down }}
	if err := v.Verify(t.Context(), shop(p256.jwk()), p256.assert(good()), audiences, now); err != down {
		t.Error(err)
	}
}

func TestTheClientIsReadFromTheAssertion(t *testing.T) {
	if id, err := ClientID(p256.assert(good())); id != "shop" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	for name, change := range map[string]func(map[string]any){
		"two clients": with("sub", "other"), "no sub": without("sub"), "no iss": without("iss"), "iss is no text": with("iss", 1),
		"neither": func(m map[string]any) { delete(m, "iss"); delete(m, "sub") }, "too long": with("x", strings.Repeat("x", maxAssertion)),
	} {
		claims := good()
		change(claims)
		id, err := ClientID(p256.assert(claims))
		if id != "" {
			t.Errorf("%s: %q", name, id)
		}
		refused(t, name, err)
	}
	for _, a := range []string{"", ".", "..", "a.b.c", "e30.e30.", "bnVsbA.bnVsbA.bnVsbA"} {
		if id, err := ClientID(a); id != "" || !errors.Is(err, ErrAssertion) {
			t.Errorf("%q: %q, %v", a, id, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	seeds := []string{
		p256.assert(good()), p256.assert(good(), without("kid")), p256b.assert(good()), rsa2048.assert(good()), ed.assert(good()), p384.assert(good()),
		p256.assert(map[string]any{"iss": "shop", "sub": "shop", "aud": []string{issuer}, "exp": 1e300, "jti": "x"}),
		jwtOf(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, ""), jwtOf(jwt.SigningMethodHS256, []byte("x"), "p256"),
		"", "..", "e30.e30.e30", "bnVsbA.bnVsbA.bnVsbA", "eyJhbGciOiJFUzI1NiJ9.e30.",
	}
	for _, s := range seeds {
		f.Add(s)
	}
	client := shop(p256.jwk(), rsa2048.jwk(), ed.jwk())
	f.Fuzz(func(t *testing.T, a string) {
		err := verifier().Verify(t.Context(), client, a, audiences, now)
		id, idErr := ClientID(a)
		if err != nil {
			if !errors.Is(err, ErrAssertion) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
				t.Fatalf("%q: %v", a, err)
			}
			return
		}
		if id != "shop" || idErr != nil {
			t.Fatalf("%q is accepted as the shop's, and reads as %q, %v", a, id, idErr)
		}
		// Nobody can make one up: what is signed is one of those that the client signed.
		signed := a[:strings.LastIndexByte(a, '.')]
		for _, s := range seeds {
			if strings.HasPrefix(s, signed+".") {
				return
			}
		}
		t.Fatalf("%q is accepted", a)
	})
}

package dpop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/memstore"
)

const (
	issuer = "https://id.example"
	token  = "an access token"
)

func newVerifier(t *testing.T) Verifier {
	t.Helper()
	store := memstore.New()
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return Verifier{Issuer: issuer, Keys: store, NonceKey: []byte("the key of every node")}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed is a proof of POST /token by a fresh key.
func signed(t *testing.T, nonce string, at time.Time) string {
	t.Helper()
	jws, err := proof.SignDPoP(newKey(t), http.MethodPost, issuer+"/token", nonce, at)
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

func signedFor(t *testing.T, accessToken string) string {
	t.Helper()
	jws, err := proof.SignDPoPFor(newKey(t), http.MethodPost, issuer+"/token", "", accessToken, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

func request(method, target string, proofs ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

// isProof tells a proof that is wrong from one that is not fresh and from an error of the store.
func isProof(err error) bool {
	e, ok := errors.AsType[ErrProof](err)
	return ok && e.Reason != ""
}

func TestAProofIsForTheRequestThatCarriesIt(t *testing.T) {
	v := newVerifier(t)
	good := func() string { return signed(t, "", time.Now()) }
	for what, c := range map[string]struct {
		r    *http.Request
		good bool
	}{
		"a good one":                 {request(http.MethodPost, issuer+"/token", good()), true},
		"a good one with a query":    {request(http.MethodPost, issuer+"/token?a=b", good()), true},
		"a Host of the sender's":     {request(http.MethodPost, "https://evil.example/token", good()), true},
		"none":                       {request(http.MethodPost, issuer+"/token"), false},
		"an empty one":               {request(http.MethodPost, issuer+"/token", ""), false},
		"two":                        {request(http.MethodPost, issuer+"/token", good(), good()), false},
		"another method":             {request(http.MethodGet, issuer+"/token", good()), false},
		"another path":               {request(http.MethodPost, issuer+"/tokens", good()), false},
		"another spelling of a path": {request(http.MethodPost, issuer+"/tok%65n", good()), false},
	} {
		p, err := v.Verify(t.Context(), c.r, "")
		if c.good && (err != nil || p.Key == nil) || !c.good && (!isProof(err) || p != (proof.DPoP{})) {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
}

func TestBesideAnAccessTokenAProofNamesIt(t *testing.T) {
	v := newVerifier(t)
	for what, c := range map[string]struct {
		jws, beside string
		good        bool
	}{
		"the token":                     {signedFor(t, token), token, true},
		"another token":                 {signedFor(t, "another"), token, false},
		"no ath":                        {signed(t, "", time.Now()), token, false},
		"an ath where no token is":      {signedFor(t, token), "", true},
		"the token itself for its hash": {signedFor(t, proof.AccessTokenHash(token)), token, false},
	} {
		_, err := v.Verify(t.Context(), request(http.MethodPost, issuer+"/token", c.jws), c.beside)
		if c.good && err != nil || !c.good && !isProof(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOfManyUsesOfAProofAtOnceOneCounts(t *testing.T) {
	v, jws := newVerifier(t), signed(t, "", time.Now())
	errs := make([]error, 64)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = v.Verify(t.Context(), request(http.MethodPost, issuer+"/token", jws), "") })
	}
	all.Wait()
	good := 0
	for _, err := range errs {
		if err == nil {
			good++
		} else if !errors.Is(err, ErrUsed) || !isProof(err) {
			t.Error(err)
		}
	}
	if good != 1 {
		t.Errorf("%d of %d counted", good, len(errs))
	}
}

// A proof that is refused is not used up: the same one is good where it belongs.
func TestAProofThatIsRefusedIsNotUsed(t *testing.T) {
	v, jws := newVerifier(t), signedFor(t, token)
	for what, refused := range map[string]*http.Request{
		"another method": request(http.MethodGet, issuer+"/token", jws),
		"another path":   request(http.MethodPost, issuer+"/par", jws),
	} {
		if _, err := v.Verify(t.Context(), refused, token); !isProof(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := v.Verify(t.Context(), request(http.MethodPost, issuer+"/token", jws), "another"); !isProof(err) {
		t.Errorf("another token: %v", err)
	}
	if _, err := v.Verify(t.Context(), request(http.MethodPost, issuer+"/token", jws), token); err != nil {
		t.Errorf("where it belongs: %v", err)
	}
}

func TestAProofIsFreshForAMinuteAroundItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t)
		for age, fresh := range map[time.Duration]bool{
			0: true, time.Minute: true, -time.Minute: true, 61 * time.Second: false, -61 * time.Second: false, time.Hour: false,
		} {
			_, err := v.Verify(t.Context(), request(http.MethodPost, issuer+"/token", signed(t, "", time.Now().Add(-age))), "")
			if fresh && err != nil || !fresh && !errors.Is(err, ErrNonce) {
				t.Errorf("%v old: %v", age, err)
			}
		}
	})
}

// With a nonce the sender's clock does not matter, and a proof is good for five minutes and remembered for as long.
func TestANonceStandsForTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t)
		other := v
		other.NonceKey = []byte("another provider's")
		nonce, began := v.Nonce(time.Now()), time.Now()
		try := func(jws string) error {
			_, err := v.Verify(t.Context(), request(http.MethodPost, issuer+"/token", jws), "")
			return err
		}
		for _, invented := range []string{"x", nonce[1:], nonce + "A", other.Nonce(time.Now())} {
			if err := try(signed(t, invented, time.Now())); !errors.Is(err, ErrNonce) {
				t.Errorf("the nonce %q: %v", invented, err)
			}
		}
		used := signed(t, nonce, time.Unix(0, 0))
		if err := try(used); err != nil {
			t.Fatal(err)
		}
		for ; time.Since(began) < 10*time.Minute; time.Sleep(10 * time.Second) {
			if err := try(used); err == nil {
				t.Fatalf("taken again after %v", time.Since(began))
			}
			err := try(signed(t, nonce, time.Now().Add(time.Hour)))
			if age := time.Since(began); age <= nonceLife && err != nil || age >= nonceLife+nonceStep && !errors.Is(err, ErrNonce) {
				t.Fatalf("the nonce after %v: %v", age, err)
			}
		}
	})
}

// What is counted beside a proof is counted once for it: who sends a proof again uses nothing up.
func TestWhatIsCountedBesideAProofIsNotCountedWithAUsedOne(t *testing.T) {
	v, r := newVerifier(t), request(http.MethodPost, issuer+"/token", signed(t, "", time.Now()))
	_, use, err := v.Judge(r, "")
	if err != nil {
		t.Fatal(err)
	}
	scan := challenge.Tally{Key: "scans", Limit: challenge.Limit{Max: 9, Window: time.Minute}}
	if counts, err := v.Use(t.Context(), use, scan); err != nil || len(counts) != 1 || counts[0].N != 1 {
		t.Fatalf("%+v, %v", counts, err)
	}
	for range 3 {
		if counts, err := v.Use(t.Context(), use, scan); !errors.Is(err, ErrUsed) {
			t.Fatalf("%+v, %v", counts, err)
		}
	}
	if _, err := v.Verify(t.Context(), r, ""); !errors.Is(err, ErrUsed) {
		t.Errorf("the same proof, verified: %v", err)
	}
	if c, err := v.Keys.Count(t.Context(), scan.Key, scan.Limit); err != nil || c.N != 2 {
		t.Errorf("the next is number %d, %v", c.N, err)
	}
}

// A store that cannot say whether a proof was used lets none through, and the fault is not the sender's.
func TestWithoutAMemoryNoProofIsTaken(t *testing.T) {
	v := newVerifier(t)
	v.Keys = broken{}
	_, err := v.Verify(t.Context(), request(http.MethodPost, issuer+"/token", signed(t, "", time.Now())), "")
	if err == nil || isProof(err) || errors.Is(err, ErrNonce) {
		t.Errorf("got %v", err)
	}
}

type broken struct{ challenge.Keys }

func (broken) CountAll(context.Context, []challenge.Tally) ([]challenge.Count, error) {
	return nil, errors.New("connection refused")
}

package clientkeys

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qrlogin/provider/internal/identity"
)

// publishing is a client with a jwks_uri, and what it publishes there.
func publishing(keys ...map[string]any) (*site, *Verifier, func(t *testing.T, s signer, after time.Duration) error) {
	s := &site{body: setOf(keys...)}
	v := &Verifier{Fetch: s, First: new(guard).first}
	client := identity.Client{ID: "shop", JWKSURI: uri}
	return s, v, func(t *testing.T, by signer, after time.Duration) error {
		claims := good()
		claims["exp"] = now.Add(after + 5*time.Minute).Unix()
		return v.Verify(t.Context(), client, by.assert(claims), audiences, now.Add(after))
	}
}

func TestPublishedKeysAreFetchedOnceInFiveMinutes(t *testing.T) {
	s, _, verify := publishing(p256.jwk())
	for _, after := range []time.Duration{0, 0, time.Minute, 4*time.Minute + 59*time.Second} {
		accepted(t, verify(t, p256, after))
	}
	s.fetched(t, 1)
	accepted(t, verify(t, p256, 5*time.Minute))
	s.fetched(t, 2)
}

func TestANewKeyIsFoundAtOnce(t *testing.T) {
	s, _, verify := publishing(p256.jwk())
	accepted(t, verify(t, p256, 0))
	s.publish(setOf(p256.jwk(), p256b.jwk()), nil)
	accepted(t, verify(t, p256b, 2*time.Minute))
	s.fetched(t, 2)
}

func TestAKeyThatIsGoneIsRefusedAfterFiveMinutes(t *testing.T) {
	s, _, verify := publishing(p256.jwk())
	accepted(t, verify(t, p256, 0))
	s.publish(setOf(p256b.jwk()), nil)
	refused(t, "the old key", verify(t, p256, 5*time.Minute))
}

// Anybody can write assertions with kids that nobody has.
func TestUnknownKeysCallOnASiteOnceAMinute(t *testing.T) {
	s, _, verify := publishing(p256.jwk())
	for i := range 50 {
		refused(t, "an unknown key", verify(t, p256b, time.Duration(i)*time.Second))
	}
	s.fetched(t, 1)
	refused(t, "an unknown key", verify(t, p256b, time.Minute))
	s.fetched(t, 2)
}

func TestASiteThatIsDownIsCalledOnceAMinute(t *testing.T) {
	s, _, verify := publishing(p256.jwk())
	down := errors.New("connection refused")
	s.publish(nil, down)
	for i := range 50 {
		if err := verify(t, p256, time.Duration(i)*time.Second); !errors.Is(err, ErrAssertion) || !errors.Is(err, down) {
			t.Error(err)
		}
	}
	s.fetched(t, 1)
	s.publish(setOf(p256.jwk()), nil)
	accepted(t, verify(t, p256, time.Minute))
}

func TestTheOldKeysAreKeptForAnHourWhileTheirSiteIsDown(t *testing.T) {
	for name, answer := range map[string]struct {
		body []byte
		err  error
	}{
		"down": {nil, errors.New("connection refused")}, "nonsense": {[]byte("<html>"), nil}, "no keys": {setOf(), nil},
		"given away": {setOf(p256.jwk(with("d", "x"))), nil},
	} {
		s, _, verify := publishing(p256.jwk())
		accepted(t, verify(t, p256, 0))
		s.publish(answer.body, answer.err)
		accepted(t, verify(t, p256, 5*time.Minute))
		accepted(t, verify(t, p256, 59*time.Minute))
		refused(t, name, verify(t, p256, time.Hour))
		s.publish(setOf(p256.jwk()), nil)
		accepted(t, verify(t, p256, time.Hour+time.Minute))
	}
}

func TestManyAtOnceFetchOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, verify := publishing(p256.jwk())
		s.hang = map[string]time.Duration{uri: 3 * time.Second}
		for range 64 {
			go func() { accepted(t, verify(t, p256, 0)) }()
		}
		time.Sleep(4 * time.Second)
		s.fetched(t, 1)
	})
}

func TestASlowSiteHoldsNobodyElseUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v, verify := publishing(p256.jwk())
		s.hang = map[string]time.Duration{"https://slow.example/jwks": 5 * time.Second}
		slow := identity.Client{ID: "shop", JWKSURI: "https://slow.example/jwks"}
		go func() { accepted(t, v.Verify(t.Context(), slow, p256.assert(good()), audiences, now)) }()
		synctest.Wait()
		start := time.Now()
		accepted(t, verify(t, p256, 0))
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
		time.Sleep(6 * time.Second)
	})
}

func TestACallerThatGoesAwayLeavesTheOthersTheirKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v, verify := publishing(p256.jwk())
		s.hang = map[string]time.Duration{uri: 3 * time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			err := v.Verify(ctx, identity.Client{ID: "shop", JWKSURI: uri}, p256.assert(good()), audiences, now)
			if !errors.Is(err, context.Canceled) || errors.Is(err, ErrAssertion) {
				t.Error(err)
			}
		}()
		synctest.Wait()
		go func() { accepted(t, verify(t, p256, 0)) }()
		synctest.Wait()
		cancel()
		time.Sleep(4 * time.Second)
		s.fetched(t, 1)
	})
}

func TestTheSetsThatAreKeptAreBounded(t *testing.T) {
	_, v, _ := publishing(p256.jwk())
	for i := range maxSets + 50 {
		if _, err := v.published(t.Context(), fmt.Sprintf("https://%d.example/jwks", i), false, now); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.sets) != maxSets {
		t.Errorf("%d sets are kept", len(v.sets))
	}
}

func TestAnAlgorithmThatIsNotTakenCallsOnNoSite(t *testing.T) {
	s, v, verify := publishing(p256.jwk())
	accepted(t, verify(t, p256, 0))
	client := identity.Client{ID: "shop", JWKSURI: uri}
	for _, a := range []string{jwtOf(jwt.SigningMethodHS256, []byte("x"), ""), jwtOf(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "x")} {
		refused(t, a, v.Verify(t.Context(), client, a, audiences, now.Add(2*time.Minute)))
	}
	s.fetched(t, 1)
}

package clientkeys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"qrlogin/provider/internal/identity"
)

// The bounds of an assertion.
const (
	maxAssertion = 8 << 10     // bytes
	maxID        = 256         // bytes of a jti, which is remembered
	maxLife      = time.Hour   // what libraries write; an assertion counts once, however long it is good
	skew         = time.Minute // by which a site's clock may differ from ours, and ours from another node's
)

// ErrAssertion is the kind of every refusal of an assertion. The reason that it comes with is for the log: a client that is
// told why has been told what to try next, and what lies behind its jwks_uri.
var ErrAssertion = errors.New("clientkeys: the client assertion is refused")

func refuse(reason string, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAssertion, reason, err)
	}
	return fmt.Errorf("%w: %s", ErrAssertion, reason)
}

// Verifier verifies client assertions.
type Verifier struct {
	Fetch Fetcher
	First func(ctx context.Context, key string, ttl time.Duration) (bool, error) // the replay guard that all nodes share

	mu      sync.Mutex
	sets    map[string]published // by jwks_uri
	flights singleflight.Group   // the same
}

// parser leaves the claims to this package, which has the time.
var parser = jwt.NewParser(jwt.WithValidMethods(Algorithms), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())

// ClientID reads whose assertion it says it is. It verifies nothing: it is for finding the client to verify it with.
func ClientID(assertion string) (string, error) {
	if len(assertion) > maxAssertion {
		return "", refuse("it is too long", nil)
	}
	var claims jwt.RegisteredClaims
	if _, _, err := parser.ParseUnverified(assertion, &claims); err != nil {
		return "", refuse("it cannot be read", err)
	}
	if claims.Issuer == "" || claims.Issuer != claims.Subject {
		return "", refuse("iss and sub are not one client", nil)
	}
	return claims.Issuer, nil
}

// Verify accepts an assertion of this client for one of the audiences, once (RFC 7523 §3, OIDC Core §9). A refusal is an
// [ErrAssertion]; any other error is the server's own.
func (v *Verifier) Verify(ctx context.Context, client identity.Client, assertion string, audiences []string, now time.Time) error {
	if len(assertion) > maxAssertion {
		return refuse("it is too long", nil)
	}
	keys, err := v.keys(ctx, client, false, now)
	if err != nil {
		return err
	}
	claims, err := read(assertion, keys)
	if errors.Is(err, errNoKey) && client.JWKSURI != "" { // a new key, perhaps
		if keys, err = v.keys(ctx, client, true, now); err != nil {
			return err
		}
		claims, err = read(assertion, keys)
	}
	if err != nil {
		return refuse("it cannot be verified", err)
	}
	if reason := judge(claims, client.ID, audiences, now); reason != "" {
		return refuse(reason, nil)
	}
	// RFC 7523 §3: used once, as long as any node might still accept it. A client's id has no spaces.
	first, err := v.First(ctx, "assertion "+client.ID+" "+claims.ID, claims.ExpiresAt.Sub(now)+2*skew)
	if err != nil {
		return err
	}
	if !first {
		return refuse("its jti has been used", nil)
	}
	return nil
}

// keys is the client's keys, registered or published.
func (v *Verifier) keys(ctx context.Context, client identity.Client, anew bool, now time.Time) ([]key, error) {
	switch {
	case client.JWKSURI != "":
		return v.published(ctx, client.JWKSURI, anew, now)
	case len(client.JWKS) > 0:
		keys, err := parseJWKS(client.JWKS)
		if err != nil {
			return nil, refuse("its keys cannot be used", err)
		}
		return keys, nil
	default:
		return nil, refuse("the client has no keys", nil)
	}
}

var errNoKey = errors.New("no key of the client's fits")

// read verifies the signature.
func read(assertion string, keys []key) (jwt.RegisteredClaims, error) {
	var claims jwt.RegisteredClaims
	_, err := parser.ParseWithClaims(assertion, &claims, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok { // RFC 7515 §4.1.11: an extension that is not understood is not passed over
			return nil, errors.New("crit names extensions, and none is supported")
		}
		id, isText := t.Header["kid"].(string)
		if _, ok := t.Header["kid"]; ok && !isText {
			return nil, errors.New("kid is no text")
		}
		var set jwt.VerificationKeySet
		for _, k := range keys {
			if k.fits(id, t.Method.Alg()) {
				set.Keys = append(set.Keys, k.public)
			}
		}
		if len(set.Keys) == 0 {
			return nil, errNoKey
		}
		return set, nil
	})
	return claims, err
}

// judge answers what is wrong with the claims, "" for nothing.
func judge(c jwt.RegisteredClaims, client string, audiences []string, now time.Time) string {
	// One that other servers accept too is one that they could present here in the client's name.
	elsewhere := func(aud string) bool { return !slices.Contains(audiences, aud) }
	future := func(d *jwt.NumericDate) bool { return d != nil && d.After(now.Add(skew)) }
	switch {
	case c.Issuer != client || c.Subject != client:
		return "iss and sub are not the client's id"
	case len(c.Audience) == 0 || slices.ContainsFunc(c.Audience, elsewhere):
		return "aud is not this server alone"
	case c.ExpiresAt == nil || !now.Before(c.ExpiresAt.Add(skew)):
		return "it has expired, or says not when"
	case c.ExpiresAt.After(now.Add(maxLife + skew)):
		return "exp is too far ahead"
	case future(c.IssuedAt) || future(c.NotBefore):
		return "it is of the future"
	case c.ID == "" || len(c.ID) > maxID:
		return "jti is missing or too long"
	}
	return ""
}

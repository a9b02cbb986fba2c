package clientkeys

import (
	"context"
	"time"

	"qrlogin/provider/internal/fetch"
)

// How long a published set is believed, and how often it is asked for. Anybody can write an assertion with an unknown kid, so
// that must not become a way to make the provider call on a site.
const (
	believed = 5 * time.Minute
	kept     = time.Hour   // while it cannot be fetched again
	patience = time.Minute // between two fetches of a set, whatever comes
	maxSets  = 1000
)

// Fetcher is the part of [fetch.Client] that is needed here.
type Fetcher interface {
	Get(ctx context.Context, target string, accept ...string) (fetch.Document, error)
}

// published is the keys at one jwks_uri.
type published struct {
	keys    []key     // as of the last fetch that succeeded
	fetched time.Time // when that was
	tried   time.Time // when a fetch last began
	err     error     // how it ended
}

// published answers the keys at a jwks_uri, fetched anew when they are old or when the caller found none that fits.
func (v *Verifier) published(ctx context.Context, uri string, anew bool, now time.Time) ([]key, error) {
	v.mu.Lock()
	p := v.sets[uri]
	v.mu.Unlock()
	if anew || now.Sub(p.fetched) >= believed {
		// One caller that goes away does not take the fetch from the others; it has an end of its own.
		flight := v.flights.DoChan(uri, func() (any, error) { return v.fetch(context.WithoutCancel(ctx), uri, now), nil })
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case result := <-flight:
			p = result.Val.(published)
		}
	}
	if now.Sub(p.fetched) >= kept {
		return nil, refuse("there are no keys at its jwks_uri", p.err)
	}
	return p.keys, nil
}

// fetch looks again, unless that was done just now. It holds no lock while it waits.
func (v *Verifier) fetch(ctx context.Context, uri string, now time.Time) published {
	v.mu.Lock()
	p := v.sets[uri]
	soon := now.Sub(p.tried) < patience
	v.mu.Unlock()
	if soon {
		return p
	}
	p.tried = now
	var d fetch.Document
	var keys []key
	if d, p.err = v.Fetch.Get(ctx, uri); p.err == nil { // of any media type: sites serve key sets as what they like
		keys, p.err = parseJWKS(d.Body)
	}
	if p.err == nil {
		p.keys, p.fetched = keys, now
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sets == nil {
		v.sets = map[string]published{}
	}
	if _, known := v.sets[uri]; !known && len(v.sets) >= maxSets {
		for other := range v.sets { // whichever: its site costs one more fetch
			delete(v.sets, other)
			break
		}
	}
	v.sets[uri] = p
	return p
}

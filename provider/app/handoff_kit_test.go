package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/redis/go-redis/v9"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/redisstore"
)

// handingOff is a provider on a Redis into which the test looks, a phone, and a page with its key.
type handingOff struct {
	*world
	phone rawPhone
	key   *ecdsa.PrivateKey
	asked api.Handoff
	store *redisstore.Store // begins challenges
	redis *redis.Client
}

// eachRedis runs a test on a miniredis and on a real Redis.
func eachRedis(t *testing.T, test func(h *handingOff), change ...func(*app.Config)) {
	t.Helper()
	urls := storeURLs(t)
	delete(urls, "memory")
	urls["miniredis"] = embeddedRedis(t)
	for name, url := range urls {
		t.Run(name, func(t *testing.T) { test(newHandingOff(t, url, change...)) })
	}
}

func newHandingOff(t testing.TB, url string, change ...func(*app.Config)) *handingOff {
	t.Helper()
	h := &handingOff{world: newWorld(t, append(slices.Clone(change), withStore(url))...)}
	h.phone = h.rawPhone().enrolled(oneNumber)
	var err error
	if h.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	raw, err := jose.JSONWebKey{Key: &h.key.PublicKey}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	h.asked = api.Handoff{Type: api.HandoffTypeHandoff, Kind: "bookmarks", MediaTypes: &[]string{"text/html"}}
	if err := json.Unmarshal(raw, &h.asked.Jwk); err != nil {
		t.Fatal(err)
	}
	if h.store, err = redisstore.New(t.Context(), url, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	h.redis = redis.NewClient(options)
	t.Cleanup(func() { _ = h.store.Close(); _ = h.redis.Close() })
	return h
}

// begin is a challenge of the shop that asks for a handoff.
func (h *handingOff) begin(p challenge.Policy) api.DeviceAuthorization {
	h.t.Helper()
	raw, err := json.Marshal(h.asked)
	if err != nil {
		h.t.Fatal(err)
	}
	draft, deviceCode, watch := challenge.NewDraft("shop", p, challenge.Request{Scopes: []string{"openid"}, Details: raw})
	if _, err := h.store.Create(h.t.Context(), draft); err != nil {
		h.t.Fatal(err)
	}
	return api.DeviceAuthorization{ChallengeId: draft.ID().String(), DeviceCode: deviceCode.String(), Watch: watch.String(), UserCode: draft.UserCode()}
}

// encrypt is what a phone sends.
func (h *handingOff) encrypt(mediaType string, plain []byte) string {
	h.t.Helper()
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: &h.key.PublicKey},
		(&jose.EncrypterOptions{}).WithContentType(jose.ContentType(mediaType)))
	if err != nil {
		h.t.Fatal(err)
	}
	jwe, err := encrypter.Encrypt(plain)
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := jwe.CompactSerialize()
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// sealed is the request that sends a handoff.
func (p rawPhone) sealed(challengeID, jwe string) *http.Request {
	p.w.t.Helper()
	path := "/phone/scans/" + challengeID + "/handoff"
	r := p.w.request(http.MethodPut, path, strings.NewReader(jwe))
	r.Header.Set("Content-Type", "application/jose")
	r.Header.Set("DPoP", p.proof(http.MethodPut, path))
	return r
}

// sent has the phone claim and send, which must be taken.
func (h *handingOff) sent(started api.DeviceAuthorization, jwe string) api.Claim {
	h.t.Helper()
	claim := h.phone.claim(started)
	h.do(h.phone.sealed(started.ChallengeId, jwe)).wants(h.t, "send", http.StatusNoContent, "")
	return claim
}

// approval is the phone's, of what has this digest; "" for none.
func (h *handingOff) approval(claim api.Claim, digest string) string {
	h.t.Helper()
	return h.phone.states(proof.Statement{
		Audience: h.issuer, Challenge: claim.ChallengeId, Verdict: proof.Approve, Consent: decode64(h.t, claim.Consent), Handoff: digest,
	})
}

// redeemed has a handoff sent, approved and redeemed.
func (h *handingOff) redeemed(started api.DeviceAuthorization, jwe string) {
	h.t.Helper()
	h.sendDecision(h.approval(h.sent(started, jwe), proof.Digest([]byte(jwe)))).wants(h.t, "approve", http.StatusOK, "")
	h.poll(started, "").wants(h.t, "redeem", http.StatusOK, "")
}

// fetch is the page's request, from the shop's origin.
func (h *handingOff) fetch(started api.DeviceAuthorization) answer {
	h.t.Helper()
	r := h.byWatch(http.MethodGet, started, "/handoff")
	r.Header.Set("Origin", "http://localhost:8080")
	return h.do(r)
}

// dump is all keys of the Redis with what they hold.
func (h *handingOff) dump() map[string]string {
	h.t.Helper()
	ctx := context.Background()
	keys, err := h.redis.Keys(ctx, "*").Result()
	if err != nil {
		h.t.Fatal(err)
	}
	all := map[string]string{}
	for _, key := range keys {
		switch kind := h.redis.Type(ctx, key).Val(); kind {
		case "string":
			all[key] = h.redis.Get(ctx, key).Val()
		case "list":
			all[key] = strings.Join(h.redis.LRange(ctx, key, 0, -1).Val(), "\n")
		case "hash":
			all[key] = fmt.Sprint(h.redis.HGetAll(ctx, key).Val())
		case "none": // has just gone
		default:
			h.t.Fatalf("%s is a %s", key, kind)
		}
	}
	return all
}

// kept is the keys of handoffs: room, contents, and records.
func (h *handingOff) kept() []string {
	h.t.Helper()
	var keys []string
	for key, value := range h.dump() {
		if strings.HasPrefix(key, "qrlogin:{contents}") || strings.HasPrefix(key, "qrlogin:record:") && strings.Contains(value, `"digest"`) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (h *handingOff) wantKept(what string, n int) {
	h.t.Helper()
	if keys := h.kept(); len(keys) != n {
		h.t.Errorf("%s: there are %q, want %d keys", what, keys, n)
	}
}

// wantGoneWithin fails unless everything of a handoff goes by itself within that time.
func (h *handingOff) wantGoneWithin(d time.Duration) {
	h.t.Helper()
	keys := h.kept()
	for _, key := range keys {
		if left := h.redis.PTTL(h.t.Context(), key).Val(); left < 0 || left > d {
			h.t.Errorf("%s stays for %s", key, left)
		}
	}
	if len(keys) == 0 {
		h.t.Error("nothing is there")
	}
}

// ofOne is how many keys one handoff takes: the room, the content and the record.
const ofOne = 3

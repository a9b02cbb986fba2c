package app_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/api/handoff"
	"qrlogin/api/picture"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/qr"
)

func withHandoffs(limit, room int64) func(*app.Config) {
	return func(c *app.Config) { c.HandoffLimit, c.HandoffRoom = limit, room }
}

func TestAHandoffGoesFromThePhoneToThePageAndIsForgotten(t *testing.T) {
	eachRedis(t, func(h *handingOff) {
		const marker = "<A HREF=\"https://example.org/书签\">"
		plain := append([]byte(strings.Repeat(marker, 20_000)), make([]byte, 2<<20)...)
		_, _ = rand.Read(plain[len(plain)-1<<20:])
		jwe := h.encrypt("text/html", plain)
		parts := strings.Split(jwe, ".")
		started := h.begin(challenge.Policy{})

		claim := h.phone.claim(started)
		var consent api.Consent
		if err := json.Unmarshal(decode64(h.t, claim.Consent), &consent); err != nil {
			h.t.Fatal(err)
		}
		if consent.Handoff == nil || consent.Handoff.Jwk != h.asked.Jwk || consent.HandoffLimit == nil || *consent.HandoffLimit != app.DefaultHandoffLimit {
			h.t.Fatalf("the consent says %+v, %v", consent.Handoff, consent.HandoffLimit)
		}
		h.do(h.phone.sealed(started.ChallengeId, jwe)).wants(h.t, "send", http.StatusNoContent, "")
		h.wantKept("sent", ofOne)

		dump := ""
		for key, value := range h.dump() {
			dump += key + "\n" + value + "\n"
		}
		if !strings.Contains(dump, parts[3][:1000]) {
			h.t.Fatal("the dump does not show the ciphertext: it is of no use")
		}
		for _, spelling := range []string{marker, "example.org", base64.RawURLEncoding.EncodeToString([]byte(marker)), "handoff " + started.ChallengeId} {
			if strings.Contains(dump, spelling) {
				h.t.Errorf("the store shows %q", spelling)
			}
		}

		h.fetch(started).wants(h.t, "fetch before the approval", http.StatusConflict, "wrong-state")
		h.sendDecision(h.approval(claim, proof.Digest([]byte(jwe)))).wants(h.t, "approve", http.StatusOK, "")
		h.fetch(started).wants(h.t, "fetch before the redemption", http.StatusConflict, "wrong-state")
		h.receipt(started).wants(h.t, "receipt before the redemption", http.StatusConflict, "wrong-state")
		h.poll(started, "").wants(h.t, "redeem", http.StatusOK, "")
		h.wantGoneWithin(time.Minute)

		for range 2 { // a page that lost the first answer
			a := h.fetch(started)
			if a.Status != http.StatusOK || string(a.Body) != jwe {
				h.t.Fatalf("the page got %d %.100s", a.Status, a.Body)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/jose", "Cache-Control": "no-store", "Access-Control-Allow-Origin": "http://localhost:8080",
				"X-Content-Type-Options": "nosniff",
			} {
				if got := a.Header.Get(name); got != want {
					h.t.Errorf("%s: %q", name, got)
				}
			}
		}
		parsed, err := jose.ParseEncryptedCompact(jwe, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			h.t.Fatal(err)
		}
		if opened, err := parsed.Decrypt(h.key); err != nil || !bytes.Equal(opened, plain) {
			h.t.Errorf("the page opens %d bytes, %v", len(opened), err)
		}

		for range 2 {
			h.receipt(started).wants(h.t, "receipt", http.StatusNoContent, "")
			h.wantKept("after the receipt", 0)
		}
		h.fetch(started).wants(h.t, "fetch after the receipt", http.StatusGone, "gone")
		h.wantOutcome(started, api.OutcomeRedeemed)

		logged := h.logged()
		for _, secret := range []string{parts[0], parts[2], parts[4], parts[3][:64], parts[3][len(parts[3])/2:][:64], "example.org", proof.Digest([]byte(jwe))} {
			if strings.Contains(logged, secret) {
				h.t.Errorf("the log shows %s", secret)
			}
		}
		if !strings.Contains(logged, "/phone/scans/:id/handoff") || !strings.Contains(logged, "/challenges/:id/handoff") {
			h.t.Error("the log does not tell what happened")
		}
	})
}

func TestWhateverEndsAHandoffRemovesIt(t *testing.T) {
	for what, end := range map[string]func(h *handingOff, claim api.Claim, started api.DeviceAuthorization){
		"a refusal": func(h *handingOff, claim api.Claim, _ api.DeviceAuthorization) { h.phone.decide(claim, proof.Deny) },
		"a release": func(h *handingOff, claim api.Claim, _ api.DeviceAuthorization) {
			h.phone.release(claim).wants(h.t, "release", http.StatusNoContent, "")
		},
		"a cancel": func(h *handingOff, _ api.Claim, started api.DeviceAuthorization) {
			h.cancel(started).wants(h.t, "cancel", http.StatusNoContent, "")
		},
		"wrong digits": func(h *handingOff, claim api.Claim, started api.DeviceAuthorization) {
			var result api.DecisionResult
			h.sendDecision(h.approval(claim, h.digest(claim))).decode(h.t, &result)
			for range challenge.ConfirmTries {
				h.confirm(started, wrongOf(*result.ConfirmationCode))
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			eachRedis(t, func(h *handingOff) {
				started := h.begin(challenge.Policy{Confirm: what == "wrong digits"})
				jwe := h.encrypt("text/html", []byte("hello"))
				claim := h.sent(started, jwe)
				h.wantKept("sent", ofOne)
				end(h, claim, started)
				h.wantKept(what, 0)
			})
		})
	}
}

// digest is of the handoff that the provider holds for a claim.
func (h *handingOff) digest(claim api.Claim) string {
	h.t.Helper()
	raw, err := h.store.Peek(h.t.Context(), "handoff "+claim.ChallengeId)
	if err != nil {
		h.t.Fatal(err)
	}
	var held struct{ Digest string }
	if err := json.Unmarshal(raw, &held); err != nil {
		h.t.Fatal(err)
	}
	return held.Digest
}

// wrongOf is other digits.
func wrongOf(digits string) string {
	if digits == "0000" {
		return "1111"
	}
	return "0000"
}

// The window of a site that lost its answer is over before the page has what it waits for: the tombstone knows the page still.
func TestAPageFetchesAndForgetsByWhatIsLeftOfItsChallenge(t *testing.T) {
	eachRedis(t, func(h *handingOff) {
		started, jwe := h.begin(challenge.Policy{}), h.encrypt("text/html", []byte("hello"))
		h.redeemed(started, jwe)
		h.wantOutcome(started, api.OutcomeRedeemed)
		if a := h.fetch(started); a.Status != http.StatusOK || string(a.Body) != jwe {
			h.t.Errorf("fetch: %d %s", a.Status, a.Body)
		}
		another := h.begin(challenge.Policy{})
		for what, watch := range map[string]string{"another challenge's": another.Watch, "the site's": started.DeviceCode} {
			other := started
			other.Watch = watch
			h.fetch(other).wants(h.t, "fetch by "+what, http.StatusUnauthorized, "watch-invalid")
			h.receipt(other).wants(h.t, "receipt by "+what, http.StatusUnauthorized, "watch-invalid")
		}
		r := h.byWatch(http.MethodGet, started, "/handoff")
		r.Header.Set("Origin", "https://evil.example")
		h.do(r).wants(h.t, "fetch by a stranger's page", http.StatusForbidden, "origin-not-allowed")
		h.wantKept("all that", ofOne)
		for range 2 {
			h.receipt(started).wants(h.t, "receipt", http.StatusNoContent, "")
			h.wantKept("after the receipt", 0)
		}
		h.fetch(started).wants(h.t, "fetch after the receipt", http.StatusGone, "gone")
	}, withRedelivery(0))
}

func TestWhatEndedOtherwiseHandsNothingOver(t *testing.T) {
	h := newHandingOff(t, embeddedRedis(t))
	started := h.begin(challenge.Policy{})
	h.phone.decide(h.sent(started, h.encrypt("text/html", []byte("hello"))), proof.Deny)
	h.fetch(started).wants(t, "fetch", http.StatusGone, "gone")
	h.receipt(started).wants(t, "receipt", http.StatusGone, "gone")

	login := h.start()
	h.phone.approve(login)
	h.poll(login, "").wants(t, "redeem", http.StatusOK, "")
	h.fetch(login).wants(t, "fetch of a login", http.StatusGone, "gone")
}

func TestABrowserMayFetchFromItsSitesPages(t *testing.T) {
	w := newWorld(t)
	started := w.start()
	r := w.request(http.MethodOptions, "/challenges/"+started.ChallengeId+"/handoff", nil)
	r.Header.Set("Origin", "http://localhost:8080")
	r.Header.Set("Access-Control-Request-Method", "GET")
	r.Header.Set("Access-Control-Request-Headers", "authorization")
	a := w.do(r)
	if a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Methods") != "GET" || !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", a.Status, a.Header)
	}
}

func TestOnlyWhatTheClaimingPhoneMaySendIsTaken(t *testing.T) {
	const limit = 1000
	eachRedis(t, func(h *handingOff) {
		good := h.encrypt("text/html", make([]byte, limit))
		other := h.rawPhone().enrolled(anotherNumber)
		claimed := h.begin(challenge.Policy{})
		h.phone.claim(claimed)
		decided, pending, cancelled, login := h.begin(challenge.Policy{}), h.begin(challenge.Policy{}), h.begin(challenge.Policy{}), h.start()
		h.redeemed(decided, good)
		h.receipt(decided).wants(h.t, "receipt", http.StatusNoContent, "")
		approved := h.begin(challenge.Policy{})
		h.sendDecision(h.approval(h.sent(approved, good), proof.Digest([]byte(good)))).wants(h.t, "approve", http.StatusOK, "")
		h.phone.claim(cancelled)
		h.cancel(cancelled)
		h.phone.claim(login)

		as := func(mediaType string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("Content-Type", mediaType) }
		}
		for what, c := range map[string]struct {
			phone   rawPhone
			started api.DeviceAuthorization
			jwe     string
			change  func(*http.Request)
			status  int
			code    string
		}{
			"nobody's challenge":      {h.phone, api.DeviceAuthorization{ChallengeId: nobodysChallenge}, good, nil, http.StatusNotFound, "not-found"},
			"no challenge":            {h.phone, api.DeviceAuthorization{ChallengeId: "x"}, good, nil, http.StatusNotFound, "not-found"},
			"one nobody has claimed":  {h.phone, pending, good, nil, http.StatusConflict, "wrong-state"},
			"one another has claimed": {other, claimed, good, nil, http.StatusConflict, "claimed-by-another"},
			"one that is approved":    {h.phone, approved, good, nil, http.StatusConflict, "wrong-state"},
			"another's approved one":  {other, approved, good, nil, http.StatusConflict, "claimed-by-another"},
			"one that is over":        {h.phone, decided, good, nil, http.StatusGone, "gone"},
			"one that was cancelled":  {h.phone, cancelled, good, nil, http.StatusGone, "gone"},
			"a login":                 {h.phone, login, good, nil, http.StatusUnprocessableEntity, "handoff-not-asked"},
			"a stranger":              {h.rawPhone(), claimed, good, nil, http.StatusUnauthorized, "device-unknown"},
			"no proof":                {h.phone, claimed, good, func(r *http.Request) { r.Header.Del("DPoP") }, http.StatusUnauthorized, "proof-invalid"},
			"a page":                  {h.phone, claimed, good, as("text/html"), http.StatusUnsupportedMediaType, "unsupported-media-type"},
			"no media type":           {h.phone, claimed, good, func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusUnsupportedMediaType, "unsupported-media-type"},
			"no length":               {h.phone, claimed, good, func(r *http.Request) { r.ContentLength = -1 }, http.StatusLengthRequired, "length-required"},
			"too much":                {h.phone, claimed, h.encrypt("text/html", make([]byte, limit+handoffs.Longest(0))), nil, http.StatusRequestEntityTooLarge, "handoff-too-large"},
			"nothing":                 {h.phone, claimed, "", nil, http.StatusUnprocessableEntity, "handoff-malformed"},
			"plain text":              {h.phone, claimed, "<A HREF=\"https://example.org\">", nil, http.StatusUnprocessableEntity, "handoff-malformed"},
			"less than the whole":     {h.phone, claimed, good[:len(good)-1], nil, http.StatusUnprocessableEntity, "handoff-malformed"},
			"what the page reads not": {h.phone, claimed, h.encrypt("image/png", nil), nil, http.StatusUnprocessableEntity, "handoff-malformed"},
		} {
			r := c.phone.sealed(c.started.ChallengeId, c.jwe)
			if c.change != nil {
				c.change(r)
			}
			h.do(r).wants(h.t, what, c.status, c.code)
		}
		h.wantKept("all that was refused", ofOne) // the approved one's
		h.do(h.phone.sealed(claimed.ChallengeId, good)).wants(h.t, "what the limit just allows", http.StatusNoContent, "")
		h.wantKept("that", ofOne+2)
	}, withHandoffs(limit, 100*limit), withoutLimits)
}

// halting is the request that sends a handoff, whose second half is for then to send, once the provider has some of the first.
func (h *handingOff) halting(started api.DeviceAuthorization, jwe string, then func(rest *io.PipeWriter)) *http.Request {
	h.t.Helper()
	half, rest := io.Pipe()
	r := h.phone.sealed(started.ChallengeId, jwe)
	r.Body = half
	go func() {
		_, _ = io.WriteString(rest, jwe[:len(jwe)/2])
		for len(h.kept()) == 0 {
			time.Sleep(time.Millisecond)
		}
		then(rest)
	}()
	return r
}

func TestAHandoffThatBreaksOffLeavesNothing(t *testing.T) {
	eachRedis(t, func(h *handingOff) {
		started := h.begin(challenge.Policy{})
		h.phone.claim(started)
		jwe := h.encrypt("text/html", make([]byte, 1<<20))
		r := h.halting(started, jwe, func(rest *io.PipeWriter) { _ = rest.CloseWithError(io.ErrClosedPipe) })
		if a, err := h.try(r); err == nil {
			h.t.Fatalf("half of a handoff is answered %d %s", a.Status, a.Body)
		}
		for deadline := time.Now().Add(10 * time.Second); len(h.kept()) > 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		}
		h.wantKept("broken off", 0)
		h.do(h.phone.sealed(started.ChallengeId, jwe)).wants(h.t, "once more", http.StatusNoContent, "")
	})
}

// A handoff is on its way for a while. What happened meanwhile counts.
func TestAHandoffThatArrivesTooLateLeavesNothing(t *testing.T) {
	for what, c := range map[string]struct {
		meanwhile func(h *handingOff, claim api.Claim, started api.DeviceAuthorization)
		status    int
		code      string
	}{
		"released":  {func(h *handingOff, claim api.Claim, _ api.DeviceAuthorization) { h.phone.release(claim) }, http.StatusConflict, "wrong-state"},
		"denied":    {func(h *handingOff, claim api.Claim, _ api.DeviceAuthorization) { h.phone.decide(claim, proof.Deny) }, http.StatusGone, "gone"},
		"cancelled": {func(h *handingOff, _ api.Claim, started api.DeviceAuthorization) { h.cancel(started) }, http.StatusGone, "gone"},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHandingOff(t, embeddedRedis(t))
			started := h.begin(challenge.Policy{})
			claim := h.phone.claim(started)
			jwe := h.encrypt("text/html", make([]byte, 1<<20))
			r := h.halting(started, jwe, func(rest *io.PipeWriter) {
				c.meanwhile(h, claim, started)
				_, _ = io.WriteString(rest, jwe[len(jwe)/2:])
				_ = rest.Close()
			})
			h.do(r).wants(h.t, what, c.status, c.code)
			h.wantKept(what, 0)
		})
	}
}

func TestPastTheRoomAPhoneIsToldToComeBackAndThenItFits(t *testing.T) {
	const limit = 1000
	eachRedis(t, func(h *handingOff) {
		jwe := h.encrypt("text/html", make([]byte, limit))
		first, second := h.begin(challenge.Policy{}), h.begin(challenge.Policy{})
		h.sent(first, jwe)
		h.phone.claim(second)
		a := h.do(h.phone.sealed(second.ChallengeId, jwe))
		a.wants(h.t, "past the room", http.StatusServiceUnavailable, "handoffs-full")
		if a.Header.Get("Retry-After") != "10" {
			h.t.Errorf("Retry-After: %q", a.Header.Get("Retry-After"))
		}
		h.cancel(first).wants(h.t, "cancel", http.StatusNoContent, "")
		h.do(h.phone.sealed(second.ChallengeId, jwe)).wants(h.t, "later", http.StatusNoContent, "")
	}, withHandoffs(limit, handoffs.Longest(limit)))
}

func TestAnApprovalOfAHandoffNamesWhatWasSent(t *testing.T) {
	eachRedis(t, func(h *handingOff) {
		jwe, before := h.encrypt("text/html", []byte("hello")), h.encrypt("text/html", []byte("before"))
		digest := proof.Digest([]byte(jwe))
		started := h.begin(challenge.Policy{})
		claim := h.phone.claim(started)
		refused := func(what, digest string) {
			h.t.Helper()
			h.sendDecision(h.approval(claim, digest)).wants(h.t, what, http.StatusUnprocessableEntity, "handoff-missing")
			h.wantState(started, api.ChallengeStateClaimed)
		}
		refused("before it is sent", digest)
		refused("nothing before anything is sent", "")
		h.do(h.phone.sealed(started.ChallengeId, before)).wants(h.t, "send", http.StatusNoContent, "")
		h.do(h.phone.sealed(started.ChallengeId, jwe)).wants(h.t, "send", http.StatusNoContent, "")
		h.wantKept("sent twice", ofOne)
		refused("the one before", proof.Digest([]byte(before)))
		refused("nothing", "")
		refused("not a digest", "x")
		for range 2 {
			h.sendDecision(h.approval(claim, digest)).wants(h.t, "the one that is there", http.StatusOK, "")
		}

		login := h.start()
		claim = h.phone.claim(login)
		h.sendDecision(h.approval(claim, digest)).wants(h.t, "beside a login", http.StatusUnauthorized, "proof-invalid")
		h.wantState(login, api.ChallengeStateClaimed)
		h.sendDecision(h.approval(claim, "")).wants(h.t, "the login", http.StatusOK, "")
	})
}

// To encrypt for the page, the phone needs the page's own word for its key: it is in the code, and is nobody's to send to the provider.
func TestOnlyACodeThatThePhoneHasReadItselfClaimsAHandoff(t *testing.T) {
	h := newHandingOff(t, embeddedRedis(t))
	thumbprint, err := handoff.Thumbprint(h.asked.Jwk)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []challenge.Policy{{}, {TypedCode: true}, {StaticCode: true, TypedCode: true}} {
		started := h.begin(p)
		frame := h.frame(started)
		h.phone.scan(started.UserCode).wants(t, "a typed code", http.StatusUnprocessableEntity, "handoff-needs-scan")
		for _, text := range []string{frame, frame + "#" + thumbprint} {
			drawn, err := qr.PNG(text, 600)
			if err != nil {
				t.Fatal(err)
			}
			h.picture(drawn).wants(t, "a picture", http.StatusUnprocessableEntity, "handoff-needs-scan")
		}
		h.phone.scan(frame+"#"+thumbprint).wants(t, "a code with its fragment", http.StatusNotFound, "code-unknown")
		h.wantState(started, api.ChallengeStatePending)
		h.phone.claim(started)
		h.wantState(started, api.ChallengeStateClaimed)
	}
}

// picture has the phone upload one.
func (h *handingOff) picture(drawn []byte) answer {
	h.t.Helper()
	r := h.phone.request(http.MethodPost, "/phone/scans", nil)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(drawn)), int64(len(drawn))
	r.Header.Set("Content-Type", "image/png")
	return h.do(r)
}

func TestThePictureOfAHandoffsCodeHasTheThumbprintAndALoginsHasNone(t *testing.T) {
	h := newHandingOff(t, embeddedRedis(t))
	thumbprint, err := handoff.Thumbprint(h.asked.Jwk)
	if err != nil {
		t.Fatal(err)
	}
	for want, started := range map[string]api.DeviceAuthorization{"#" + thumbprint: h.begin(challenge.Policy{}), "": h.start()} {
		a := h.do(h.byWatch(http.MethodGet, started, "/qr.png"))
		texts, err := picture.Read(t.Context(), a.Body, func(string) bool { return true })
		if err != nil || len(texts) != 1 {
			t.Fatalf("%d: %q, %v", a.Status, texts, err)
		}
		code, fragment, _ := strings.Cut(texts[0], "#")
		if fragment != strings.TrimPrefix(want, "#") || !strings.HasPrefix(code, h.issuer+"/q/"+started.ChallengeId+".") {
			t.Errorf("the picture says %s, want %q behind the code", texts[0], want)
		}
		h.do(h.byWatch(http.MethodGet, started, "/qr.svg")).wants(t, "svg", http.StatusOK, "")
	}
}

func TestALimitOrRoomOfHandoffsThatCannotWorkIsRefused(t *testing.T) {
	for _, c := range [][2]int64{{-1, 0}, {2 << 30, 4 << 30}, {0, 5 << 20}, {1000, handoffs.Longest(1000) - 1}, {0, -1}} {
		config := app.Config{Issuer: "http://localhost:9000", Log: slog.New(slog.DiscardHandler)}
		withHandoffs(c[0], c[1])(&config)
		p, err := app.New(t.Context(), config)
		if err == nil {
			t.Errorf("a limit of %d and room of %d", c[0], c[1])
			_ = p.Close()
		} else if !strings.Contains(err.Error(), "handoff") {
			t.Error(err)
		}
	}
}

package app_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// What a phone signs decides one claim of one challenge at one provider, and nothing else.

// claimed is a phone that has claimed a challenge.
func claimed(t *testing.T, w *world) (rawPhone, api.DeviceAuthorization, api.Claim) {
	t.Helper()
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	return p, started, p.claim(started)
}

func TestADecisionOverAChangedConsentIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, started, claim := claimed(t, w)
	shown := decode64(t, claim.Consent)
	for what, consent := range map[string][]byte{
		"another name":    bytes.Replace(shown, []byte("The Shop"), []byte("My Shop"), 1),
		"one more scope":  bytes.Replace(shown, []byte(`"openid"`), []byte(`"openid","email"`), 1),
		"a space added":   append([]byte(" "), shown...),
		"the end missing": shown[:len(shown)-1],
		"nothing":         []byte("{}"),
	} {
		if bytes.Equal(consent, shown) {
			t.Fatalf("%s: not changed", what)
		}
		for _, v := range []proof.Verdict{proof.Approve, proof.Deny} {
			a := w.sendDecision(p.signedFor(w.issuer, claim.ChallengeId, v, consent))
			a.wants(t, what, http.StatusUnprocessableEntity, "consent-mismatch")
		}
	}
	w.wantState(started, api.ChallengeStateClaimed)
}

func TestADecisionForAnotherProviderIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, started, claim := claimed(t, w)
	for _, audience := range []string{"https://other.example", w.issuer + "/", w.issuer + "/phone/decisions"} {
		jws := p.signedFor(audience, claim.ChallengeId, proof.Approve, decode64(t, claim.Consent))
		w.sendDecision(jws).wants(t, audience, http.StatusUnauthorized, "proof-invalid")
	}
	w.wantState(started, api.ChallengeStateClaimed)
}

func TestADecisionIsNotReplayableAtAnotherChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, started, claim := claimed(t, w)
	other := w.start()
	p.claim(other)
	jws := p.signedFor(w.issuer, other.ChallengeId, proof.Approve, decode64(t, claim.Consent))
	w.sendDecision(jws).wants(t, "the consent of one, the name of another", http.StatusUnprocessableEntity, "consent-mismatch")
	p.decide(claim, proof.Approve)
	w.wantState(started, api.ChallengeStateApproved)
	w.wantState(other, api.ChallengeStateClaimed)
}

func TestADecisionIsNotReplayableAfterTheClaimWasReleased(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, started, claim := claimed(t, w)
		old := p.signed(claim, proof.Approve)
		time.Sleep(time.Second)
		if a := p.release(claim); a.Status != http.StatusNoContent {
			t.Fatalf("release: %d %s", a.Status, a.Body)
		}
		w.sendDecision(old).wants(t, "after the release", http.StatusConflict, "wrong-state")
		claim = p.claim(started)
		w.sendDecision(old).wants(t, "after the next claim", http.StatusUnprocessableEntity, "consent-mismatch")
		w.wantState(started, api.ChallengeStateClaimed)
		p.decide(claim, proof.Approve)
	})
}

func TestAnApprovalMayBeSentAgainAndADenialDoesNotUndoIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, started, claim := claimed(t, w)
	jws := p.signed(claim, proof.Approve)
	for range 2 {
		if a := w.sendDecision(jws); a.Status != http.StatusOK {
			t.Fatalf("approve: %d %s", a.Status, a.Body)
		}
	}
	w.sendDecision(p.signed(claim, proof.Deny)).wants(t, "deny after approve", http.StatusConflict, "wrong-state")
	w.wantState(started, api.ChallengeStateApproved)
}

// The device grant offers no session: whatever a phone signs, there is none.
func TestASessionThatWasNotOfferedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, started, claim := claimed(t, w)
	w.sendDecision(p.signedAtHome(claim)).wants(t, "a session", http.StatusForbidden, "not-allowed")
	w.wantState(started, api.ChallengeStateClaimed)
	claims := map[string]any{
		"aud": w.issuer, "challenge": claim.ChallengeId, "decision": "deny", "iat": time.Now().Unix(), "consent": claim.Consent, "session": true,
	}
	w.sendDecision(forge(t, p.key, map[string]any{"typ": proof.DecisionType}, claims)).
		wants(t, "a denial with a session", http.StatusUnauthorized, "proof-invalid")
	w.wantState(started, api.ChallengeStateClaimed)
}

func TestADecisionNeedsFifteenSecondsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, started, claim := claimed(t, w)
		time.Sleep(time.Duration(claim.ExpiresIn)*time.Second + time.Second)
		w.sendDecision(p.signed(claim, proof.Approve)).wants(t, "approve", http.StatusConflict, "too-late")
		w.wantState(started, api.ChallengeStateClaimed)
	})
}

func TestWhatIsSignedMustBeADecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, started, claim := claimed(t, w)
	good := map[string]any{
		"aud": w.issuer, "challenge": claim.ChallengeId, "decision": "approve", "iat": time.Now().Unix(), "consent": claim.Consent,
	}
	typ := map[string]any{"typ": proof.DecisionType}
	for name := range good {
		without := map[string]any{}
		for k, v := range good {
			if k != name {
				without[k] = v
			}
		}
		w.sendDecision(forge(t, p.key, typ, without)).wants(t, "without "+name, http.StatusUnauthorized, "proof-invalid")
	}
	for _, verdict := range []string{"Approve", "yes", "approve,deny"} {
		good["decision"] = verdict
		w.sendDecision(forge(t, p.key, typ, good)).wants(t, verdict, http.StatusUnauthorized, "proof-invalid")
	}
	good["decision"] = "approve"
	for what, jws := range map[string]string{
		"alg none":         unsigned(t, p.key, map[string]any{"typ": proof.DecisionType, "alg": "none"}, good) + ".",
		"no signature":     unsigned(t, p.key, typ, good) + ".",
		"another's key":    forge(t, p.key, map[string]any{"typ": proof.DecisionType, "jwk": publicJWK(t, w.rawPhone().key)}, good),
		"a signature more": forge(t, p.key, typ, good) + "." + encode64([]byte("x")),
		"nothing":          "",
	} {
		w.sendDecision(jws).wants(t, what, http.StatusUnauthorized, "proof-invalid")
	}
	w.wantState(started, api.ChallengeStateClaimed)
}

func TestADecisionOnAChallengeThatIsUnknownIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _, claim := claimed(t, w)
	for _, id := range []string{"AAAAAAAAAAAAAAAAAAAAAAAAAA", claim.ChallengeId + "A", "x"} {
		jws := p.signedFor(w.issuer, id, proof.Approve, decode64(t, claim.Consent))
		w.sendDecision(jws).wants(t, id, http.StatusNotFound, "not-found")
	}
}

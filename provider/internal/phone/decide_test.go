package phone

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
)

func shown(t testing.TB, claim api.Claim) []byte {
	t.Helper()
	consent, err := base64.RawURLEncoding.DecodeString(claim.Consent)
	if err != nil {
		t.Fatal(err)
	}
	return consent
}

// approve signs and sends an approval, with a session or without.
func (p device) approve(claim api.Claim, session bool) (status int, code string) {
	p.k.t.Helper()
	consent := shown(p.k.t, claim)
	jws, err := proof.SignDecision(p.key, proof.Statement{
		Audience: issuer, Challenge: claim.ChallengeId, Verdict: proof.Approve, Consent: consent, Session: session,
	}, time.Now())
	if err != nil {
		p.k.t.Fatal(err)
	}
	return p.k.send(http.MethodPost, "/phone/decisions", "", api.DecisionRequest{Decision: jws}, nil)
}

func (k *kit) record(claim api.Claim) challenge.Record {
	k.t.Helper()
	id, err := challenge.ParseID(claim.ChallengeId)
	if err != nil {
		k.t.Fatal(err)
	}
	r, err := k.door.Challenges.Get(k.t.Context(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

func TestAPhoneMayCallTheComputerItsOwnersWhereThatIsOffered(t *testing.T) {
	k := newKit(t)
	p := k.phoneOf("ann")
	for _, offered := range []bool{true, false} {
		claim, consent := p.claimed(challenge.Request{SessionOffered: offered})
		if got := consent.SessionOffered != nil; got != offered || got && !*consent.SessionOffered {
			t.Errorf("offered %t, and the consent says %v", offered, consent.SessionOffered)
		}
		status, code := p.approve(claim, true)
		if r := k.record(claim); offered && (status != http.StatusOK || !r.Session || r.State != challenge.Approved) ||
			!offered && (status != http.StatusForbidden || code != "not-allowed" || r.State != challenge.Claimed) {
			t.Errorf("offered %t: %d %s, %v with session %t", offered, status, code, r.State, r.Session)
		}
	}
}

func TestTheFirstApprovalSaysWhetherThereIsASession(t *testing.T) {
	k := newKit(t)
	p := k.phoneOf("ann")
	for _, first := range []bool{true, false} {
		claim, _ := p.claimed(challenge.Request{SessionOffered: true})
		for range 2 { // the same again is taken
			if status, code := p.approve(claim, first); status != http.StatusOK {
				t.Fatalf("%d %s", status, code)
			}
		}
		if status, code := p.approve(claim, !first); status != http.StatusConflict || code != "wrong-state" {
			t.Errorf("first %t, then not: %d %s", first, status, code)
		}
		if r := k.record(claim); r.Session != first {
			t.Errorf("first %t, and the challenge says %t", first, r.Session)
		}
	}
}

package proof

import (
	"bytes"
	"strings"
	"testing"
)

const challenge = "4F2ZC6YH3V7Q5K5SYO2MBW4JXE"

var consent = []byte(`{"challenge":"` + challenge + `","client":{"name":"Größe 店"}}`)

func decisionMembers() map[string]any {
	return map[string]any{
		"aud": issuer, "challenge": challenge, "decision": "approve", "iat": now.Unix(),
		"consent": base64url.EncodeToString(consent),
	}
}

func TestADecisionSaysWhoDecidedWhat(t *testing.T) {
	for _, v := range []Verdict{Approve, Deny} {
		key := newKey(t)
		jws, err := SignDecision(key, Statement{Audience: issuer, Challenge: challenge, Verdict: v, Consent: consent}, now)
		if err != nil {
			t.Fatal(err)
		}
		d, err := VerifyDecision(jws, issuer)
		if err != nil {
			t.Fatal(err)
		}
		if !d.Key.Equal(&key.PublicKey) || d.Thumbprint != Thumbprint(&key.PublicKey) {
			t.Error("another key came back")
		}
		if d.Audience != issuer || d.Challenge != challenge || d.Verdict != v || !d.IssuedAt.Equal(now) {
			t.Errorf("got %+v", d)
		}
		if !bytes.Equal(d.Consent, consent) {
			t.Errorf("consent came back as %q", d.Consent)
		}
	}
}

func TestOnlyAnApprovalMayCarryASession(t *testing.T) {
	key := newKey(t)
	jws, err := SignDecision(key, Statement{Audience: issuer, Challenge: challenge, Verdict: Approve, Consent: consent, Session: true}, now)
	if err != nil {
		t.Fatal(err)
	}
	d, err := VerifyDecision(jws, issuer)
	if err != nil || !d.Session || d.Verdict != Approve || !bytes.Equal(d.Consent, consent) {
		t.Errorf("got %+v, %v", d, err)
	}
	for _, v := range []Verdict{Approve, Deny} {
		if jws, err = SignDecision(key, Statement{Audience: issuer, Challenge: challenge, Verdict: v, Consent: consent}, now); err != nil {
			t.Fatal(err)
		}
		if d, err = VerifyDecision(jws, issuer); err != nil || d.Session {
			t.Errorf("%s without one: %+v, %v", v, d, err)
		}
	}
}

func TestADecisionIsRefusedFor(t *testing.T) {
	key := newKey(t)
	header := map[string]any{"typ": DecisionType, "alg": "ES256", "jwk": members(t, key)}
	for name, claims := range map[string]map[string]any{
		"another audience":       with(decisionMembers(), "aud", "https://evil.example"),
		"a list of audiences":    with(decisionMembers(), "aud", []string{issuer}),
		"no audience":            with(decisionMembers(), "aud", nil),
		"no challenge":           with(decisionMembers(), "challenge", nil),
		"no verdict":             with(decisionMembers(), "decision", nil),
		"a verdict of its own":   with(decisionMembers(), "decision", "Approve"),
		"no consent":             with(decisionMembers(), "consent", nil),
		"an empty consent":       with(decisionMembers(), "consent", ""),
		"a consent in the clear": with(decisionMembers(), "consent", string(consent)),
		"a padded consent":       with(decisionMembers(), "consent", "e30="),
		"a denial with session":  with(with(decisionMembers(), "decision", "deny"), "session", true),
		"a session in words":     with(decisionMembers(), "session", "true"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := VerifyDecision(forge(t, key, header, claims), issuer); err == nil {
				t.Fatalf("accepted %v", claims)
			}
		})
	}
	t.Run("an audience that the caller left empty", func(t *testing.T) {
		jws := forge(t, key, header, with(decisionMembers(), "aud", ""))
		if _, err := VerifyDecision(jws, ""); err == nil {
			t.Fatal("accepted")
		}
	})
}

func TestTheLargestConsentFits(t *testing.T) {
	jws, err := SignDecision(newKey(t), Statement{Audience: issuer, Challenge: challenge, Verdict: Deny, Consent: []byte(strings.Repeat("x", 32<<10))}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyDecision(jws, issuer); err != nil {
		t.Fatal(err)
	}
}

// A verified decision is complete and names the same key again; nothing verifies for another audience, or with a byte
// changed.
func FuzzVerifyDecision(f *testing.F) {
	key := newKey(f)
	for _, v := range []Verdict{Approve, Deny} {
		jws, err := SignDecision(key, Statement{Audience: issuer, Challenge: challenge, Verdict: v, Consent: consent}, now)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(jws, uint(0), byte(0))
		f.Add(jws, uint(len(jws)-1), byte(1))
	}
	header := map[string]any{"typ": DecisionType, "alg": "ES256", "jwk": members(f, key)}
	f.Add(forge(f, key, header, with(decisionMembers(), "aud", []string{issuer})), uint(5), byte(32))
	f.Add(forge(f, key, header, with(decisionMembers(), "session", true)), uint(9), byte(2))
	f.Add(forge(f, key, header, with(with(decisionMembers(), "decision", "deny"), "session", true)), uint(0), byte(0))
	f.Add("e30.e30.", uint(0), byte(0))
	f.Fuzz(func(t *testing.T, jws string, at uint, flip byte) {
		d, err := VerifyDecision(jws, issuer)
		if err != nil {
			if d.Key != nil || d.Verdict != "" || d.Session {
				t.Fatal("a refused decision says something")
			}
			return
		}
		if (d.Verdict != Approve && d.Verdict != Deny) || d.Challenge == "" || len(d.Consent) == 0 ||
			d.IssuedAt.IsZero() || d.Thumbprint != Thumbprint(d.Key) || d.Session && d.Verdict != Approve {
			t.Fatalf("verified, and incomplete: %+v", d)
		}
		again, err := VerifyDecision(jws, d.Audience)
		if err != nil || !again.Key.Equal(d.Key) || again.Verdict != d.Verdict {
			t.Fatalf("does not verify again: %v", err)
		}
		if _, err := VerifyDecision(jws, issuer+"/"); err == nil {
			t.Fatal("verifies for another audience")
		}
		if _, err := VerifyDPoP(jws, "POST", target); err == nil {
			t.Fatal("verifies as a DPoP proof")
		}
		if flip != 0 {
			changed := []byte(jws)
			changed[at%uint(len(changed))] ^= flip
			if _, err := VerifyDecision(string(changed), issuer); err == nil {
				t.Fatal("verifies with a byte changed")
			}
		}
	})
}

func BenchmarkVerifyDecision(b *testing.B) {
	jws, err := SignDecision(newKey(b), Statement{Audience: issuer, Challenge: challenge, Verdict: Approve, Consent: consent}, now)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := VerifyDecision(jws, issuer); err != nil {
			b.Fatal(err)
		}
	}
}

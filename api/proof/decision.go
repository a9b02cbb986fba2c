package proof

import (
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// DecisionType is the typ of a signed decision.
const DecisionType = "qrlogin-decision+jwt"

const maxDecision = 32 << 10 // bytes of a whole decision; openapi.yaml, DecisionRequest

// Verdict is what a decision says.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Deny    Verdict = "deny"
)

// Decision is a verified decision: the holder of this key was shown these bytes and approved or denied. The caller
// still judges whether the key is the one that claimed the challenge, whether the consent is the one that it was given,
// and IssuedAt.
type Decision struct {
	Key        *ecdsa.PublicKey
	Thumbprint string // of Key, RFC 7638
	Audience   string // aud, the issuer
	Challenge  string // the challenge's id
	Verdict    Verdict
	Session    bool      // with Approve: "this is my computer"
	Consent    []byte    // what the phone showed, unchanged
	IssuedAt   time.Time // iat
}

type decisionClaims struct {
	jwt.RegisteredClaims        // iat
	Audience             string `json:"aud"` // one issuer, never a list
	Challenge            string `json:"challenge"`
	Verdict              string `json:"decision"`
	Session              bool   `json:"session,omitempty"`
	Consent              string `json:"consent"`
}

// SignDecision signs a decision on a challenge for an issuer. consent is the bytes that the scan returned.
func SignDecision(key crypto.Signer, audience, challenge string, v Verdict, consent []byte, now time.Time) (string, error) {
	return signDecision(key, audience, challenge, v, false, consent, now)
}

// SignSession signs an approval that also says "this is my computer": the browser may be kept signed in. It is for a consent
// that offers a session.
func SignSession(key crypto.Signer, audience, challenge string, consent []byte, now time.Time) (string, error) {
	return signDecision(key, audience, challenge, Approve, true, consent, now)
}

func signDecision(key crypto.Signer, audience, challenge string, v Verdict, session bool, consent []byte, now time.Time) (string, error) {
	jws, err := sign(key, DecisionType, &decisionClaims{
		RegisteredClaims: jwt.RegisteredClaims{IssuedAt: jwt.NewNumericDate(now)},
		Audience:         audience,
		Challenge:        challenge,
		Verdict:          string(v),
		Session:          session,
		Consent:          base64url.EncodeToString(consent),
	})
	if err != nil {
		return "", fmt.Errorf("sign decision: %w", err)
	}
	return jws, nil
}

// VerifyDecision verifies a decision that is addressed to this audience. An error says what is wrong in words that may
// be shown to the sender.
func VerifyDecision(jws, audience string) (Decision, error) {
	var claims decisionClaims
	pub, err := verify(jws, DecisionType, maxDecision, &claims)
	if err != nil {
		return Decision{}, fmt.Errorf("decision: %w", err)
	}
	if claims.Audience == "" || claims.Audience != audience {
		return Decision{}, errors.New("decision: aud is not this issuer")
	}
	if claims.Challenge == "" {
		return Decision{}, errors.New("decision: no challenge")
	}
	verdict := Verdict(claims.Verdict)
	if verdict != Approve && verdict != Deny {
		return Decision{}, errors.New("decision: decision is neither approve nor deny")
	}
	if claims.Session && verdict != Approve {
		return Decision{}, errors.New("decision: session stands beside a refusal")
	}
	consent, err := base64url.DecodeString(claims.Consent)
	if err != nil || len(consent) == 0 {
		return Decision{}, errors.New("decision: consent is missing or not base64url")
	}
	iat, err := issuedAt(claims.IssuedAt)
	if err != nil {
		return Decision{}, fmt.Errorf("decision: %w", err)
	}
	return Decision{
		Key:        pub,
		Thumbprint: Thumbprint(pub),
		Audience:   claims.Audience,
		Challenge:  claims.Challenge,
		Verdict:    verdict,
		Session:    claims.Session,
		Consent:    consent,
		IssuedAt:   iat,
	}, nil
}

package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// DecisionType is the typ of a signed decision.
const DecisionType = "qrlogin-decision+jwt"

const maxDecision = 64 << 10 // bytes of a whole decision; openapi.yaml, DecisionRequest

const pin = "pin" // RFC 8176

// Verdict is what a decision says.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Deny    Verdict = "deny"
)

// Statement is what a device decides: its holder was shown these bytes and approved or denied.
type Statement struct {
	Audience  string // aud, the issuer
	Challenge string // the challenge's id
	Verdict   Verdict
	Consent   []byte // what the scan returned, unchanged
	Session   bool   // with Approve: "this is my computer", for a consent that offers a session
	PIN       bool   // with Approve: the phone has asked for its PIN (RFC 8176, pin)
	Handoff   string // with Approve: [Digest] of what was sent for a consent that asks for it, "" for nothing
}

// Decision is a verified decision. The caller still judges whether the key is the one that claimed the challenge, whether the consent
// is the one that it was given, and IssuedAt.
type Decision struct {
	Statement
	Key        *ecdsa.PublicKey
	Thumbprint string    // of Key, RFC 7638
	IssuedAt   time.Time // iat
}

// Digest is how a decision names what was handed off: the SHA-256 of its ciphertext, in base64url.
func Digest(ciphertext []byte) string {
	sum := sha256.Sum256(ciphertext)
	return base64url.EncodeToString(sum[:])
}

type decisionClaims struct {
	jwt.RegisteredClaims          // iat
	Audience             string   `json:"aud"` // one issuer, never a list
	Challenge            string   `json:"challenge"`
	Verdict              string   `json:"decision"`
	Session              bool     `json:"session,omitempty"`
	AMR                  []string `json:"amr,omitempty"`
	Handoff              string   `json:"handoff,omitempty"`
	Consent              string   `json:"consent"`
}

// SignDecision signs what the holder of a device key decided.
func SignDecision(key crypto.Signer, s Statement, now time.Time) (string, error) {
	claims := decisionClaims{
		RegisteredClaims: jwt.RegisteredClaims{IssuedAt: jwt.NewNumericDate(now)},
		Audience:         s.Audience,
		Challenge:        s.Challenge,
		Verdict:          string(s.Verdict),
		Session:          s.Session,
		Handoff:          s.Handoff,
		Consent:          base64url.EncodeToString(s.Consent),
	}
	if s.PIN {
		claims.AMR = []string{pin}
	}
	jws, err := sign(key, DecisionType, &claims)
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
	if verdict != Approve && (claims.Session || len(claims.AMR) > 0 || claims.Handoff != "") {
		return Decision{}, errors.New("decision: session, amr or handoff stands beside a refusal")
	}
	if len(claims.AMR) > 1 || len(claims.AMR) == 1 && claims.AMR[0] != pin {
		return Decision{}, errors.New("decision: amr is not pin")
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
		Statement: Statement{
			Audience:  claims.Audience,
			Challenge: claims.Challenge,
			Verdict:   verdict,
			Session:   claims.Session,
			PIN:       len(claims.AMR) == 1,
			Handoff:   claims.Handoff,
			Consent:   consent,
		},
		Key:        pub,
		Thumbprint: Thumbprint(pub),
		IssuedAt:   iat,
	}, nil
}

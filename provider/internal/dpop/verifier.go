package dpop

import (
	"context"
	"errors"
	"net/http"
	"time"

	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
)

// skew is how far a proof's own time may be from ours (RFC 9449 §11.1).
const skew = time.Minute

// ErrProof is a proof that is missing, wrong or used. Its reason may be shown to the sender.
type ErrProof struct{ Reason string }

func (e ErrProof) Error() string { return "dpop: " + e.Reason }

// ErrUsed is a proof that came before.
var ErrUsed = ErrProof{Reason: "this proof has been used"}

// ErrNonce is a proof that is not fresh: it is to be made anew, with the nonce that [Verifier.Nonce] gives.
var ErrNonce = errors.New("dpop: the proof is not fresh; a nonce is needed")

// Verifier judges proofs, the same at every node.
type Verifier struct {
	Issuer   string // an origin, no trailing slash
	Keys     challenge.Keys
	NonceKey []byte
}

// Verify verifies a request's proof: by which key, for this request, now, once; [ErrProof], [ErrNonce]. accessToken is the one
// beside it, "" for none. Whether that is bound to this key (RFC 9449 §4.3 item 12) is the caller's to judge.
func (v Verifier) Verify(ctx context.Context, r *http.Request, accessToken string) (proof.DPoP, error) {
	p, use, err := v.Judge(r, accessToken)
	if err == nil {
		_, err = v.Use(ctx, use)
	}
	if err != nil {
		return proof.DPoP{}, err
	}
	return p, nil
}

// Use counts the use of a proof, and in the same round trip what else the request is held against; [ErrUsed] if the proof came
// before, and then the rest is not counted.
func (v Verifier) Use(ctx context.Context, use challenge.Tally, more ...challenge.Tally) ([]challenge.Count, error) {
	counts, err := v.Keys.CountAll(ctx, append([]challenge.Tally{use}, more...))
	if err != nil {
		return nil, err
	}
	if !counts[0].Above {
		return counts[1:], nil
	}
	names := make([]string, len(more))
	for i, t := range more {
		names[i] = t.Key
	}
	if err := v.Keys.Refund(ctx, names...); err != nil {
		return nil, err
	}
	return nil, ErrUsed
}

// Judge is Verify without the last question, whether the proof has been used: that is for [Verifier.Use] to answer, and until then
// the proof proves nothing.
func (v Verifier) Judge(r *http.Request, accessToken string) (p proof.DPoP, use challenge.Tally, err error) {
	header := r.Header.Values("DPoP")
	if len(header) != 1 { // RFC 9449 §4.3: exactly one
		return proof.DPoP{}, use, ErrProof{"there must be exactly one DPoP header"}
	}
	// htu is checked against the issuer, not against the Host header, which anyone may write.
	p, err = proof.VerifyDPoP(header[0], r.Method, v.Issuer+r.URL.EscapedPath())
	if err != nil {
		return proof.DPoP{}, use, ErrProof{err.Error()}
	}
	if accessToken != "" && p.AccessTokenHash != proof.AccessTokenHash(accessToken) { // RFC 9449 §4.3 item 12
		return proof.DPoP{}, use, ErrProof{"ath is not the hash of the access token"}
	}
	now := time.Now()
	life := 2 * skew
	switch {
	case p.Nonce != "": // for senders whose clock is wrong
		if !v.fresh(p.Nonce, now) {
			return proof.DPoP{}, use, ErrNonce
		}
		life = nonceLife + nonceStep
	case p.IssuedAt.Before(now.Add(-skew)) || p.IssuedAt.After(now.Add(skew)):
		return proof.DPoP{}, use, ErrNonce
	}
	// RFC 9449 §11.1: a proof is used once.
	return p, challenge.Tally{Key: "dpop " + p.Thumbprint + " " + p.ID, Limit: challenge.Limit{Max: 1, Window: life}}, nil
}

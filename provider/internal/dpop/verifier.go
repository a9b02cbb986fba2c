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
	header := r.Header.Values("DPoP")
	if len(header) != 1 { // RFC 9449 §4.3: exactly one
		return proof.DPoP{}, ErrProof{"there must be exactly one DPoP header"}
	}
	// htu is checked against the issuer, not against the Host header, which anyone may write.
	p, err := proof.VerifyDPoP(header[0], r.Method, v.Issuer+r.URL.EscapedPath())
	if err != nil {
		return proof.DPoP{}, ErrProof{err.Error()}
	}
	if accessToken != "" && p.AccessTokenHash != proof.AccessTokenHash(accessToken) { // RFC 9449 §4.3 item 12
		return proof.DPoP{}, ErrProof{"ath is not the hash of the access token"}
	}
	now := time.Now()
	life := 2 * skew
	switch {
	case p.Nonce != "": // for senders whose clock is wrong
		if !v.fresh(p.Nonce, now) {
			return proof.DPoP{}, ErrNonce
		}
		life = nonceLife + nonceStep
	case p.IssuedAt.Before(now.Add(-skew)) || p.IssuedAt.After(now.Add(skew)):
		return proof.DPoP{}, ErrNonce
	}
	// RFC 9449 §11.1: a proof is used once.
	first, err := v.Keys.First(ctx, "dpop "+p.Thumbprint+" "+p.ID, life)
	if err != nil {
		return proof.DPoP{}, err
	}
	if !first {
		return proof.DPoP{}, ErrUsed
	}
	return p, nil
}

package phone

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

var (
	errDecision  = web.Problem{Status: http.StatusUnauthorized, Code: "proof-invalid", Title: "The signed decision is malformed or its signature is wrong"}
	errNoSession = web.Problem{Status: http.StatusForbidden, Code: "not-allowed", Title: "No session was offered for this login"}
)

// decide takes a signed decision. It needs no proof beside it: the signature is over the consent of this one claim, which
// holds the challenge's id and the moment of the claim, so that it can be sent again and does nothing new.
func (d *Door) decide(c *gin.Context) error {
	var body api.DecisionRequest
	if err := web.ReadJSON(c, &body, 72<<10); err != nil {
		return err
	}
	decision, err := proof.VerifyDecision(body.Decision, d.Issuer)
	if err != nil {
		return errDecision
	}
	device, err := d.enrolled(c, decision.Thumbprint)
	if err != nil {
		return err
	}
	if decision.Verdict == proof.Approve {
		if err := d.unlock(c, device, body.Decision); err != nil {
			return d.idle(c, device, err)
		}
	}
	id, err := challenge.ParseID(decision.Challenge)
	if err != nil {
		return err
	}
	var event challenge.Event = challenge.Deny{Device: device.ID, Consent: decision.Consent}
	answer := api.DecisionResult{State: api.DecisionResultStateDenied}
	if decision.Verdict == proof.Approve {
		event = challenge.Approve{
			Device: device.ID, Consent: decision.Consent, Session: decision.Session, Unlock: unlockedBy(device, decision), Signed: []byte(body.Decision),
		}
		answer.State = api.DecisionResultStateApproved
	}
	var before challenge.Record
	r, err := challenge.Do(c.Request.Context(), d.Challenges, id, func(r challenge.Record) (challenge.Event, error) {
		before = r
		return event, d.handedOff(c.Request.Context(), r, device, decision)
	})
	_, refused := web.ProblemOf(err)
	if refused || err == nil && r.Version == before.Version { // one that counts has needed a scan
		if err := d.idle(c, device, nil); err != nil {
			return err
		}
	}
	if errors.Is(err, challenge.ErrNotAllowed) {
		return errNoSession
	}
	if err == nil && r.State == challenge.Denied {
		err = d.forget(c, before)
	}
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	if r.State == challenge.Confirming { // an approval that the page must confirm (RFC 10027 §6.1.16)
		digits := r.Digits()
		answer.State, answer.ConfirmationCode = api.DecisionResultStateConfirming, &digits
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

// unlockedBy is how the phone made sure whose hand it is in. That a passkey was shown, the provider has seen.
func unlockedBy(device identity.Device, decision proof.Decision) challenge.Unlock {
	switch {
	case device.Passkey != "":
		return challenge.UnlockByPasskey
	case decision.PIN:
		return challenge.UnlockByPIN
	default:
		return challenge.Unlocked
	}
}

// idle counts a decision that changes nothing. It answers err, unless there were too many.
func (d *Door) idle(c *gin.Context, device identity.Device, err error) error {
	if limited := limit.Count(c.Request.Context(), d.Keys, d.Limits.Of(limit.IdleDecisionsPerDevice, device.ID)); limited != nil {
		return limited
	}
	return err
}

package challenge

import (
	"bytes"
	"crypto/subtle"
	"time"
)

// Event is something that happens to a challenge.
type Event interface{ isEvent() }

type (
	// Visit is the browser presenting itself on its watch connection.
	Visit struct{ Browser Browser }

	// Scan is a device presenting a code.
	Scan struct {
		Code    Code
		Ticket  Ticket        // of the browser in which the code was opened; the zero ticket for none
		Waited  time.Duration // since the request's headers arrived: a slow upload does not make a code stale
		Device  string        // thumbprint of the device key
		Account string
		Near    Nearness
		Consent []byte // what the phone will be shown, should this scan claim the challenge
	}

	// Release is the claiming device letting go without a decision.
	Release struct{ Device string }

	// Approve is the claiming device's signed yes, over the consent that it was shown.
	Approve struct {
		Device  string
		Consent []byte
		Session bool   // "this is my computer", where that was offered
		Unlock  Unlock // how the phone knew whose hand it is in
		Signed  []byte // the decision as it was signed; kept where the request has details, for the site
	}

	// Deny is its signed no.
	Deny struct {
		Device  string
		Consent []byte
	}

	// Confirm is the page sending the digits that the phone shows. A miss is no error: it is counted, and the third denies.
	Confirm struct{ Digits string }

	// Redeem is the site taking its tokens.
	Redeem struct {
		Sealed []byte        // the answer, readable with the device_code alone
		Window time.Duration // how long the same client may fetch it again; 0 for not at all
	}

	// Cancel is the browser giving the challenge up.
	Cancel struct{}

	// Receipt is the page's "I have it, forget it".
	Receipt struct{}
)

func (Visit) isEvent()   {}
func (Scan) isEvent()    {}
func (Release) isEvent() {}
func (Approve) isEvent() {}
func (Deny) isEvent()    {}
func (Confirm) isEvent() {}
func (Redeem) isEvent()  {}
func (Cancel) isEvent()  {}
func (Receipt) isEvent() {}

// Apply is the rules. It answers the challenge after the event, or the challenge unchanged and an [Error]. An event that
// changes nothing (the same device scanning again, say) answers the same version, and there is nothing to store.
func (c Challenge) Apply(event Event, now time.Time) (Challenge, error) {
	if !c.State.Final() && !now.Before(c.End()) {
		c = c.Tombstone()
	}
	if err := c.Err(); err != nil {
		return c, err // RFC 10027 §6.1.3: what has ended is not used again
	}
	switch e := event.(type) {
	case Visit:
		return c.visit(e)
	case Scan:
		return c.scan(e, now)
	case Release:
		return c.release(e)
	case Approve:
		return c.approve(e, now)
	case Deny:
		return c.deny(e)
	case Confirm:
		return c.confirm(e)
	case Redeem:
		return c.redeem(e, now)
	case Cancel:
		return c.cancel()
	case Receipt:
		return c.receipt()
	default:
		return c, ErrWrongState
	}
}

// to is the only way into another state, and the only place where the version rises.
func (c Challenge) to(s State) Challenge {
	c.State = s
	c.Version++
	return c
}

// visit: the browser's attributes may change while the code is shown, and freeze at the claim.
func (c Challenge) visit(e Visit) (Challenge, error) {
	if c.State != Pending || c.Browser == e.Browser {
		return c, nil
	}
	c.Browser = e.Browser
	return c.to(Pending), nil
}

func (c Challenge) scan(e Scan, now time.Time) (Challenge, error) {
	switch c.State {
	case Pending:
		if err := c.takes(e, now); err != nil {
			return c, err
		}
		if err := c.admits(e); err != nil {
			return c, err
		}
		c.Claim = Claim{
			Device: e.Device, Account: e.Account, At: now, Moving: e.Code.MAC != nil, Here: c.IsHere(e.Ticket), Consent: e.Consent,
		}
		return c.to(Claimed), nil
	case Claimed:
		// Only who holds a code of this challenge learns that another was first.
		if err := c.proves(e.Code); err != nil {
			return c, err
		}
		if e.Device != c.Claim.Device {
			return c, ErrClaimedByAnother // RFC 10027 §6.1.3: one claim
		}
		return c, nil
	case Confirming, Approved, Redeemed:
		if err := c.proves(e.Code); err != nil {
			return c, err
		}
		if e.Device != c.Claim.Device {
			return c, ErrClaimedByAnother
		}
		return c, ErrWrongState
	default:
		return c, ErrWrongState
	}
}

func (c Challenge) release(e Release) (Challenge, error) {
	switch c.State {
	case Claimed:
		if e.Device != c.Claim.Device {
			return c, ErrClaimedByAnother
		}
		c.Claim = Claim{}
		return c.to(Pending), nil
	default:
		return c, ErrWrongState
	}
}

// decides tells whether the device may decide, and signed what it was shown.
func (c Challenge) decides(device string, consent []byte) error {
	if device != c.Claim.Device {
		return ErrClaimedByAnother // SECURITY.md §1.1: only the device key that claimed can decide
	}
	if !bytes.Equal(consent, c.Claim.Consent) {
		return ErrConsentMismatch // SECURITY.md §3 B4: an order slipped in
	}
	return nil
}

// approves tells whether this approval can be given.
func (c Challenge) approves(e Approve) error {
	if err := c.decides(e.Device, e.Consent); err != nil {
		return err
	}
	if e.Session && !c.Request.SessionOffered {
		return ErrNotAllowed // RFC 10027 §6.1.10: no session but where both sides want one
	}
	return nil
}

func (c Challenge) approve(e Approve, now time.Time) (Challenge, error) {
	switch c.State {
	case Claimed:
		if err := c.approves(e); err != nil {
			return c, err
		}
		if c.ExpiresAt.Sub(now) < DecisionReserve {
			return c, ErrTooLate
		}
		c.ApprovedAt, c.Session, c.Unlock = now, e.Session, e.Unlock
		if len(c.Request.Details) > 0 {
			c.Signed = e.Signed
		}
		if c.Policy.Confirm && !c.Claim.Here { // RFC 10027 §6.1.16; there is no page elsewhere that could be somebody else's
			return c.to(Confirming), nil
		}
		return c.to(Approved), nil
	case Confirming, Approved, Redeemed: // sent again because the first answer was lost
		if err := c.approves(e); err != nil {
			return c, err
		}
		if e.Session != c.Session {
			return c, ErrWrongState // the first counts, and who says otherwise is not told that this did
		}
		return c, nil
	default:
		return c, ErrWrongState
	}
}

func (c Challenge) deny(e Deny) (Challenge, error) {
	switch c.State {
	case Claimed, Confirming: // who has approved and sees that the page does not ask may think better of it
		if err := c.decides(e.Device, e.Consent); err != nil {
			return c, err
		}
		return c.to(Denied), nil
	default:
		return c, ErrWrongState
	}
}

// confirm: RFC 10027 §6.1.16, initiation verified.
func (c Challenge) confirm(e Confirm) (Challenge, error) {
	right := subtle.ConstantTimeCompare([]byte(e.Digits), []byte(c.Digits())) == 1
	switch c.State {
	case Confirming:
		if right {
			return c.to(Approved), nil
		}
		if c.Misses++; c.Misses >= ConfirmTries {
			return c.to(Denied), nil
		}
		return c.to(Confirming), nil
	case Approved, Redeemed:
		if c.Policy.Confirm && right {
			return c, nil // sent again because the first answer was lost
		}
		return c, ErrWrongState
	default:
		return c, ErrWrongState
	}
}

func (c Challenge) redeem(e Redeem, now time.Time) (Challenge, error) {
	switch c.State {
	case Approved:
		if e.Window <= 0 {
			return c.to(Purged), nil
		}
		c.Sealed = e.Sealed
		c.WindowEnds = now.Add(e.Window)
		return c.to(Redeemed), nil
	default:
		return c, ErrWrongState // RFC 10027 §6.1.3: one redemption
	}
}

func (c Challenge) cancel() (Challenge, error) {
	switch c.State {
	case Pending, Claimed, Confirming, Approved:
		return c.to(Cancelled), nil
	default:
		return c, ErrWrongState
	}
}

func (c Challenge) receipt() (Challenge, error) {
	switch c.State {
	case Redeemed:
		return c.to(Purged), nil
	default:
		return c, ErrWrongState
	}
}

package main

import (
	"errors"
	"fmt"

	"qrlogin/mobile-sim/phone"
)

// The exit statuses.
const (
	statusDone     = 0 // approved, enrolled, shown
	statusError    = 1 // anything else
	statusUsage    = 2
	statusDeclined = 3
	statusRefused  = 4 // by the provider, or by this phone before asking it; or expired
	statusBroken   = 5 // of a swarm: a login was lost, doubled or wrong
)

// said is an exit status for which a command has said everything.
type said int

func (s said) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

var (
	errDeclined = errors.New("declined")
	errExpired  = errors.New("expired")
	errReleased = errors.New("released")
)

// known is the errors of this phone that have a code, and words in both languages; refused is what was not asked of the provider, or of
// the shop.
var known = []struct {
	error
	code    string
	refused bool
}{
	{phone.ErrForeignCode, "foreign-code", true},
	{errExpired, "expired", true},
	{errReleased, "released", false},
	{phone.ErrNotEnrolled, "not-enrolled", false},
	{phone.ErrCodeLater, "enrollment-code-needed", false},
	{phone.ErrNoPIN, "no-pin", false},
	{errPINNeeded, "pin-needed", false},
	{errNewPIN, "new-pin-needed", false},
	{phone.ErrPINForm, "pin-malformed", false},
	{phone.ErrPINWrong, "pin-wrong", true},
	{phone.ErrPINLocked, "pin-locked", true},
	{phone.ErrHandoffKey, "handoff-key", true},
	{phone.ErrHandoffNeedsScan, "handoff-needs-scan", true},
	{phone.ErrHandoffMissing, "nothing-to-send", false},
	{phone.ErrHandoffUnwanted, "nothing-asked-for", false},
	{phone.ErrHandoffType, "handoff-type", false},
	{phone.ErrHandoffTooLarge, "handoff-too-large", false},
	{phone.ErrNoBill, "no-bill", false},
	{phone.ErrBillDiffers, "bill-differs", true},
	{phone.ErrPaymentExpired, "payment-expired", true},
	{phone.ErrPaymentPending, "payment-pending", false},
}

// failure is what --json prints of an error.
type failure struct {
	Result  string `json:"result"` // refused or error
	Code    string `json:"code,omitempty"`
	Status  int    `json:"status,omitempty"` // HTTP status, when the provider refused
	Message string `json:"message"`
}

// finish reports how a command ended, and returns the exit status.
func (a *app) finish(err error) int {
	if err == nil {
		return statusDone
	}
	if errors.Is(err, errDeclined) {
		return statusDeclined // which has been said
	}
	if s, ok := errors.AsType[said](err); ok {
		return int(s)
	}
	f, status := failure{Result: "error", Message: safe(err.Error())}, statusError
	problem, isProblem := errors.AsType[*phone.Problem](err)
	switch {
	case isProblem:
		f.Code, f.Status = problem.Code, problem.Status
		// Without a code it is not the provider that answered, but something before it, or something else altogether.
		if problem.Code != "" && problem.Status >= 400 && problem.Status < 500 {
			f.Result, status = "refused", statusRefused
		}
	default:
		for _, k := range known {
			if errors.Is(err, k.error) {
				f.Code = k.code
				if k.refused {
					f.Result, status = "refused", statusRefused
				}
			}
		}
	}
	if said, ok := a.words.errors[f.Code]; ok {
		f.Message = said
	}
	_, _ = fmt.Fprintf(a.stderr, "mobile-sim: %s\n", f.Message)
	a.printJSON(f)
	return status
}

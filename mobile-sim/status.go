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
)

var (
	errDeclined = errors.New("declined")
	errExpired  = errors.New("expired")
	errReleased = errors.New("released")
)

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
	f, status := failure{Result: "error", Message: safe(err.Error())}, statusError
	problem, isProblem := errors.AsType[*phone.Problem](err)
	switch {
	case isProblem:
		f.Code, f.Status = problem.Code, problem.Status
		// Without a code it is not the provider that answered, but something before it, or something else altogether.
		if problem.Code != "" && problem.Status >= 400 && problem.Status < 500 {
			f.Result, status = "refused", statusRefused
		}
	case errors.Is(err, phone.ErrForeignCode):
		f.Result, f.Code, status = "refused", "foreign-code", statusRefused
	case errors.Is(err, errExpired):
		f.Result, f.Code, status = "refused", "expired", statusRefused
	case errors.Is(err, errReleased):
		f.Code = "released"
	case errors.Is(err, phone.ErrNotEnrolled):
		f.Code = "not-enrolled"
	case errors.Is(err, phone.ErrCodeLater):
		f.Code = "enrollment-code-needed"
	}
	if said, ok := a.words.errors[f.Code]; ok {
		f.Message = said
	}
	_, _ = fmt.Fprintf(a.stderr, "mobile-sim: %s\n", f.Message)
	a.printJSON(f)
	return status
}

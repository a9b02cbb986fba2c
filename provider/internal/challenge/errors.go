package challenge

import (
	"errors"
	"time"
)

// Kind is why something was refused. Each door maps every kind once, at its edge.
type Kind int

// The kinds. [Kinds] lists them, so that a test can hold each door against all of them.
const (
	NotFound         Kind = iota + 1 // no such challenge, or not the right secret: the two look alike
	Gone                             // the challenge ended; Outcome says how
	ClaimedByAnother                 // another device has scanned the code
	WrongState                       // the challenge is not in a state for this
	TooLate                          // less than DecisionReserve is left
	CodeUnknown                      // a code that this provider did not make, or a typed one that leads nowhere
	CodeStale                        // a code that was right and is no longer accepted
	NotAllowed                       // the client's policy refuses this way of scanning, or a session was not offered
	TooFar                           // the policy wants the phone near the browser, and as far as is known it is not
	Outside                          // the policy wants the browser in other networks
	OtherAccount                     // the site asked for somebody else
	ConsentMismatch                  // the phone signed something else than it was shown
	Conflict                         // the record has changed since it was read
	UserCodeTaken                    // the draft's user_code is another challenge's
	TooManyRequests                  // a limit
	Full                             // there is no room for more handoffs
)

// Kinds is every kind there is.
var Kinds = []Kind{NotFound, Gone, ClaimedByAnother, WrongState, TooLate, CodeUnknown, CodeStale, NotAllowed, TooFar, Outside, OtherAccount, ConsentMismatch, Conflict, UserCodeTaken, TooManyRequests, Full}

var kindTexts = map[Kind]string{
	NotFound:         "no such challenge",
	Gone:             "the challenge has ended",
	ClaimedByAnother: "claimed by another device",
	WrongState:       "the challenge is not in a state for this",
	TooLate:          "too little time is left",
	CodeUnknown:      "unknown code",
	CodeStale:        "the code is no longer accepted",
	NotAllowed:       "the client's policy refuses this",
	TooFar:           "the phone is not near the browser",
	Outside:          "the browser is outside the networks that the site allows",
	OtherAccount:     "the site asked for another account",
	ConsentMismatch:  "the decision is not over the consent that was shown",
	Conflict:         "the record has changed",
	UserCodeTaken:    "the user code is taken",
	TooManyRequests:  "too many requests",
	Full:             "no room for more handoffs",
}

func (k Kind) String() string { return kindTexts[k] }

// Error is a refusal by the rules. It is comparable, so that errors.Is works on the values below.
type Error struct {
	Kind       Kind
	Outcome    State         // with Gone: how the challenge ended
	RetryAfter time.Duration // with TooManyRequests: when to come back
}

func (e Error) Error() string {
	if e.Kind == Gone && e.Outcome != 0 {
		return "challenge: it has ended: " + e.Outcome.String()
	}
	return "challenge: " + e.Kind.String()
}

// The refusals that carry nothing but their kind.
var (
	ErrNotFound         = Error{Kind: NotFound}
	ErrClaimedByAnother = Error{Kind: ClaimedByAnother}
	ErrWrongState       = Error{Kind: WrongState}
	ErrTooLate          = Error{Kind: TooLate}
	ErrCodeUnknown      = Error{Kind: CodeUnknown}
	ErrCodeStale        = Error{Kind: CodeStale}
	ErrNotAllowed       = Error{Kind: NotAllowed}
	ErrTooFar           = Error{Kind: TooFar}
	ErrOutside          = Error{Kind: Outside}
	ErrOtherAccount     = Error{Kind: OtherAccount}
	ErrConsentMismatch  = Error{Kind: ConsentMismatch}
	ErrConflict         = Error{Kind: Conflict}
	ErrUserCodeTaken    = Error{Kind: UserCodeTaken}
	ErrFull             = Error{Kind: Full}
)

// KindOf finds the kind of an error; 0 when it is none of ours.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[Error](err); ok {
		return e.Kind
	}
	return 0
}

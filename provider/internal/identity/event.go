package identity

import "time"

// EventsKept is how long audit events are kept.
const EventsKept = 90 * 24 * time.Hour

// AuditEvent is something that the operator or the owner of an account may want to know later. What has an account is told to its
// owner as it is: it says nothing that the owner should not know.
type AuditEvent struct {
	At        time.Time
	Kind      string    // one of the below
	Account   string    // "" when nobody's
	Client    string    // "" when no site's
	Login     string    // the id of the login that it is about, which says where that was
	Address   string    // of a browser that is not logged in, or of a phone
	UserAgent string    // of the browser
	Device    string    // the name of the phone that it is about
	ActiveAt  time.Time // when that phone begins to work, where that is what the event says
	Detail    string    // for the operator; never a secret, a code or a whole phone number
}

// The kinds that owners are told of. The contract lists them, and so does [OwnerEvents].
const (
	EventDeviceEnrolled = "device.enrolled" // a phone was added to the account
	EventDeviceAllowed  = "device.allowed"  // another phone let it work before its time
	EventDeviceRemoved  = "device.removed"
	EventDeviceRefused  = "device.refused" // another phone removed it while it waited

	EventPasskeyAdded   = "passkey.added"
	EventPasskeyRemoved = "passkey.removed"
	EventPasskeyCloned  = "passkey.cloned" // its counter went back: there may be a copy of it

	// A phone of the account presented a code that was refused (RFC 10027 §6.1.4).
	EventCodeReused     = "code.reused"      // its challenge had ended: used, denied, cancelled or expired
	EventCodeStale      = "code.stale"       // a frame that was no longer shown
	EventCodeContested  = "code.contested"   // another phone had been first
	EventCodeForeign    = "code.foreign"     // not made by this provider, or forgotten by it
	EventCodeNotAllowed = "code.not-allowed" // typed or fixed, where the site wants one that moves

	EventCodeCopied         = "code.copied"         // another account's phone presented the code of a login that this one scanned
	EventScanElsewhere      = "scan.elsewhere"      // the browser was not where the phone was
	EventConfirmationFailed = "confirmation.failed" // the page was given wrong digits, twice

	EventLoginEnded              = "login.ended"               // by the phone; without a login: all of them
	EventLoginDisowned           = "login.disowned"            // the same, with "this wasn't me"
	EventAuthorizationCodeReused = "authorization_code.reused" // which ended the login (RFC 6749 §4.1.2)
	EventRefreshTokenReused      = "refresh_token.reused"      // which ended the login (RFC 9700 §4.14.2)

	EventAccountExported = "account.exported" // a phone was given all that is kept of the account
)

// The kinds that are the operator's alone.
const (
	EventClientRegistered = "client.registered" // by the registration endpoint
	EventClientRefused    = "client.refused"    // it did not prove to be who it said
	EventGrantRefused     = "grant.refused"     // a code or token that was not good
	EventCodesUnconfirmed = "codes.unconfirmed" // of the enrolment codes that were sent, too few are confirmed
	EventCodesSpent       = "codes.spent"       // no more enrolment codes are sent for now: the limit of a day is reached
)

// OwnerEvents is every kind that owners are told of.
var OwnerEvents = []string{
	EventDeviceEnrolled, EventDeviceAllowed, EventDeviceRemoved, EventDeviceRefused, EventPasskeyAdded, EventPasskeyRemoved, EventPasskeyCloned,
	EventCodeReused, EventCodeStale, EventCodeContested,
	EventCodeForeign, EventCodeNotAllowed, EventCodeCopied, EventScanElsewhere, EventConfirmationFailed, EventLoginEnded,
	EventLoginDisowned, EventAuthorizationCodeReused, EventRefreshTokenReused, EventAccountExported,
}

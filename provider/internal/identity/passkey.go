package identity

import "time"

// Passkey is a WebAuthn credential of an account. It is the account's and not a device's: it may be synced to phones yet to come, and
// outlives the one that it was made on.
type Passkey struct {
	ID        string // of the credential, base64url
	Account   string
	Name      string // of the device that it was made on
	Key       []byte // public, COSE (RFC 9052)
	Synced    bool   // it may be on several devices (the flag "backup eligible"), which never changes
	Count     uint32 // of signatures, as its authenticator counts; 0 where it does not
	Counted   []byte // SHA-256 of the signature that brought the count
	CreatedAt time.Time
}

package identity

import "errors"

// The refusals. [Refusals] lists them, so that a test can hold each door against all of them.
var (
	ErrUnknownClient  = errors.New("identity: unknown client")
	ErrUnknownAccount = errors.New("identity: there is no such account")
	ErrUnknownDevice  = errors.New("identity: this device is not enrolled")
	ErrWrongCode      = errors.New("identity: wrong or expired enrollment code")
	ErrInvalidNumber  = errors.New("identity: not a phone number that can receive a code")
	ErrUnknownLogin   = errors.New("identity: there is no such login")
	ErrEnded          = errors.New("identity: the login or session has ended")
	ErrDeviceConflict = errors.New("identity: this device key belongs to another account")
	ErrDeviceWaiting  = errors.New("identity: this device does not work yet")
	ErrNoSuchDevice   = errors.New("identity: the account has no such device")
	ErrUnknownPasskey = errors.New("identity: there is no such passkey")
	ErrPasskeyTaken   = errors.New("identity: this passkey is registered already")
	ErrPasskeysFull   = errors.New("identity: the account has as many passkeys as it may")
)

// Refusals is every refusal there is.
var Refusals = []error{
	ErrUnknownClient, ErrUnknownAccount, ErrUnknownDevice, ErrWrongCode, ErrInvalidNumber, ErrUnknownLogin, ErrEnded, ErrDeviceConflict,
	ErrDeviceWaiting, ErrNoSuchDevice,
	ErrUnknownPasskey, ErrPasskeyTaken, ErrPasskeysFull,
}

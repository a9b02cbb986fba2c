// Package phone is the phone's door: enrolment of a device key by a code sent to a phone number, scanning, the signed
// decision, and the logins that came of it.
//
// A phone authenticates by its device key: every request carries a DPoP proof (RFC 9449) with no access token beside it, and
// the key's thumbprint names the device. A decision is itself a signed object. The package must not know the site's or the
// browser's door, nor how anything is stored; the rules are package challenge's.
package phone

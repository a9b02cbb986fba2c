// Package phone is a phone as a Go package: it enrols with a provider, reads QR codes, claims what they name, and signs
// its holder's decision with its device key. It speaks to the provider through the generated client alone, with a DPoP
// proof on each request (RFC 9449), as a phone app would.
//
// It knows nothing of the provider's insides, follows no URL that a QR code holds, and decides nothing: approving is
// its caller's act.
package phone

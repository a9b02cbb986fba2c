// Package dpop holds a DPoP proof (RFC 9449) against the request that carries it: made for this request, fresh, used once, and
// for the access token beside it. The phone's door and the site's share it, and with it one memory of used proofs.
//
// What a proof is in itself is package api/proof's to say. This package must not know whose key it is, what a door answers,
// or what an access token says.
package dpop

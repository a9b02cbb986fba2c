// Package proof holds what a phone signs and how that is verified: DPoP proofs (RFC 9449), which say which device key
// sends a request, and decisions, which say what that key's holder approved or denied. Both are compact JWS (RFC 7515)
// that carry their public key (RFC 7517) in the header, signed with ES256 and nothing else; each has its own typ, so
// that one is never taken for the other (RFC 8725 section 3.11).
//
// The package verifies that an object is whole and says what it should. It keeps no state and knows no clock, store,
// account or HTTP: whether the key is known, the time fresh, the nonce right, the jti new and the access token the one that
// the proof is beside is the caller's to judge.
package proof

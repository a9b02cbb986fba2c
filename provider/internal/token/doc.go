// Package token makes what a site is given: ID tokens (OpenID Connect Core) and access tokens (RFC 9068), signed with
// ES256, and the key set to verify them by (RFC 7517).
//
// It decides nothing: who is logged in, at which site and for what, is told to it.
package token

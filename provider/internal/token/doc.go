// Package token makes what a site is given: ID tokens (OpenID Connect Core), access tokens (RFC 9068) and logout tokens
// (OpenID Connect Back-Channel Logout), and the key set to verify them by (RFC 7517). It reads back its own.
//
// It decides nothing: who is logged in, at which site and for what, is told to it. Where keys lie is not its business either;
// which of them signs now is (ring.go).
package token

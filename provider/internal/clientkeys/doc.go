// Package clientkeys authenticates clients that have keys in place of a secret: private_key_jwt (OIDC Core §9, RFC 7523). It
// reads their key sets (RFC 7517), which they registered or publish at a jwks_uri, and judges the assertions signed with them.
//
// It must not know how a request brings an assertion, nor where clients are stored.
package clientkeys

// Package handoff is what a phone sends to a page, for that page's eyes alone: a JWE (RFC 7516) for an ephemeral key that the page
// made, whose thumbprint the phone has read from the page's code.
package handoff

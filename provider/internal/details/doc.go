// Package details reads what a site asks for beyond a login (RFC 9396): an order, or a handoff. The challenge carries it as bytes that
// only the doors understand.
package details

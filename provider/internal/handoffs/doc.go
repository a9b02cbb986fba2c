// Package handoffs keeps what phones hand to pages: ciphertext, in bounded room, from when the phone sends it until the page has it.
//
// It takes one thing alone, a JWE in compact form for a P-256 key (RFC 7516, RFC 7518 §4.6), and checks as the bytes come that it is
// one. It has no key and cannot read it, nor whom it is for: that is between the phone and the page.
package handoffs

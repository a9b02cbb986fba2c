// Package passkey makes and judges passkeys (Web Authentication Level 3): the options of a registration and of a request, and what an
// authenticator answers to them. It alone imports the library that does.
//
// An assertion stands beside something that is signed already, and its challenge is the hash of that (docs/adr/0015). The package
// keeps no state and knows no HTTP and no store: whether a challenge was given out, and whose a passkey is, is the caller's to judge.
package passkey

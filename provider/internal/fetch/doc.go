// Package fetch goes out to what a client registered: keys, pictures, sector documents, logout endpoints. Whoever registers
// a URL must not get to look around in the provider's own network by it (SECURITY.md §6), so no private address is reached
// unless the operator allows it, no redirect is followed, and time and size are bounded.
//
// It must not know what it fetches, nor for whom.
package fetch

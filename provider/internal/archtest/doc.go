// Package archtest holds the house to its plan: which package may import which, what lies at the top of the repository, and that the
// tests which docs/security.md names are there.
// It has tests alone. Each rule says why it is there; who breaks one for a good reason changes the rule in the same commit.
//
// It must not know what the packages do.
package archtest

// Package place says where on earth an address is, by a file in MaxMind's format that the operator may have (--places).
//
// What it says is a guess: the file knows where an address is announced, which of a phone is its operator's gateway. It decides
// nothing; the package must not know what a place is compared for.
package place

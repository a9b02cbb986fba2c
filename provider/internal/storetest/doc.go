// Package storetest is the conformance suite of the ports [challenge.Store], [challenge.Keys] and [challenge.Contents]: one truth
// that every backend is held against.
//
// Time is a parameter: each backend brings its own way of letting it pass, so that the same tests run on a fake clock and
// on a real server. The package must not know any backend.
package storetest

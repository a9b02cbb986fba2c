// Package axetest holds a page that a test has opened against the accessibility rules of axe-core, which come from npm
// (package-lock.json) with go generate and are not committed. They are code of others, run in a test's browser alone.
//
// It is for tests alone and must not know what is tested.
package axetest

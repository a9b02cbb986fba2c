// Package deploytest runs what lies in deploy/: the files as they are there, with the real programs that they are for where a test can
// start those, and held to the provider's own flags and paths where it cannot.
//
// It starts the provider as its own binary and must not know it but by its flags and over HTTP.
package deploytest

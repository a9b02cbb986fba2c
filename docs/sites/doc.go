// Package sites has the recipes by which a site is put behind a log-in by phone, one folder each, and a test that runs each as
// it is printed: the libraries and servers as they come, a real browser, the simulated phone.
//
// It must not know the provider but through app, as a person who runs one, and over HTTP.
package sites

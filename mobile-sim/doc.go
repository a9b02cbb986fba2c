// Command mobile-sim is a phone on the command line: it enrols with a provider, scans QR codes, shows who asks for what,
// and approves or declines. What it can do as a phone is in the package phone; here is what a person sees of it.
//
// It knows the provider by its contract alone, and approves nothing that was not approved at its terminal or by --approve.
package main

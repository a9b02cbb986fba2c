// Command relyingparty-demo is a small shop that one logs in to and buys in with a phone, or a vending machine, together with
// everything that it takes to try that out: by default it also starts an identity provider, so that one command shows a whole login.
//
// The shop itself is the package shop, and the machine the package kiosk; they speak to the provider by HTTP alone. Here are the
// command line, the embedded provider (embedded.go, through provider/app, and nothing else of the provider), and a login that plays
// itself (play.go).
//
// Standards: RFC 8628 with OpenID Connect Core and Discovery, as any site would use them.
package main

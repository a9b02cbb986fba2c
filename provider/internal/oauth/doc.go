// Package oauth is the site's door: OAuth 2.0 (RFC 6749) and OpenID Connect, by the authorization code flow with the provider's
// own page, and by the device authorization grant (RFC 8628) for sites that show the code themselves.
//
// Its handlers are written by hand, because forms, Basic authentication, redirects and exact error bodies are the protocol. What a
// client's program asks goes through one pipeline, [Door.endpoint]: read the form, authenticate the client, verify its DPoP
// proof, then the handler. What a person's browser asks is answered with pages (package pages) and redirects; the hosted page is
// a site like any other, whose session is a [transaction] (docs/adr/0009). It must not know the browser's or the phone's door,
// nor how challenges are stored; the rules of a challenge are package challenge's.
package oauth

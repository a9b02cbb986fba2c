// Package oauth is the site's door: the device authorization grant (RFC 8628) over OAuth 2.0 (RFC 6749), with OpenID
// Connect's ID token, discovery (OIDC Discovery, RFC 8414) and the key set.
//
// Its handlers are written by hand, because forms, Basic authentication and exact error bodies are the protocol. Every
// request goes through one pipeline, [Door.endpoint]: read the form, authenticate the client, then the handler. It must
// not know the browser's or the phone's door, nor how challenges are stored; the rules are package challenge's.
package oauth

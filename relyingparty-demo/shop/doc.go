// Package shop is a small website that logs its visitors in, and sells to them, by a QR code and a phone: an OAuth 2.0 client with
// a backend (RFC 8628 for the flow, OpenID Connect Core for the ID token, RFC 9396 for orders).
//
// It stands for any site. It learns where the provider's endpoints are from discovery, speaks HTTP alone to them, and
// knows nothing of how the provider works: it must not import the provider's packages.
//
// What a reader may want to copy from it:
//
//   - provider.go: the calls to the provider, and the verification of the ID token;
//   - here.go: the login on the provider's own page, for who opens the site on the phone;
//   - login.go: how a login is bound to the visitor's own session, so that no other browser picks it up;
//   - buy.go, purchase.go: an order, followed by the shop to its end, whoever looks on;
//   - receipt.go: what the phone signed, held against what was asked for;
//   - orders.go: an order and its account, made together and once; how long it may be paid, by time alone;
//   - payment.go: who takes the money, which is a sandbox here;
//   - session.go: sessions on the server, renewed whenever they gain rights;
//   - account.go: the site's own accounts, keyed by `iss` and `sub`, never by the phone number;
//   - headers.go: the headers of every answer, the Content-Security-Policy among them.
package shop

// Package signout ends logins, whoever asks for it: the site, the browser, the phone, or a code that was used twice. It tells
// the sites of it (OpenID Connect Back-Channel Logout 1.0), in the background, because a site may be slow or away.
//
// It must not know who may end what: the doors do.
package signout

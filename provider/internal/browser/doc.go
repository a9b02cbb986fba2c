// Package browser is the browser's door: watching a challenge with its watch capability, cancelling and acknowledging it,
// the QR code as a picture, the widget with the page to try it on, and the page that a QR code opens.
//
// Nothing here yields a token or a code, and nothing here approves. The package must not know the site's or the phone's
// door, nor how challenges are stored; the rules are package challenge's.
package browser

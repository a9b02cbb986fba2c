// Package picture is what a phone and the provider both do with a picture: read the texts of the QR codes in it, from the bytes
// of a file that somebody else made.
//
// Its sizes are read before its pixels; what may be unfolded is bounded, and so is the search, which its context ends. It knows
// nothing of what a code says: whose it is, and what follows, is the caller's to judge, and what a text names is never opened.
package picture

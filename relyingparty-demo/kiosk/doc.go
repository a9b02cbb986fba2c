// Package kiosk is a vending machine that sells the shop's goods: who stands before it chooses, scans the code on its screen with a
// phone, signs the order there, pays on the phone, and takes the goods.
//
// One [Machine] sells one thing at a time. It has two faces, which show the same sale: a screen in a terminal ([Machine.Terminal])
// and a page ([Machine.Handler]). The order names the machine and where it stands, and the phone shows that before it signs: a code
// that somebody stuck over the screen names another machine (RFC 10027 section 6.1.17).
package kiosk

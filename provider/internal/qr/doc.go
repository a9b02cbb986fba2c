// Package qr draws QR codes (ISO/IEC 18004) on the server, for those who have no script to do it. A picture costs as much as a
// login, so it belongs on no path that every login takes: the widget draws its own.
//
// It must not know what a code says.
package qr

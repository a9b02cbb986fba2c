// Package handoffs keeps what phones hand to pages: ciphertext, in bounded room, from when the phone sends it until the page has it.
package handoffs

// Package picturetest makes photographs of a screen as a hand takes them: turned, tilted, out of focus, shaken, dim, noisy. They are always
// the same, so that what reads codes can be measured with them: the provider's reader, and a phone's.
//
// It is for tests alone.
package picturetest

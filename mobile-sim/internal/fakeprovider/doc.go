// Package fakeprovider is the phone's door of a provider, as small as the contract allows, for the tests of the phone:
// it verifies what a phone signs, keeps everything in memory, and fails on request. It is no provider; the real one is
// tried in the end-to-end tests.
package fakeprovider

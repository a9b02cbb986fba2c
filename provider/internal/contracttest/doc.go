// Package contracttest holds a running server against openapi.yaml, in tests: every response that passes is validated, and
// a violation fails the test.
package contracttest

// Package web is the HTTP plumbing that the doors share: request ids and logs, problems (RFC 9457), strict reading of
// bodies and queries, and waits that end when the server drains. It knows gin and the contract's types, and no rule.
package web

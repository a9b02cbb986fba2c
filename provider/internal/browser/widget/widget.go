package widget

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

//go:generate go run ./bundle

// Script is the bundle, a script module in UTF-8, made from src by go generate. It is to be served as text/javascript at
// <issuer>/widget.js: it takes the address that it was loaded from for the provider's.
//
//go:embed widget.js
var Script []byte

// ETag is a strong validator of Script (RFC 9110 §8.8.3), quotes included.
var ETag = etag(Script)

func etag(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
}

package widget

import _ "embed"

//go:generate go run ./bundle

// Script is the bundle, a script module in UTF-8, made from src by go generate. It is to be served as text/javascript at
// <issuer>/widget.js: it takes the address that it was loaded from for the provider's.
//
//go:embed widget.js
var Script []byte

// Package api is the contract in Go: the types and the client of every HTTP endpoint, generated from openapi.yaml.
//
// Beside it lies what the contract cannot say: package proof, what a phone signs and how that is verified; package picture, the
// codes in a picture.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 --config=oapi-codegen.yaml ../openapi.yaml

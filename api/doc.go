// Package api is the contract in Go: the types and the client of every HTTP endpoint, generated from openapi.yaml.
//
// Package proof beside it holds what the contract cannot say: what a phone signs and how that is verified.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 --config=oapi-codegen.yaml ../openapi.yaml

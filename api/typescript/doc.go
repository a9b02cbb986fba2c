// Package typescript is three programs that log in by a client generated from openapi.yaml (openapi-typescript, openapi-fetch), as
// a site's backend in TypeScript would. It has tests alone: they run them, and the other clients that docs/api.md and docs/orders.md
// show, against a provider of their own.
//
// It must not know how the provider is made.
package typescript

//go:generate npm ci --prefer-offline --ignore-scripts --no-audit --no-fund

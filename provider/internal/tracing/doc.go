// Package tracing tells an OpenTelemetry collector, where the environment names one, how each request was spent: a span for the request,
// and below it one for each command to Redis, each SQL statement and each wait for news of a challenge.
//
// What a span says is chosen here and comes from the program alone: patterns of routes, names of commands and tables, statuses, types
// of errors. Nothing that a request brought is among it, nor a key, an argument or a message of an error (SECURITY.md §1.6).
package tracing

// Command provider is the identity provider: `provider serve` runs it, `provider client` registers sites.
//
// It reads flags and environment variables and hands them to package app; nothing else is decided here.
package main

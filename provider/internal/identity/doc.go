// Package identity holds the words for who is who: accounts, their devices, the clients (sites) and the logins between
// them. It has types and refusals, no storage and no HTTP; each door declares the few methods it needs of a store.
//
// It imports the standard library alone. Phone numbers reach it in E.164; reading what a person typed is the phone door's.
package identity

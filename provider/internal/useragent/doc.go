// Package useragent says in words which browser a user agent is, for a person to read.
//
// A user agent is whatever whoever shows the code wrote there. So the words are of a fixed vocabulary, and nothing of the text itself
// comes through; that they are true, nobody can know. The package must not know what the words are used for.
package useragent

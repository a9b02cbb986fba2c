// Package app is the provider as a value: the one public door for Go. [New] opens the stores and wires the doors, [Provider]
// serves them and stops in order. A program that embeds the provider uses this package and then speaks HTTP to it.
package app

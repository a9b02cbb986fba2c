// Package operator is the operator's door: whether the process lives, whether it can serve, and its metrics. It listens apart from the
// others and asks nobody who they are, so it must not be reachable from outside.
package operator

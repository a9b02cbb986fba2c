// Package metrics counts and times what a provider does, for Prometheus. What is counted, it wraps or is told: no other package knows of
// it, and none of what it counts decides anything.
//
// Labels have few values, all of them known before: never who asks, nor for whom.
package metrics

// Package testenv finds the programs that tests run against: a real Redis, a real PostgreSQL, a browser. A machine without one of them runs
// the other tests; QRLOGIN_REQUIRE=all makes its absence an error, so that nothing is left out unnoticed where it counts.
//
// It is for tests alone and must not know what is tested.
package testenv

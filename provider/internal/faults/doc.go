// Package faults breaks what a provider stands on, while a swarm of people logs in, and judges what became of their logins: real provider
// processes, a real Redis, sentinel and PostgreSQL, a real full disk, and mobile-sim swarm.
//
// Its tests are short (go test). QRLOGIN_FAULTS=long (make faults) has them at the sizes and times of docs/faults.md, one after the
// other, and prints that document's table.
//
// They know of a provider its command line and HTTP, and must not reach past them.
package faults

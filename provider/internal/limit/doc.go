// Package limit is the table of all limits that an operator can set: what each counts, by whom, how much is let through unless it is
// set otherwise, and why so much (SECURITY.md §2 row 11, RFC 10027 §6.1.11).
//
// The doors name a limit and say of whom; the store counts, for all nodes. Limits that are part of a rule and not an operator's
// choice are not here but beside their rule: the pace of polling (RFC 8628 §3.5), the tries of an enrolment code and of a typed code,
// on whose number the length of those codes rests, and the codes of one visit to the hosted page.
package limit

// Package sms brings enrolment codes to phone numbers: in the console, into a file, by the operator's own webhook, or by a gateway.
//
// It says the message and sends it. Who may have one, and how many, is not known here; nor are accounts.
package sms

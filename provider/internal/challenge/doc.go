// Package challenge is the core of qrlogin: one QR login, order or handoff in progress, as a value and its rules.
//
// A [Challenge] is the device authorization session of RFC 8628. [Challenge.Apply] is the only place where it changes, and
// it is pure: no I/O, no clock of its own, every state × event decided. A [Store] keeps challenges and swaps them on their
// version; it knows no rules. [Do] changes one, [Wait] waits for one to change.
//
//	         scan               approve                        redeem
//	pending ──────▶ claimed ─────────────▶ approved ─────────────────▶ redeemed ──▶ gone (receipt, or end of its window)
//	   ▲──release──────┘  │ └─▶ confirming ──▶ ┘ (policy: digits on the page)
//	                      │         │ deny, or the third miss
//	                      └──deny──▶└──▶ gone       pending, claimed, confirming, approved: expire, cancel ──▶ gone
//
// What is gone leaves a tombstone: hashes and the outcome, until a minute past the challenge's expiry.
//
// This package imports the standard library alone, and of that neither net/http nor database/sql. It must not know how
// requests arrive, where records lie, or what a token is.
package challenge

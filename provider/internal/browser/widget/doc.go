// Package widget is the web component <qr-login>: one script module that a site puts on its login page, and that draws the living QR
// code, watches the challenge (browser door, openapi.yaml) and goes through its states.
//
//	<script type="module" src="https://provider.example/widget.js"></script>
//	<qr-login challenge="/login/challenge" finish="/login/finish"></qr-login>
//
// docs/widget.md is for those who use it: attributes, events, looks, languages, policy.
//
// # Building
//
// The sources are in src, plain JavaScript. go generate bundles them (bundle, esbuild) with the QR encoder of package-lock.json into
// widget.js, the same bytes every time; widget.js is committed, so that building the provider needs no Node. lean-qr was chosen for
// its size (3.5 kB gzipped) and because it mixes modes: a code of the provider takes 33 modules a side, 37 with an encoder that keeps
// to bytes.
//
// The package knows nothing of the provider's own: it is a file. The watch capability lives in one private field of the
// script (src/challenge.js), travels in an Authorization header, and is never in the document, in storage, in an event, in a URL or
// in the console (SECURITY.md §1.1, §1.6).
package widget

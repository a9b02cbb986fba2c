// Package widget is the web component <qr-login>: one script module that a site puts on its login page, and that draws the living QR
// code, watches the challenge (browser door, openapi.yaml) and goes through its states.
//
//	<script type="module" src="https://provider.example/widget.js"></script>
//	<qr-login challenge="/login/challenge" finish="/login/finish"></qr-login>
//
// # Attributes
//
//   - challenge: a URL of the site. POST, without a body, starts a challenge for this visitor and answers JSON with challenge_id, watch
//     and expires_in, as POST /device_authorization returned them; never the device_code.
//   - finish: a URL of the site. POST with {"challenge_id": …} waits for the phone's decision (up to 25 s) and answers JSON:
//     {"status": "pending"}, ask again; {"location": "/account"}, logged in, go there (an address of the site alone);
//     {"status": "denied"} or {"status": "expired"}, with status 200 or 410. It is called from the scan on, one call at a time.
//   - issuer: the provider, where the script does not come from it.
//   - lang: en or zh; otherwise the nearest lang attribute or the browser's language decides.
//
// The two URLs may not be of another origin. Changed, they start anew.
//
// # Events
//
// All bubble and are composed; none holds a secret.
//
//   - qr-scanned: a phone has claimed the challenge.
//   - qr-approved (detail.location): the login is done. preventDefault stops the navigation.
//   - qr-declined: the person said no.
//   - qr-expired (detail.renewing): nobody scanned in time; renewing tells whether a new code comes by itself.
//   - qr-error (detail.code, detail.status): configuration (the attributes), refused (with the HTTP status), bad-answer,
//     location-refused, network (no answer for some ten minutes), internal.
//
// # Appearance
//
// Light or dark follows the page's color-scheme. Custom properties: --qr-login-size, --qr-login-accent, --qr-login-on-accent,
// --qr-login-background, --qr-login-text, --qr-login-radius; parts: card, code, status, hint, button. The widget works under
//
//	default-src 'none'; script-src <issuer>; connect-src 'self' <issuer>; style-src 'none'; require-trusted-types-for 'script'
//
// # Building
//
// The sources are in src, plain JavaScript. go generate bundles them (bundle, esbuild) with the QR encoder of package-lock.json into
// widget.js, the same bytes every time; widget.js is committed, so that building the provider needs no Node. lean-qr was chosen for
// its size (3.5 kB gzipped) and because it mixes modes: a code of the provider takes 33 modules a side, 37 with an encoder that keeps
// to bytes.
//
// The package knows nothing of the provider's own: it is a file and its hash. The watch capability lives in one private field of the
// script (src/challenge.js), travels in an Authorization header, and is never in the document, in storage, in an event, in a URL or
// in the console (SECURITY.md §1.1, §1.6).
package widget

// Package webphone serves the web phone: a small web app at <issuer>/phone that does what mobile-sim does, for people, on a phone's
// own browser. docs/phone.md is for those who use it and for the owner of a provider.
//
// # Building
//
// The sources are in src, plain JavaScript modules. go generate bundles them (bundle, esbuild) into app.js, app.css and decoder.js,
// and draws the icons; the outcome is committed, so that building the provider needs no Node.
//
// The package is a door that knows nothing of challenges, accounts or keys: it hands out files. What the app does, it does through
// the phone's door, by the contract that every phone has (openapi.yaml).
package webphone

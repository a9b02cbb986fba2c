// Command bench reports what a login costs the provider: CPU, allocations, store round trips, memory for each browser that
// waits, and the time from an approval to the answers.
//
// People log in by the device flow, on a page of the site's, and by the code flow, on the provider's; with ID tokens of ES256 and of
// RS256.
//
// Each subject runs as a process of its own, and this one is the sites, browsers and phones that log in to it over HTTP, so
// that nothing but the provider is counted. The subjects are the provider on its memory store, the provider on a real Redis,
// and the floor: a bare gin server that does the same requests and the same cryptography, and nothing else. Machines differ
// and are noisy, so they take turns, and the ratio to the floor is the figure to go by.
//
// The provider runs as `provider serve` would: SQLite in a file, and a log line for each request. The program needs Linux,
// whose /proc it reads. It must not reach into the provider past app.New and HTTP.
package main

// Package swarm is many phones, browsers and sites at once, for whoever wants to know how much a provider carries and what it does when
// a part of it fails. Each party does what a real one does, over HTTP and with keys of its own: a site begins a challenge and holds a
// request for its tokens (RFC 8628, RFC 7240), a browser watches by long polls, a phone scans a frame and signs its approval. A party
// whose connection drops asks again, at the next node if there are several, as good clients do.
//
// What it finds is a [Report]: how many logins a second, how long each step took, and above all the logins that were lost or doubled.
package swarm

// Package crowd bounds what one node takes on at once: connections, requests that are worked on, and requests that wait. What is past a
// bound is told so at once, before it costs anything; and where somebody has to go, those go first who keep the node waiting, and those
// who only begin.
//
// What waits for long is parked: it keeps its place and its connection, and next to nothing else.
//
// It counts and knows no rule: which request waits for what, and what a refusal looks like, is the doors' to say.
package crowd

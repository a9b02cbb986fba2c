// Package bookmarks reads the bookmark file that every browser exports (the Netscape format), whoever wrote it: what it holds is shown to
// a person and linked to, so that nothing in it may run.
package bookmarks

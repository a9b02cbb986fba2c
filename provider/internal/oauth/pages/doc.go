// Package pages is what a person sees of the code flow in their browser: the provider's hosted login page, the question before
// a second site, logging out, what went wrong, and the form that posts an answer to a site (OAuth 2.0 Form Post Response Mode).
// In English and Chinese, with script and without.
//
// It is a view: each page is a value that writes itself, with the headers that it needs. It decides nothing, stores nothing and
// must not know the doors, the core or a token; what it is told to show it shows escaped.
package pages

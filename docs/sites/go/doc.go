// Command go is a site that its visitors log in to with their phone, by go-oidc and x/oauth2 as they come. README.md says how
// to run it.
//
// It must not know the provider by anything but its issuer URL.
package main

package pages

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
)

// styleHash allows our style. It is the same for every page, so it is made once.
var styleHash = hash(css)

// policy is a content security policy: nothing is allowed but our style, pictures of ours, forms as they say, and more.
func policy(forms, more string) string {
	return "default-src 'none'; style-src " + styleHash + "; img-src 'self'; form-action " + cmp.Or(forms, "'none'") + more +
		"; base-uri 'none'; frame-ancestors 'none'"
}

// own is where the forms of a page lead whose forms are sent to the provider, which may then redirect to the site.
func own(redirectURI string) string {
	if forms := schemes(redirectURI); forms != "" {
		return "'self' " + forms
	}
	return "'self'"
}

// schemes is where a form may lead that ends at a redirect URI. Chromium holds every redirect behind a form to form-action, the
// site's own too (a proxy's callback goes on to the host that it guards), so that a page which named the redirect URI's origin
// would strand people there: the scheme is named instead. Nothing is typed into these forms.
func schemes(redirectURI string) string {
	u, err := url.Parse(redirectURI) // a scheme that is one: letters, digits, "+", "-" and "."
	switch {
	case err != nil || u.Scheme == "":
		return ""
	case u.Scheme == "http" || u.Scheme == "https":
		return "https: http:"
	}
	return u.Scheme + ":"
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

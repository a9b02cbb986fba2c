package identity

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Invalid is what is wrong with a registration, in one line.
type Invalid struct {
	Redirect bool // it is about a redirect URI; RFC 7591 §3.2.2 tells these from the rest
	Reason   string
}

func (i Invalid) Error() string { return i.Reason }

func invalid(format string, a ...any) error { return Invalid{Reason: fmt.Sprintf(format, a...)} }

// Scopes is every scope that has a meaning here.
var Scopes = []string{"openid", "phone", "offline_access"}

// DetailTypes is every type of authorization details that has a meaning here (RFC 9396 §2).
var DetailTypes = []string{"order", "handoff"}

// The bounds of a registration.
const (
	maxList = 32
	maxURI  = 2000
	maxKeys = 32 << 10
)

// Check refuses what may not be registered, whichever way it came: one [Invalid].
func (c Client) Check() error {
	for _, check := range []func() error{c.checkNames, c.checkAuthentication, c.checkPages, c.checkRequests, c.Policy.check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Client) checkNames() error {
	if c.ID == "" || len(c.ID) > 128 || !printable(c.ID) {
		return invalid("client id %q is not 1 to 128 printable ASCII characters without spaces", c.ID)
	}
	if !ValidName(c.Name) {
		return invalid("the name is not 1 to 64 printable characters")
	}
	if len(c.Sector) > 255 || !printable(c.Sector) { // one with a space could be another client's own (see sector)
		return invalid("sector %q is not up to 255 printable ASCII characters without spaces", c.Sector)
	}
	return nil
}

func (c Client) checkAuthentication() error {
	var keys struct {
		Keys []json.RawMessage `json:"keys"`
	}
	switch {
	case len(c.SecretHash) > 0 && c.HasKeys():
		return invalid("a client has a secret or keys, not both")
	case len(c.JWKS) > 0 && c.JWKSURI != "": // RFC 7591 §2
		return invalid("a client has jwks or jwks_uri, not both")
	case len(c.JWKS) > maxKeys:
		return invalid("jwks is larger than %d bytes", maxKeys)
	case len(c.JWKS) > 0 && (json.Unmarshal(c.JWKS, &keys) != nil || len(keys.Keys) == 0):
		return invalid(`jwks is not a JSON object with "keys" in it (RFC 7517)`)
	case c.JWKSURI != "" && WebURI(c.JWKSURI) != "":
		return invalid("jwks_uri %s", WebURI(c.JWKSURI))
	case c.PKCEOptional && c.Public(): // RFC 9700 §2.1.1
		return invalid("PKCE is optional for a client with a secret or keys alone")
	}
	return nil
}

func (c Client) checkPages() error {
	if len(c.RedirectURIs) > maxList {
		return Invalid{Redirect: true, Reason: fmt.Sprintf("there are more than %d redirect URIs", maxList)}
	}
	if max(len(c.Origins), len(c.PostLogoutRedirectURIs)) > maxList {
		return invalid("there are more than %d origins or post-logout redirect URIs", maxList)
	}
	for _, origin := range c.Origins {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	for _, uri := range c.RedirectURIs {
		if why := c.redirectURI(uri); why != "" {
			return Invalid{Redirect: true, Reason: "redirect URI " + why}
		}
	}
	for _, uri := range c.PostLogoutRedirectURIs {
		if why := c.redirectURI(uri); why != "" {
			return invalid("post-logout redirect URI %s", why)
		}
	}
	if why := WebURI(c.BackchannelLogoutURI); c.BackchannelLogoutURI != "" && why != "" {
		return invalid("back-channel logout URI %s", why)
	}
	if why := WebURI(c.LogoURI); c.LogoURI != "" && why != "" {
		return invalid("logo URI %s", why)
	}
	return nil
}

func (c Client) checkRequests() error {
	for _, scope := range c.Scopes {
		if !slices.Contains(Scopes, scope) {
			return invalid("scope %q is not one of %s", scope, strings.Join(Scopes, ", "))
		}
	}
	if len(c.Resources) > maxList {
		return invalid("there are more than %d resources", maxList)
	}
	for _, resource := range c.Resources { // RFC 8707 §2
		if _, why := absoluteURI(resource); why != "" {
			return invalid("resource %s", why)
		}
	}
	for _, t := range c.DetailTypes {
		if !slices.Contains(DetailTypes, t) {
			return invalid("authorization details type %q is not one of %s", t, strings.Join(DetailTypes, ", "))
		}
	}
	if len(c.DetailTypes) > 0 && c.Public() { // anybody has its id: under it whoever likes would ask to be paid
		return invalid("authorization details are for a client with a secret or keys alone")
	}
	if len(c.DetailTypes) > len(DetailTypes) {
		return invalid("an authorization details type is repeated")
	}
	if !slices.Contains([]string{"", "ES256", "RS256"}, c.SigningAlg) {
		return invalid("signing algorithm %q is not ES256 or RS256", c.SigningAlg)
	}
	return nil
}

func checkOrigin(origin string) error {
	u, why := absoluteURI(origin)
	if why != "" || u.Host == "" || u.Scheme+"://"+u.Host != origin || u.Scheme != "https" && u.Scheme != "http" {
		return invalid("origin %.100q is not like https://shop.example", origin)
	}
	if why := WebURI(origin); why != "" {
		return invalid("origin %s", why)
	}
	return nil
}

// redirectURI says why the browser may not be sent there, "" when it may. An app's own scheme is in reverse-domain form (RFC
// 8252 §7.1), which leaves out javascript:, data: and whatever else a browser would run; any app can claim it, so no client
// with a secret or keys has one.
func (c Client) redirectURI(uri string) string {
	u, why := absoluteURI(uri)
	switch {
	case why != "":
		return why
	case strings.Contains(uri, "*"):
		return fmt.Sprintf("%q has a wildcard: they are compared exactly", uri)
	case u.Scheme == "https" || u.Scheme == "http":
		return WebURI(uri)
	case !strings.Contains(u.Scheme, "."):
		return fmt.Sprintf("%q is not https, nor of an app's own scheme like com.example.app:/done", uri)
	case u.Path == "" && u.Host == "" || u.User != nil || u.Host != "" && !plainHost(u): // a:b has no path (url.URL.Opaque)
		return fmt.Sprintf("%q is not like com.example.app:/done", uri)
	case !c.Public():
		return fmt.Sprintf("%q is an app's own scheme, which is for public clients alone", uri)
	}
	return ""
}

// WebURI says why a URI is not that of a page or a service, "" when it is: https, or http on the loopback.
func WebURI(uri string) string {
	u, why := absoluteURI(uri)
	switch {
	case why != "":
		return why
	case u.Scheme != "https" && u.Scheme != "http" || !plainHost(u):
		return fmt.Sprintf("%q is not an https URL", uri)
	case u.User != nil:
		return fmt.Sprintf("%q has a user in it", uri)
	case u.Scheme == "http" && !slices.Contains(loopbacks, hostOf(u)):
		return fmt.Sprintf("%q is not https; http is for the loopback alone", uri)
	}
	return ""
}

// absoluteURI says why a text is not an absolute URI without a fragment (RFC 3986 §4.3), "" when it is. What a browser would
// read otherwise than we do is not: a backslash, a control character, a host with a percent sign.
func absoluteURI(uri string) (*url.URL, string) {
	u, err := url.Parse(uri)
	switch {
	case len(uri) > maxURI:
		return nil, fmt.Sprintf("is longer than %d characters", maxURI)
	case !printable(uri) || strings.ContainsAny(uri, "\"<>\\^`{|}"):
		return nil, fmt.Sprintf("%q has a character that no URI has (RFC 3986)", uri)
	case err != nil || u.Scheme == "":
		return nil, fmt.Sprintf("%q is not an absolute URI", uri)
	case !strings.HasPrefix(uri, u.Scheme+":"): // one spelling of https, so that a prefix tells it
		return nil, fmt.Sprintf("%q does not write its scheme in lower case", uri)
	case strings.Contains(uri, "#"):
		return nil, fmt.Sprintf("%q has a fragment", uri)
	}
	return u, ""
}

// plainHost tells whether a host is a name or an address and no more: it is shown to people, and goes into policies of pages,
// where a semicolon would end one.
func plainHost(u *url.URL) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	name := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		return strings.Trim(name, "0123456789abcdefABCDEF:.") == ""
	}
	return name != "" && strings.Trim(name, letters+"-._") == ""
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7e })
}

// loopbacks is the hosts that are a person's own machine, as they stand in a URI (RFC 8252 §7.3).
var loopbacks = []string{"127.0.0.1", "[::1]", "localhost"}

func hostOf(u *url.URL) string { return strings.TrimSuffix(strings.TrimSuffix(u.Host, u.Port()), ":") }

// Redirects tells whether the browser may be sent to this URI with a code: it is a registered one to the letter (RFC 9700
// §2.1). On the loopback the port is free, because a program takes the one that it gets (RFC 8252 §7.3).
func (c Client) Redirects(uri string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return uri == registered || samePage(uri, registered)
	})
}

// samePage tells whether two URIs are the same on the loopback but for the port.
func samePage(a, b string) bool {
	hostA, restA := cutPort(a)
	hostB, restB := cutPort(b)
	return hostA != "" && hostA == hostB && restA == restB
}

// cutPort cuts a URI of the loopback around its port; no host for any other URI.
func cutPort(uri string) (host, rest string) {
	for _, name := range loopbacks {
		rest, found := strings.CutPrefix(uri, "http://"+name)
		if !found {
			continue
		}
		port, isPort := strings.CutPrefix(rest, ":")
		if isPort {
			end := strings.IndexAny(port+"/", "/?")
			if n, err := strconv.ParseUint(port[:end], 10, 16); err != nil || n == 0 || port[0] == '0' {
				return "", ""
			}
			rest = port[end:]
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return name, rest
		}
	}
	return "", ""
}

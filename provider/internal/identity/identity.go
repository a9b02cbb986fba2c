package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Account is a person, known by a proven phone number. Sites never see its ID, only a pairwise subject.
type Account struct {
	ID          string // 128 random bits, base64url
	PhoneNumber string // E.164
	CreatedAt   time.Time
}

// Device is an enrolled device key of an account.
type Device struct {
	ID         string // thumbprint of the key (RFC 7638)
	Account    string
	Name       string
	Key        []byte // public JWK; the private key never leaves the device (SECURITY.md §5)
	CreatedAt  time.Time
	LastSeenAt time.Time
	ActiveAt   time.Time // it works from then on, and waits until then (see Admit)
	Passkey    string    // the one that it has to show for what matters, "" for none
}

// Client is a registered site.
type Client struct {
	ID        string
	Name      string // shown on the phone and on the hosted page
	CreatedAt time.Time

	// How it authenticates: by a secret, by keys of its own (private_key_jwt), or not at all.
	SecretHash []byte // SHA-256 of the secret
	JWKS       []byte // its public keys (RFC 7517)
	JWKSURI    string // where it publishes them

	Origins                []string // whose pages may watch challenges, as "https://shop.example"
	RedirectURIs           []string // where an authorization code may go, compared exactly
	PostLogoutRedirectURIs []string // where the browser may go after a logout
	BackchannelLogoutURI   string   // where a logout token is sent
	LogoURI                string   // a picture for the hosted page

	Scopes       []string // what it may ask for; offline_access lets it have refresh tokens
	Resources    []string // audiences that it may ask for (RFC 8707)
	DetailTypes  []string // what it may ask for beyond a login (RFC 9396 §10)
	Sector       string   // clients of one sector see the same sub (OIDC Core §8.1); "" for the host of its first page
	SigningAlg   string   // of ID tokens: ES256 or RS256
	Policy       Policy   // how strict it is
	PKCEOptional bool     // it may ask for a code without PKCE; never a public client
	RequirePAR   bool     // it must push its authorization requests (RFC 9126)
}

// Public tells whether the client has nothing to authenticate with (RFC 6749 §2.1).
func (c Client) Public() bool { return len(c.SecretHash) == 0 && !c.HasKeys() }

// HasKeys tells whether it authenticates by keys of its own (OIDC Core §9, private_key_jwt).
func (c Client) HasKeys() bool { return len(c.JWKS) > 0 || c.JWKSURI != "" }

// HashSecret is how a client secret is stored. A secret is 256 random bits, so a plain hash cannot be searched, and costs
// microseconds where a password hash would cost milliseconds with every request.
func HashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// HasSecret compares in constant time. It is false for every secret when the client has none.
func (c Client) HasSecret(secret string) bool {
	return len(c.SecretHash) > 0 && subtle.ConstantTimeCompare(c.SecretHash, HashSecret(secret)) == 1
}

// HasOrigin tells whether pages of this origin may watch the client's challenges.
func (c Client) HasOrigin(origin string) bool { return slices.Contains(c.Origins, origin) }

// Domains is the hosts of its registered pages, origins before redirect URIs: what the phone shows beside the name.
func (c Client) Domains() []string {
	domains := make([]string, 0, len(c.Origins))
	for _, pages := range [][]string{c.Origins, c.RedirectURIs} {
		for _, page := range pages {
			if domain := domainOf(page); domain != "" && !slices.Contains(domains, domain) {
				domains = append(domains, domain)
			}
		}
	}
	return domains
}

// domainOf is the host of a page on the web, with its port; "" of any other URI.
func domainOf(page string) string {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Host
}

// MayShowCode tells whether the client may show the QR code itself, by the device grant (RFC 8628). One whose domain is known by
// its redirect URIs alone may not: a code of the code flow goes to that domain and nowhere else, while whoever shows a QR code
// can show it anywhere, and the phone would name a domain that nobody has vouched for.
func (c Client) MayShowCode() bool {
	return len(c.Origins) > 0 || !slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return strings.HasPrefix(uri, "https://") })
}

// sector is whose subjects the client sees. Its pages' first host is the sector (OIDC Core §8.1), but for a redirect URI on
// the loopback or of an app's own scheme, which anybody's program may have.
func (c Client) sector() string {
	if c.Sector != "" {
		return c.Sector
	}
	for _, origin := range c.Origins {
		if domain := domainOf(origin); domain != "" {
			return domain
		}
	}
	for _, uri := range c.RedirectURIs {
		if domain := domainOf(uri); domain != "" && strings.HasPrefix(uri, "https://") {
			return domain
		}
	}
	return "client " + c.ID // no host has a space: another client's host is not its sector
}

// Subject is the pairwise sub (OIDC Core §8.1): the same account is another subject to each sector, so that sites cannot
// join what they know. key is the provider's own and never changes.
func (c Client) Subject(key []byte, account string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("qrlogin sub\x00" + c.sector() + "\x00" + account))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Login is one person logged in at one site: by a scan, or within a provider session that a scan began.
type Login struct {
	ID        string // sid of the ID token
	Challenge string // hash of what it came from, a challenge or an authorization within a session; unique
	Client    string
	Account   string
	Device    string
	Address   string    // of the browser that was logged in
	UserAgent string    // of the same
	At        time.Time // when the site was let in
	AuthTime  time.Time // when the phone approved
	Scopes    []string
	Resources []string  // audiences of its access tokens (RFC 8707)
	ACR       string    // how the person was authenticated (OIDC Core §2)
	AMR       []string  // by which methods (RFC 8176)
	Session   string    // the provider session that it belongs to, "" for none
	EndedAt   time.Time // when it was ended, and with it all that it gave out; zero while it has not been
}

// Session is a browser that its owner called their own on the phone: until it ends, further sites need no scan. It begins with
// that one approval, and keeps who, how and when.
type Session struct {
	ID        string // hash of the cookie's secret
	Account   string
	Device    string
	AuthTime  time.Time // of the scan
	ACR       string    // as of a Login
	AMR       []string
	ExpiresAt time.Time
}

// RefreshToken is one refresh token of a login. Each is used once; one used again ends the login (RFC 9700 §4.14.2).
type RefreshToken struct {
	Hash       string // of the secret
	Login      string
	Thumbprint string // of the DPoP key that it is bound to (RFC 9449 §5), "" for none
	ExpiresAt  time.Time
}

// MaskNumber leaves of a phone number what helps its owner recognise it: "+86…8000".
func MaskNumber(e164 string) string {
	if len(e164) < 8 {
		return "…"
	}
	return e164[:3] + "…" + e164[len(e164)-4:]
}

// ValidName tells whether a name may be shown on a phone as it is: 1 to 64 characters, none of them a control character or
// a direction override.
func ValidName(name string) bool {
	if name == "" || len([]rune(name)) > 64 || strings.TrimSpace(name) != name {
		return false
	}
	return SafeText(name)
}

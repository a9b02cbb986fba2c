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
}

// Client is a registered site.
type Client struct {
	ID         string
	Name       string   // shown on the phone
	SecretHash []byte   // SHA-256 of the secret; empty for a public client
	Origins    []string // whose pages may watch challenges, as "https://shop.example"
	Scopes     []string // what it may ask for
	Sector     string   // clients of one sector see the same sub (OIDC Core §8.1); "" for the first origin's host, or else its own
	StaticQR   bool     // it may use codes that do not rotate
	CreatedAt  time.Time
}

// Public tells whether the client has no secret (RFC 6749 §2.1).
func (c Client) Public() bool { return len(c.SecretHash) == 0 }

// HashSecret is how a client secret is stored. A secret is 256 random bits, so a plain hash cannot be searched, and costs
// microseconds where a password hash would cost milliseconds with every request.
func HashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// HasSecret compares in constant time. It is false for every secret when the client is public.
func (c Client) HasSecret(secret string) bool {
	return !c.Public() && subtle.ConstantTimeCompare(c.SecretHash, HashSecret(secret)) == 1
}

// HasOrigin tells whether pages of this origin may watch the client's challenges.
func (c Client) HasOrigin(origin string) bool { return slices.Contains(c.Origins, origin) }

// Domains is the hosts of the registered origins: what the phone shows beside the name.
func (c Client) Domains() []string {
	domains := make([]string, 0, len(c.Origins))
	for _, origin := range c.Origins {
		if u, err := url.Parse(origin); err == nil && u.Host != "" && !slices.Contains(domains, u.Host) {
			domains = append(domains, u.Host)
		}
	}
	return domains
}

// Subject is the pairwise sub (OIDC Core §8.1): the same account is another subject to each sector, so that sites cannot
// join what they know. key is the provider's own and never changes.
func (c Client) Subject(key []byte, account string) string {
	sector := c.Sector
	if sector == "" {
		if domains := c.Domains(); len(domains) > 0 {
			sector = domains[0]
		} else {
			sector = "client " + c.ID // no host has a space: another client's host is not its sector
		}
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("qrlogin sub\x00" + sector + "\x00" + account))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Login is one redemption: which account, by which device, at which site.
type Login struct {
	ID        string // sid of the ID token
	Challenge string // hash of the challenge's id; unique
	Client    string
	Account   string
	Device    string
	Address   string // of the browser that was logged in
	UserAgent string // of the same
	At        time.Time
}

// AuditEvent is something that the operator or the owner of an account may want to know later.
type AuditEvent struct {
	At      time.Time
	Kind    string // "device.enrolled", "code.reused", …
	Account string // "" when nobody's
	Client  string // "" when no site's
	Detail  string // never a secret, a code or a whole phone number
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

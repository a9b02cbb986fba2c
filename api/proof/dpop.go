package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// DPoPType is the typ of a DPoP proof (RFC 9449 section 4.2).
const DPoPType = "dpop+jwt"

const (
	maxDPoP = 8 << 10 // bytes of a whole proof
	maxID   = 128     // bytes of a jti, which the caller remembers
)

// DPoP is a verified DPoP proof: this key sent this request. The caller still judges IssuedAt, Nonce, AccessTokenHash, and
// whether ID was seen before (RFC 9449 section 4.3, items 10 to 12, and section 11.1).
type DPoP struct {
	Key             *ecdsa.PublicKey
	Thumbprint      string    // of Key, RFC 7638
	ID              string    // jti, 1 to 128 bytes
	Method          string    // htm
	URL             string    // htu, as the sender wrote it
	Nonce           string    // nonce, "" when there is none
	AccessTokenHash string    // ath, "" when there is none
	IssuedAt        time.Time // iat
}

type dpopClaims struct {
	jwt.RegisteredClaims        // jti, iat
	Method               string `json:"htm"`
	URL                  string `json:"htu"`
	Nonce                string `json:"nonce,omitempty"`
	AccessTokenHash      string `json:"ath,omitempty"`
}

// SignDPoP makes a DPoP proof for one request (RFC 9449 section 4.2) with a fresh random jti. The query and fragment of
// the URL are left out. The nonce is the provider's last DPoP-Nonce, or "".
func SignDPoP(key crypto.Signer, method, target, nonce string, now time.Time) (string, error) {
	return signDPoP(key, method, target, nonce, "", now)
}

// SignDPoPFor is SignDPoP for a request that carries this access token (RFC 9449 section 7.1).
func SignDPoPFor(key crypto.Signer, method, target, nonce, accessToken string, now time.Time) (string, error) {
	return signDPoP(key, method, target, nonce, AccessTokenHash(accessToken), now)
}

// AccessTokenHash is the ath of a proof beside this access token (RFC 9449 section 4.2).
func AccessTokenHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64url.EncodeToString(sum[:])
}

func signDPoP(key crypto.Signer, method, target, nonce, ath string, now time.Time) (string, error) {
	jws, err := sign(key, DPoPType, &dpopClaims{
		RegisteredClaims: jwt.RegisteredClaims{ID: rand.Text(), IssuedAt: jwt.NewNumericDate(now)},
		Method:           method,
		URL:              withoutQuery(target),
		Nonce:            nonce,
		AccessTokenHash:  ath,
	})
	if err != nil {
		return "", fmt.Errorf("sign DPoP proof: %w", err)
	}
	return jws, nil
}

// VerifyDPoP verifies a DPoP proof for a request with this method to this URL (RFC 9449 section 4.3, items 3 to 9). Both
// URLs are compared without query and fragment, after normalisation (RFC 3986 section 6.2). An error says what is wrong
// in words that may be shown to the sender.
func VerifyDPoP(jws, method, target string) (DPoP, error) {
	var claims dpopClaims
	pub, err := verify(jws, DPoPType, maxDPoP, &claims)
	if err != nil {
		return DPoP{}, fmt.Errorf("DPoP proof: %w", err)
	}
	if claims.Method != method {
		return DPoP{}, errors.New("DPoP proof: htm is not the request's method")
	}
	if !sameURL(claims.URL, target) {
		return DPoP{}, errors.New("DPoP proof: htu is not the request's URL")
	}
	if claims.ID == "" || len(claims.ID) > maxID {
		return DPoP{}, fmt.Errorf("DPoP proof: jti is missing or longer than %d bytes", maxID)
	}
	iat, err := issuedAt(claims.IssuedAt)
	if err != nil {
		return DPoP{}, fmt.Errorf("DPoP proof: %w", err)
	}
	return DPoP{
		Key:             pub,
		Thumbprint:      Thumbprint(pub),
		ID:              claims.ID,
		Method:          claims.Method,
		URL:             claims.URL,
		Nonce:           claims.Nonce,
		AccessTokenHash: claims.AccessTokenHash,
		IssuedAt:        iat,
	}, nil
}

func withoutQuery(target string) string {
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		return target[:i]
	}
	return target
}

// sameURL compares two absolute http URLs. Most senders write the URL exactly as it is expected, and need no parsing.
func sameURL(a, b string) bool {
	a, b = withoutQuery(a), withoutQuery(b)
	if a == b {
		return a != ""
	}
	a, okA := normalURL(a)
	b, okB := normalURL(b)
	return okA && okB && a == b
}

// normalURL brings scheme and host to lower case, drops the scheme's default port, and gives an empty path its slash.
func normalURL(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return "", false
	}
	host := strings.ToLower(u.Host) // url.Parse lowers the scheme, and leaves the host
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	default:
		return "", false
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":") + path, true
}

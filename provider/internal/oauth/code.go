package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
)

// How long an authorization code can be redeemed (RFC 6749 §4.1.2 allows ten minutes), and how long a second try is noticed: as
// long as an access token of the first may live.
const (
	codeLife  = time.Minute
	codeTrace = 11 * time.Minute
)

// code is what an authorization code stands for. The login is there already, so that a second try finds what to end.
type code struct {
	Client        string `json:"client"`
	RedirectURI   string `json:"redirect_uri"`
	CodeChallenge string `json:"code_challenge,omitempty"`
	Nonce         string `json:"nonce,omitempty"`
	Thumbprint    string `json:"dpop_jkt,omitempty"`
	Login         string `json:"login"`
}

// newCode makes a code for a login, and the answer that carries it.
func (d *Door) newCode(ctx context.Context, a authorization, login identity.Login) (answer, error) {
	secret := challenge.NewSecret()
	record := code{
		Client: a.Client, RedirectURI: a.RedirectURI, CodeChallenge: a.CodeChallenge, Nonce: a.Nonce, Thumbprint: a.Thumbprint, Login: login.ID,
	}
	if err := d.putSealed(ctx, "code", secret, record, codeLife); err != nil {
		return answer{}, err
	}
	if err := d.putSealed(ctx, "code trace", secret, record, codeTrace); err != nil {
		return answer{}, err
	}
	return answer{To: a.destination, Says: map[string]string{"code": secret}}, nil
}

// authorizationCode is the grant of RFC 6749 §4.1.3. A code is redeemed once, by the client that asked, at the URI that it asked
// for, with the verifier that only it has; whatever else is tried leaves the code as it is.
func (d *Door) authorizationCode(c *gin.Context, r request) error {
	secret := r.form["code"]
	if secret == "" {
		return invalidRequest("no code")
	}
	if len(secret) > 64 {
		return errInvalidGrant
	}
	ctx := c.Request.Context()
	var asked code
	err := d.peekSealed(ctx, "code", secret, &asked)
	if errors.Is(err, challenge.ErrNotFound) {
		return d.reusedCode(c, r.client, secret)
	}
	if err != nil {
		return err
	}
	if asked.Client != r.client.ID || asked.RedirectURI != r.form["redirect_uri"] || !verifies(asked.CodeChallenge, r.form["code_verifier"]) {
		return errInvalidGrant
	}
	if asked.Thumbprint != "" && asked.Thumbprint != r.thumbprint {
		return invalidProof("the code is bound to another key") // RFC 9449 §10
	}
	login, err := d.Logins.Login(ctx, asked.Login)
	if err != nil {
		return err
	}
	resources, err := narrowed(login.Resources, r.form)
	if err != nil {
		return err
	}
	// RFC 6749 §4.1.2: of many at once, one takes it.
	if _, err := d.Keys.Take(ctx, "code "+secret); errors.Is(err, challenge.ErrNotFound) {
		return d.reusedCode(c, r.client, secret)
	} else if err != nil {
		return err
	}
	return d.issue(c, r, login, login.Scopes, resources, asked.Nonce)
}

// reusedCode answers a code that is not there any more. If it ever was this client's, then what it gave out is void
// (RFC 6749 §4.1.2).
func (d *Door) reusedCode(c *gin.Context, client identity.Client, secret string) error {
	var was code
	err := d.peekSealed(c.Request.Context(), "code trace", secret, &was)
	if errors.Is(err, challenge.ErrNotFound) || err == nil && was.Client != client.ID {
		return errInvalidGrant
	}
	if err == nil {
		err = d.void(c, was.Login, client, "code.reused")
	}
	if err != nil {
		return err
	}
	return errInvalidGrant
}

// void ends all that a login gave out, because something of it was used a second time.
func (d *Door) void(c *gin.Context, login string, client identity.Client, kind string) error {
	if err := d.SignOut.Revoke(c.Request.Context(), login); err != nil {
		return err
	}
	d.audit(c, identity.AuditEvent{Kind: kind, Client: client.ID, Detail: "login " + login})
	return nil
}

// verifies holds a code_verifier against the challenge (RFC 7636 §4.6). One that comes where no challenge was sent is a
// downgrade (RFC 9700 §4.8.2).
func verifies(codeChallenge, verifier string) bool {
	if codeChallenge == "" || verifier == "" {
		return codeChallenge == "" && verifier == ""
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	digest := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(digest[:])), []byte(codeChallenge)) == 1
}

// putSealed keeps a record for the holder of a secret that the store does not get to know.
func (d *Door) putSealed(ctx context.Context, kind, secret string, record any, life time.Duration) error {
	plain, err := json.Marshal(record)
	if err != nil {
		return err
	}
	sealed, err := challenge.Seal(secret, kind, plain)
	if err != nil {
		return err
	}
	return d.Keys.Put(ctx, kind+" "+secret, sealed, life)
}

// peekSealed reads it; challenge.ErrNotFound.
func (d *Door) peekSealed(ctx context.Context, kind, secret string, record any) error {
	sealed, err := d.Keys.Peek(ctx, kind+" "+secret)
	if err != nil {
		return err
	}
	return openSealed(kind, secret, sealed, record)
}

func openSealed(kind, secret string, sealed []byte, record any) error {
	plain, err := challenge.Open(secret, kind, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, record)
}

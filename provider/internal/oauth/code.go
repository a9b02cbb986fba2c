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

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
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
	beyond
}

// beyond is what a phone approved beyond a login (RFC 9396 §7).
type beyond struct {
	Details json.RawMessage `json:"details,omitempty"`
	Device  string          `json:"device,omitempty"` // whose receipt it is
}

// beyondLogin is what an approved challenge grants. An order comes with its receipt, the approval as the phone signed it.
func beyondLogin(r challenge.Record) (g beyond, err error) {
	asked, err := details.Of(r.Request.Details)
	if err != nil || asked.Order == nil {
		return beyond{Details: r.Request.Details}, err
	}
	receipt := string(r.Signed)
	asked.Order.Receipt = &receipt
	g.Device = r.Claim.Device
	g.Details, err = json.Marshal(asked.Order)
	return g, err
}

// into adds it to a token response.
func (g beyond) into(answer *api.TokenResponse) error {
	if len(g.Details) == 0 {
		return nil
	}
	var detail api.AuthorizationDetail
	if err := detail.UnmarshalJSON(g.Details); err != nil {
		return err
	}
	answer.AuthorizationDetails = &[]api.AuthorizationDetail{detail}
	return nil
}

// newCode makes a code for a login, and the answer that carries it. That it still lives is a key of its own, on the store's clock.
func (d *Door) newCode(ctx context.Context, a authorization, login identity.Login, g beyond) (answer, error) {
	secret := challenge.NewSecret()
	record := code{
		Client: a.Client, RedirectURI: a.RedirectURI, CodeChallenge: a.CodeChallenge, Nonce: a.Nonce, Thumbprint: a.Thumbprint, Login: login.ID, beyond: g,
	}
	if err := d.putSealed(ctx, "code", secret, record, codeTrace); err != nil {
		return answer{}, err
	}
	if err := d.Keys.Put(ctx, "code lives "+secret, []byte{1}, codeLife); err != nil {
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
	if !isSHA256(secret) { // as long as one
		return errInvalidGrant
	}
	ctx := c.Request.Context()
	var asked code
	err := d.peekSealed(ctx, "code", secret, &asked)
	if errors.Is(err, challenge.ErrNotFound) {
		return errInvalidGrant
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
	// RFC 6749 §4.1.2: of many at once, one is first; what it gets is void, because the others were not.
	first, err := d.Keys.First(ctx, "code used "+secret, codeTrace)
	if err != nil {
		return err
	}
	if !first {
		return d.reused(c, login, identity.EventAuthorizationCodeReused)
	}
	if _, err := d.Keys.Peek(ctx, "code lives "+secret); errors.Is(err, challenge.ErrNotFound) {
		return errInvalidGrant // too late
	} else if err != nil {
		return err
	}
	return d.issue(c, r, login, login.Scopes, resources, asked.Nonce, asked.beyond)
}

// reused answers a code or refresh token that comes a second time, from a thief or from who was robbed: all that the login gave out
// is void (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
func (d *Door) reused(c *gin.Context, login identity.Login, kind string) error {
	login, err := d.Logins.Login(c.Request.Context(), login.ID)
	if err == nil && login.EndedAt.IsZero() {
		err = d.SignOut.Revoke(c.Request.Context(), login.ID)
		d.Log.Warn("alarm", "request_id", web.RequestID(c), "kind", kind, "client", login.Client)
		d.audit(c, identity.AuditEvent{Kind: kind, Account: login.Account, Client: login.Client, Login: login.ID})
	}
	if err != nil {
		return err
	}
	return errInvalidGrant
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

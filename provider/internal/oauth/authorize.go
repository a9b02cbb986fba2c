package oauth

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// pushedLife is how long a pushed request waits for its browser (RFC 9126 §2.2).
const pushedLife = 90 * time.Second

// The forms of a request_uri: what /par answers (RFC 9126 §2.2), and what a POST to /authorize is sent on with.
const (
	pushedURI = "urn:ietf:params:oauth:request_uri:"
	postedURI = "urn:qrlogin:posted:"
)

// par keeps an authorization request that a client pushed (RFC 9126). It is held against the rules now, so that its errors
// reach the client and no browser, and again when a browser brings its URI.
func (d *Door) par(c *gin.Context, r request) error {
	if r.form["request_uri"] != "" {
		return invalidRequest("a pushed request has no request_uri") // RFC 9126 §2.1
	}
	to, err := readDestination(r.client, r.form)
	if err != nil {
		return invalidRequest("redirect_uri is not one of this client's")
	}
	if _, err := d.readAuthorization(c.Request.Context(), r.client, to, r.form, !r.client.Public()); err != nil {
		return err
	}
	if r.thumbprint != "" { // RFC 9449 §10.1
		if r.form["dpop_jkt"] != "" && r.form["dpop_jkt"] != r.thumbprint {
			return invalidProof("dpop_jkt names another key")
		}
		r.form["dpop_jkt"] = r.thumbprint
	}
	if r.client.Public() { // who has proven nothing is counted
		if err := d.limited(c, r.client.ID, false); err != nil {
			return err
		}
	}
	r.form["client_id"] = r.client.ID
	uri, err := d.push(c, pushedURI, r.form)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, api.PushedAuthorizationRequest{RequestUri: uri, ExpiresIn: int(pushedLife / time.Second)})
	return nil
}

// authorizationParameters is what an authorization request is made of; nothing else is kept.
var authorizationParameters = []string{
	"client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "response_mode",
	"prompt", "max_age", "id_token_hint", "claims", "acr_values", "ui_locales", "resource", "authorization_details", "dpop_jkt", "request", "request_uri", "registration",
}

// maxKept is how large a request may be that is kept, in KiB: what fits into a URL, and beside it, pushed, an order.
var maxKept = map[string]int{pushedURI: 32, postedURI: 16}

// push keeps the parameters of a request under a URI that is good once.
func (d *Door) push(c *gin.Context, kind string, f form) (uri string, err error) {
	kept, size := form{}, 0
	for _, name := range authorizationParameters {
		if f[name] != "" {
			kept[name] = f[name]
			size += len(f[name])
		}
	}
	if most := maxKept[kind]; size > most<<10 {
		return "", oauthError{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: fmt.Sprintf("the request is larger than %d KiB", most)}
	}
	secret := challenge.NewSecret()
	return kind + secret, d.putSealed(c.Request.Context(), kind, secret, kept, pushedLife)
}

// kindOf is the kind of a request_uri of ours; "" for none, and for any other.
func kindOf(uri string) string {
	for _, kind := range []string{pushedURI, postedURI} {
		if strings.HasPrefix(uri, kind) {
			return kind
		}
	}
	return ""
}

// pulled answers the parameters behind a request_uri and forgets them; challenge.ErrNotFound.
func (d *Door) pulled(c *gin.Context, kind, uri string) (form, error) {
	secret := strings.TrimPrefix(uri, kind)
	sealed, err := d.Keys.Take(c.Request.Context(), kind+" "+secret)
	if err != nil {
		return nil, err
	}
	var f form
	return f, openSealed(kind, secret, sealed, &f)
}

// authorizeByForm takes the parameters of a POST (OIDC Core §3.1.2.1). A browser sends no SameSite cookie with another site's
// POST, so it is sent on, to come back by GET.
func (d *Door) authorizeByForm(c *gin.Context) error {
	f, malformed := readForm(c)
	uri := f["request_uri"]
	if kindOf(uri) == "" || malformed != nil {
		_, to, err := d.asker(c, f)
		if err != nil {
			return cmp.Or(malformed, err)
		}
		if malformed != nil {
			return d.refuse(c, to, malformed)
		}
		if err := d.limited(c, f["client_id"], false); err != nil {
			return err
		}
		if uri, err = d.push(c, postedURI, f); err != nil {
			return err
		}
	}
	return seeOther(c, withQuery("/authorize", map[string]string{"client_id": f["client_id"], "request_uri": uri}))
}

// limited counts an authorization that something will be kept of. One that a client pushed, and proved to be who it is, counts by its
// network alone: whoever makes up requests in a site's name fills the site's limit, and locks none out whom the site sends itself.
func (d *Door) limited(c *gin.Context, client string, proven bool) error {
	tallies := []challenge.Tally{d.Limits.Of(limit.AuthorizationsPerNetwork, web.Network(c))}
	if !proven {
		tallies = append(tallies, d.Limits.Of(limit.AuthorizationsInAll, ""), d.Limits.Of(limit.AuthorizationsPerClient, client))
	}
	return limit.Count(c.Request.Context(), d.Keys, tallies...)
}

// authorize is where a site sends its visitor (RFC 6749 §3.1, OIDC Core §3.1.2). First who asks and where the answer may go; only
// then is anything redirected.
func (d *Door) authorize(c *gin.Context) error {
	f, malformed := readQuery(c)
	kind := kindOf(f["request_uri"])
	if malformed == nil && kind != "" {
		asked := f["client_id"]
		var err error
		if f, err = d.pulled(c, kind, f["request_uri"]); err != nil {
			return err
		}
		if f["client_id"] != asked {
			return invalidRequest("this request_uri is another client's") // RFC 9126 §4
		}
	}
	client, to, err := d.asker(c, f)
	if err != nil {
		return cmp.Or(malformed, err)
	}
	if err = malformed; err == nil && client.RequirePAR && kind != pushedURI {
		err = invalidRequest("this client must push its requests (RFC 9126)")
	}
	var a authorization
	if err == nil {
		a, err = d.readAuthorization(c.Request.Context(), client, to, f, kind == pushedURI && !client.Public())
	}
	if err == nil {
		err = d.limited(c, client.ID, kind == pushedURI && !client.Public())
	}
	if err == nil {
		err = d.decideAuthorization(c, client, a)
	}
	return d.refuse(c, to, err)
}

// asker finds out who asks, and where the answer may go.
func (d *Door) asker(c *gin.Context, f form) (identity.Client, destination, error) {
	client, err := d.Clients.Client(c.Request.Context(), f["client_id"])
	if err != nil {
		return client, destination{}, err
	}
	to, err := readDestination(client, f)
	return client, to, err
}

// refuse tells the client what is wrong with its request, and the browser what is wrong here.
func (d *Door) refuse(c *gin.Context, to destination, err error) error {
	if e, ok := errors.AsType[oauthError](err); ok && e.Status == http.StatusBadRequest {
		return d.send(c, refusal(to, e))
	}
	return err
}

// decideAuthorization answers at once where that can be done without a person, and otherwise sends the browser to the hosted
// page.
func (d *Door) decideAuthorization(c *gin.Context, client identity.Client, a authorization) error {
	session, usable, err := d.usable(c, client, a)
	if err != nil {
		return err
	}
	// A public client is anybody who has its id: on a port of the loopback, or by an app's scheme, a code needs a person each time
	// (RFC 8252 §8.6).
	if usable && !a.wants("consent") && (!client.Public() || strings.HasPrefix(a.RedirectURI, "https://")) {
		known, err := d.consented(c.Request.Context(), session, a)
		if err != nil {
			return err
		}
		if known {
			return d.loginInSession(c, session, a, challenge.NewSecret())
		}
	}
	switch {
	case !a.wants("none"):
		t := transaction{authorization: a}
		if usable {
			t.Session = session.ID
		}
		if c.Query("request_uri") == "" {
			t.Again = c.Request.URL.RequestURI()
		}
		return d.begin(c, t)
	case usable:
		return errConsentRequired
	default:
		return errLoginRequired
	}
}

// loginInSession lets a site in without a scan. from names what it comes from: the same again is no second login.
func (d *Door) loginInSession(c *gin.Context, s identity.Session, a authorization, from string) error {
	login, fresh, err := d.Logins.RecordFurtherLogin(c.Request.Context(), identity.Login{
		ID: challenge.NewSecret(), Challenge: challenge.HashOf("session " + from).String(), Client: a.Client,
		Account: s.Account, Device: s.Device, Address: web.Address(c), UserAgent: web.UserAgent(c), At: time.Now(),
		AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR, Scopes: a.Scopes, Resources: a.Resources, Session: s.ID,
	})
	if errors.Is(err, identity.ErrEnded) { // a moment ago
		return d.send(c, refusal(a.destination, errLoginRequired))
	}
	if err != nil {
		return err
	}
	if !fresh {
		return errTransaction
	}
	answer, err := d.newCode(c.Request.Context(), a, login, beyond{})
	if err != nil {
		return err
	}
	return d.send(c, answer)
}

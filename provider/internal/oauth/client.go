package oauth

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/clientkeys"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// assertionType is the only kind of client assertion (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var errCredentials = invalidClient("unknown client, or wrong credentials")

// credentials is what a request says of its client (RFC 6749 §2.3, RFC 7521 §4.2).
type credentials struct{ id, secret, assertion string }

// authenticate names the client of a request and proves it: by Basic, by form parameters, by an assertion that it signed, or,
// for a public client, by client_id alone. Exactly one way per request.
func (d *Door) authenticate(c *gin.Context, f form) (identity.Client, error) {
	said, err := readCredentials(c.Request.Header.Values("Authorization"), f)
	if err != nil {
		return identity.Client{}, err
	}
	ctx := c.Request.Context()
	client, err := d.Clients.Client(ctx, said.id)
	if errors.Is(err, identity.ErrUnknownClient) {
		return identity.Client{ID: said.id}, errCredentials
	}
	if err != nil {
		return identity.Client{}, err
	}
	switch {
	case said.assertion != "" && client.HasKeys():
		// The issuer names us (RFC 7523 §3); so does the endpoint, as older clients write it.
		err := d.Assertions.Verify(ctx, client, said.assertion, []string{d.Issuer, d.Issuer + "/token", d.Issuer + c.Request.URL.Path}, time.Now())
		if errors.Is(err, clientkeys.ErrAssertion) {
			return client, errCredentials
		}
		return client, err
	case said.assertion == "" && client.HasSecret(said.secret),
		said.assertion == "" && said.secret == "" && client.Public():
		return client, nil
	default:
		return client, errCredentials
	}
}

// refused counts and keeps a refusal that may be an attack: of a client that did not prove itself, or of a code or token that is not
// good. Only who fails is counted, so that nobody can lock another out. The network's limit bounds what is kept; past it a client
// that proves nothing hears no more why, and past its own limit no client does.
func (d *Door) refused(c *gin.Context, client string, err error) error {
	kind := identity.EventGrantRefused
	tallies := []challenge.Tally{d.Limits.Of(limit.RefusalsPerNetwork, web.Network(c))}
	switch e, _ := translate(err); {
	case errors.Is(err, errCredentials): // the client is only what was said
		kind = identity.EventClientRefused
	case e.Code == errInvalidGrant.Code:
		tallies = append(tallies, d.Limits.Of(limit.RefusalsPerClient, client))
	default:
		return err
	}
	counts, countErr := d.Keys.CountAll(c.Request.Context(), tallies)
	if countErr != nil {
		return countErr
	}
	last := len(counts) - 1
	if err := limit.Judge(c.Request.Context(), d.Keys, tallies[last:], counts[last:]); err != nil {
		return err
	}
	if !counts[0].Above {
		d.audit(c, identity.AuditEvent{Kind: kind, Client: printable(client), Detail: c.FullPath() + " from " + web.Address(c)})
	}
	return err
}

// printable is a text from outside, fit to be kept.
func printable(s string) string {
	if len(s) > 128 || !identity.SafeText(s) {
		return ""
	}
	return s
}

func readCredentials(authorization []string, f form) (credentials, error) {
	said := credentials{f["client_id"], f["client_secret"], f["client_assertion"]}
	switch {
	case len(authorization) > 1:
		return said, invalidRequest("the Authorization header is repeated")
	case said.secret != "" && said.assertion != "" || len(authorization) == 1 && (said.secret != "" || said.assertion != ""):
		return said, invalidRequest("two ways of client authentication at once")
	case said.assertion != "":
		return readAssertion(said, f)
	case len(authorization) == 0:
		if said.id == "" {
			return said, invalidClient("no client_id")
		}
		return said, nil
	}
	basic, err := readBasic(authorization[0])
	if err == nil && said.id != "" && said.id != basic.id {
		return said, invalidRequest("client_id and the Authorization header name two clients")
	}
	return basic, err
}

func readAssertion(said credentials, f form) (credentials, error) {
	if f["client_assertion_type"] != assertionType {
		return said, invalidRequest("client_assertion_type is " + assertionType)
	}
	id, err := clientkeys.ClientID(said.assertion)
	if err != nil {
		return said, errCredentials
	}
	if said.id != "" && said.id != id {
		return said, invalidRequest("client_id and the assertion name two clients")
	}
	said.id = id
	return said, nil
}

func readBasic(header string) (credentials, error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	raw, decodeErr := base64.StdEncoding.DecodeString(encoded)
	user, password, found := strings.Cut(string(raw), ":")
	if !strings.EqualFold(scheme, "Basic") || decodeErr != nil || !found {
		return credentials{}, invalidClient("the Authorization header is not Basic")
	}
	// RFC 6749 §2.3.1: both halves are form-urlencoded before they are joined.
	id, idErr := url.QueryUnescape(user)
	secret, secretErr := url.QueryUnescape(password)
	if idErr != nil || secretErr != nil || id == "" {
		return credentials{}, invalidClient("the Authorization header is not Basic")
	}
	return credentials{id: id, secret: secret}, nil
}

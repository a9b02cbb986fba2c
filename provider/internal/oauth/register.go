package oauth

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// Registrar keeps clients.
type Registrar interface {
	PutClient(ctx context.Context, c identity.Client) error
}

const maxMetadata = 64 << 10

func invalidMetadata(description string) error {
	return oauthError{Status: http.StatusBadRequest, Code: "invalid_client_metadata", Description: description}
}

func invalidRedirect(description string) error {
	return oauthError{Status: http.StatusBadRequest, Code: "invalid_redirect_uri", Description: description}
}

// register registers a client (RFC 7591; OIDC Dynamic Client Registration) for who has the initial access token.
func (d *Door) register(c *gin.Context) error {
	if err := d.mayRegister(c); err != nil {
		return err
	}
	if err := limit.Count(c.Request.Context(), d.Keys, d.Limits.Of(limit.RegistrationsPerNetwork, web.Network(c))); err != nil {
		return err
	}
	m, err := readMetadata(c)
	if err != nil {
		return err
	}
	client, secret, err := d.newClient(c.Request.Context(), m)
	if err != nil {
		return err
	}
	if err := d.EnsureKey(c.Request.Context(), client.SigningAlg); err != nil {
		return err
	}
	if err := d.Registrar.PutClient(c.Request.Context(), client); err != nil {
		return err
	}
	d.audit(c, identity.AuditEvent{Kind: identity.EventClientRegistered, Client: client.ID, Detail: "from " + web.Address(c)})
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, m.answer(client, secret))
	return nil
}

// mayRegister holds the initial access token against ours (RFC 7591 §3, RFC 6750 §2.1, §3).
func (d *Door) mayRegister(c *gin.Context) error {
	all := c.Request.Header.Values("Authorization")
	refused := oauthError{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "this takes an initial access token as Bearer"}
	if len(all) == 0 { // RFC 6750 §3.1: no error in the header for who does not know how
		c.Header("WWW-Authenticate", `Bearer realm="qrlogin"`)
		return refused
	}
	scheme, token, _ := strings.Cut(all[0], " ")
	if len(all) > 1 || !strings.EqualFold(scheme, "Bearer") || !challenge.HashOf(d.RegistrationToken).Matches(token) {
		c.Header("WWW-Authenticate", `Bearer realm="qrlogin", error="invalid_token"`)
		return refused
	}
	return nil
}

// clientMetadata is what a client says of itself, with the defaults filled in.
type clientMetadata struct {
	api.ClientMetadata
	redirects, grants, responses, scopes []string
	method                               string
}

// readMetadata reads a registration. Members that mean nothing here are ignored (RFC 7591 §2), but none is there twice.
func readMetadata(c *gin.Context) (m clientMetadata, err error) {
	body, err := web.ReadBody(c, "application/json", maxMetadata)
	if err != nil {
		return m, err
	}
	known, err := plainMembers(body)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(known, &m.ClientMetadata); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return m, invalidMetadata(wrong.Field + " is of the wrong type")
		}
		return m, invalidMetadata("the body is malformed")
	}
	return m, m.complete()
}

// plainMembers leaves of a JSON object the members whose names are of small letters, as all those are that mean something
// here: encoding/json would take a member for one that differs in case.
func plainMembers(body []byte) ([]byte, error) {
	malformed := invalidMetadata("the body is not a JSON object")
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, malformed
	}
	members := map[string]json.RawMessage{}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, malformed
		}
		if seen[name] {
			return nil, invalidMetadata("a member is repeated")
		}
		seen[name] = true
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" {
			members[name] = value
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, invalidMetadata("something stands behind the JSON object")
	}
	return json.Marshal(members)
}

// complete fills in the defaults of RFC 7591 §2 and of OIDC Registration §2, and refuses what is not offered here.
func (m *clientMetadata) complete() error {
	m.method = or(m.TokenEndpointAuthMethod, "client_secret_basic")
	if !slices.Contains([]string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}, m.method) {
		return invalidMetadata("token_endpoint_auth_method is client_secret_basic, client_secret_post, private_key_jwt or none")
	}
	if m.Jwks != nil && m.JwksUri != nil {
		return invalidMetadata("jwks and jwks_uri are there at once")
	}
	if or(m.SubjectType, "pairwise") != "pairwise" {
		return invalidMetadata("subject_type is pairwise")
	}
	if m.redirects = or(m.RedirectUris, nil); len(m.redirects) == 0 && m.SectorIdentifierUri != nil {
		return invalidMetadata("sector_identifier_uri lists redirect_uris, and there are none")
	}
	if err := m.completeGrants(); err != nil {
		return err
	}
	return m.checkApplication()
}

// completeGrants reads what the client will ask for. Scopes that mean nothing here are left out, as in a request (OIDC Core
// §3.1.2.1); offline_access goes with refresh tokens.
func (m *clientMetadata) completeGrants() error {
	m.grants = or(m.GrantTypes, []string{"authorization_code"})
	for _, grant := range m.grants {
		if !slices.Contains([]string{"authorization_code", "refresh_token", deviceGrant}, grant) {
			return invalidMetadata("grant_types are authorization_code, refresh_token and " + deviceGrant)
		}
	}
	byCode := slices.Contains(m.grants, "authorization_code")
	if !byCode && !slices.Contains(m.grants, deviceGrant) {
		return invalidMetadata("grant_types has no grant that begins a login")
	}
	if byCode { // RFC 7591 §2.1: the two lists agree
		m.responses = []string{"code"}
	}
	if m.ResponseTypes != nil && !slices.Equal(*m.ResponseTypes, m.responses) {
		return invalidMetadata("response_types is code alone, with the grant authorization_code alone")
	}
	if byCode && len(m.redirects) == 0 {
		return invalidRedirect("authorization_code needs redirect_uris")
	}
	for _, scope := range strings.Fields(or(m.Scope, "openid phone")) {
		if slices.Contains(identity.Scopes, scope) && scope != "offline_access" && !slices.Contains(m.scopes, scope) {
			m.scopes = append(m.scopes, scope)
		}
	}
	if len(m.scopes) == 0 {
		return invalidMetadata("scope has neither openid nor phone in it")
	}
	if slices.Contains(m.grants, "refresh_token") {
		m.scopes = append(m.scopes, "offline_access")
	}
	return nil
}

// checkApplication holds the redirect URIs against the sort of application (OIDC Registration §2): a site has https pages,
// a program on somebody's machine a port of the loopback or a scheme of its own. [identity.Client.Check] does the rest.
func (m *clientMetadata) checkApplication() error {
	kind := or(m.ApplicationType, "web")
	if kind != "web" && kind != "native" {
		return invalidMetadata("application_type is web or native")
	}
	for _, uri := range m.redirects {
		u, err := url.Parse(uri)
		if err != nil {
			return invalidRedirect("a redirect URI is malformed")
		}
		https := u.Scheme == "https"
		if kind == "web" && (!https || strings.EqualFold(u.Hostname(), "localhost")) {
			return invalidRedirect("a redirect URI of a web application is https and not localhost; others need application_type native")
		}
		if kind == "native" && https {
			return invalidRedirect("a redirect URI of a native application is http on the loopback, or of a scheme of its own")
		}
	}
	return nil
}

// newClient makes the record, and the secret of who has one. PKCE is required of all of them: what a program does not say of
// itself is decided the safe way, and nobody looks at a registration before it is used (RFC 9700 §2.1.1).
func (d *Door) newClient(ctx context.Context, m clientMetadata) (client identity.Client, secret string, err error) {
	client = identity.Client{
		ID: rand.Text(), CreatedAt: time.Now(),
		RedirectURIs: m.redirects, PostLogoutRedirectURIs: or(m.PostLogoutRedirectUris, nil),
		BackchannelLogoutURI: or(m.BackchannelLogoutUri, ""), LogoURI: or(m.LogoUri, ""),
		Scopes: m.scopes, SigningAlg: or(m.IdTokenSignedResponseAlg, "RS256"), // OIDC Registration §2
		RequirePAR: or(m.RequirePushedAuthorizationRequests, false),
	}
	client.Name = client.ID
	if domains := client.Domains(); len(domains) > 0 && identity.ValidName(domains[0]) {
		client.Name = domains[0]
	}
	client.Name = or(m.ClientName, client.Name)
	switch m.method {
	case "client_secret_basic", "client_secret_post":
		secret = challenge.NewSecret()
		client.SecretHash = identity.HashSecret(secret)
	case "private_key_jwt":
		if err := d.takeKeys(&client, m); err != nil {
			return client, "", err
		}
	}
	if err := client.Check(); err != nil {
		if wrong, ok := errors.AsType[identity.Invalid](err); ok && wrong.Redirect {
			return client, "", invalidRedirect(plain(wrong.Reason))
		}
		return client, "", invalidMetadata(plain(err.Error()))
	}
	if slices.Contains(m.grants, deviceGrant) && !client.MayShowCode() {
		return client, "", invalidMetadata("a client with https redirect_uris logs in by authorization_code alone; the operator can register it for more")
	}
	client.Sector, err = d.sector(ctx, m)
	return client, secret, err
}

// takeKeys takes the keys of a client that authenticates by them; without any, it would be a public one.
func (d *Door) takeKeys(client *identity.Client, m clientMetadata) error {
	client.JWKSURI = or(m.JwksUri, "")
	if client.JWKSURI == "" && m.Jwks == nil {
		return invalidMetadata("private_key_jwt needs jwks or jwks_uri")
	}
	if m.Jwks == nil {
		return nil
	}
	jwks, err := json.Marshal(*m.Jwks)
	if err != nil {
		return err
	}
	if err := d.CheckJWKS(jwks); err != nil {
		return invalidMetadata("jwks: " + plain(err.Error()))
	}
	client.JWKS = jwks
	return nil
}

// sector is whose subjects the client sees (OIDC Core §8.1): those of the host that publishes a list of the client's redirect
// URIs, or else of the one host that they are of.
func (d *Door) sector(ctx context.Context, m clientMetadata) (string, error) {
	if m.SectorIdentifierUri == nil {
		host := ""
		for _, uri := range m.redirects {
			u, err := url.Parse(uri)
			if err != nil {
				return "", err // it has been checked
			}
			if u.Scheme != "https" {
				continue
			}
			if host != "" && !strings.EqualFold(host, u.Hostname()) {
				return "", invalidMetadata("redirect_uris of several hosts need a sector_identifier_uri")
			}
			host = u.Hostname()
		}
		return "", nil
	}
	u, err := url.Parse(*m.SectorIdentifierUri)
	if err != nil || u.Scheme != "https" || identity.WebURI(*m.SectorIdentifierUri) != "" {
		return "", invalidMetadata("sector_identifier_uri is not an https URL")
	}
	document, err := d.Fetch.Get(ctx, *m.SectorIdentifierUri, "application/json")
	if err != nil { // why is not told: it would say what is behind our network
		return "", invalidMetadata("sector_identifier_uri cannot be fetched")
	}
	var listed []string
	if err := json.Unmarshal(document.Body, &listed); err != nil {
		return "", invalidMetadata("sector_identifier_uri is not a JSON array of strings")
	}
	for _, uri := range m.redirects {
		if !slices.Contains(listed, uri) {
			return "", invalidMetadata("sector_identifier_uri does not list all redirect_uris")
		}
	}
	return strings.ToLower(u.Host), nil
}

// answer is what was registered (RFC 7591 §3.2.1).
func (m clientMetadata) answer(c identity.Client, secret string) api.RegisteredClient {
	a := api.RegisteredClient{
		ClientId: c.ID, ClientIdIssuedAt: c.CreatedAt.Unix(), ClientName: c.Name, TokenEndpointAuthMethod: m.method,
		RedirectUris: append([]string{}, m.redirects...), GrantTypes: m.grants, ResponseTypes: append([]string{}, m.responses...),
		Scope: strings.Join(c.Scopes, " "), SubjectType: "pairwise", SectorIdentifierUri: m.SectorIdentifierUri,
		IdTokenSignedResponseAlg: c.SigningAlg, LogoUri: m.LogoUri, PostLogoutRedirectUris: m.PostLogoutRedirectUris,
		BackchannelLogoutUri: m.BackchannelLogoutUri, BackchannelLogoutSessionRequired: m.BackchannelLogoutSessionRequired,
		RequirePushedAuthorizationRequests: c.RequirePAR,
	}
	if secret != "" {
		a.ClientSecret, a.ClientSecretExpiresAt = &secret, new(int64) // 0: never
	}
	if c.HasKeys() {
		a.Jwks, a.JwksUri = m.Jwks, m.JwksUri
	}
	return a
}

// or is what a member says, or its default.
func or[T any](member *T, otherwise T) T {
	if member == nil {
		return otherwise
	}
	return *member
}

// plain makes a text one that may stand in an error_description (RFC 6749 §5.2): ASCII without quotes and backslashes.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return '?'
		}
		return r
	}, s)
}

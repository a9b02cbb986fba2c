package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
)

// authorization is an authorization request that has been read and found good (RFC 6749 §4.1.1, OIDC Core §3.1.2.1).
type authorization struct {
	Client string `json:"client"`
	destination
	Scopes        []string        `json:"scopes"`
	Resources     []string        `json:"resources,omitempty"` // RFC 8707
	Nonce         string          `json:"nonce,omitempty"`
	CodeChallenge string          `json:"code_challenge,omitempty"` // S256, the only method (RFC 7636 §4.2)
	Thumbprint    string          `json:"dpop_jkt,omitempty"`       // RFC 9449 §10
	Prompt        []string        `json:"prompt,omitempty"`
	MaxAge        *int            `json:"max_age,omitempty"` // seconds
	Subject       string          `json:"subject,omitempty"` // who it must be, as this client knows them; "" for anybody
	ACRs          []string        `json:"acrs,omitempty"`    // one of which it must be; none for any
	Confirm       bool            `json:"confirm,omitempty"` // the site asks for token.ACRConfirmed
	Locales       string          `json:"ui_locales,omitempty"`
	Details       json.RawMessage `json:"details,omitempty"` // RFC 9396
	Account       string          `json:"account,omitempty"` // with Details: whose phone it must be, "" for anybody's
}

// destination is where an authorization is answered, and how.
type destination struct {
	RedirectURI  string `json:"redirect_uri"`
	ResponseMode string `json:"response_mode"` // query or form_post
	State        string `json:"state,omitempty"`
}

// The errors of an authorization that RFC 6749 §4.1.2.1 and OIDC Core §3.1.2.6 name.
var (
	errUnsupportedResponse = oauthError{Status: http.StatusBadRequest, Code: "unsupported_response_type", Description: "the response type is code"}
	errLoginRequired       = oauthError{Status: http.StatusBadRequest, Code: "login_required", Description: "somebody has to log in"}
	errConsentRequired     = oauthError{Status: http.StatusBadRequest, Code: "consent_required", Description: "somebody has to consent"}
	errUnmetAuthentication = oauthError{Status: http.StatusBadRequest, Code: "unmet_authentication_requirements", Description: "there is no login of that class here"}
	errInvalidTarget       = oauthError{Status: http.StatusBadRequest, Code: "invalid_target", Description: "a resource is not registered for this client"}
)

// errRedirectURI is answered with a page, never with a redirect (RFC 9700 §4.11).
var errRedirectURI = errors.New("oauth: redirect_uri is not one of the client's")

// readDestination finds out where this client may be answered. Until that is known, an error has no place to go.
func readDestination(client identity.Client, f form) (destination, error) {
	to := destination{RedirectURI: f["redirect_uri"], ResponseMode: "query", State: f["state"]}
	if !client.Redirects(to.RedirectURI) {
		return to, errRedirectURI // RFC 9700 §2.1: exact matching
	}
	if f["response_mode"] == "form_post" && isWeb(to.RedirectURI) { // an app has no page to post to
		to.ResponseMode = "form_post"
	}
	return to, nil
}

func isWeb(uri string) bool {
	return strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://")
}

// readAuthorization reads the rest. Its errors are the client's to know. proven says that the client itself pushed it, and proved to be
// that client.
func (d *Door) readAuthorization(ctx context.Context, client identity.Client, to destination, f form, proven bool) (authorization, error) {
	a := authorization{Client: client.ID, destination: to, Nonce: f["nonce"], CodeChallenge: f["code_challenge"], Thumbprint: f["dpop_jkt"], Locales: f["ui_locales"], Confirm: asksConfirmation(f)}
	switch {
	case f["request"] != "":
		return a, oauthError{Status: http.StatusBadRequest, Code: "request_not_supported", Description: "request objects are not taken"}
	case f["request_uri"] != "":
		return a, oauthError{Status: http.StatusBadRequest, Code: "request_uri_not_supported", Description: "a request_uri is one that this provider's /par answered, and is good once"}
	case f["registration"] != "":
		return a, oauthError{Status: http.StatusBadRequest, Code: "registration_not_supported", Description: "clients are registered beforehand"}
	case f["response_type"] == "":
		return a, invalidRequest("no response_type")
	case f["response_type"] != "code":
		return a, errUnsupportedResponse
	case f["response_mode"] != "" && f["response_mode"] != to.ResponseMode:
		return a, invalidRequest("response_mode is query, or form_post for an http redirect_uri")
	case len(to.State) > 4096:
		return a, invalidRequest("state is longer than 4096 bytes")
	case len(a.Nonce) > 255 || !identity.SafeText(a.Nonce):
		return a, errNonce
	}
	if err := readPKCE(client, f); err != nil {
		return a, err
	}
	if a.Thumbprint != "" && !isSHA256(a.Thumbprint) {
		return a, invalidRequest("dpop_jkt is not a SHA-256 thumbprint")
	}
	var err error
	if a.Scopes, err = grantable(client, f.list("scope")); err != nil {
		return a, err
	}
	if a.Resources, err = targets(client.Resources, f); err != nil {
		return a, err
	}
	if err := d.readOrder(ctx, client, f, &a, proven); err != nil {
		return a, err
	}
	if a.Prompt, err = readPrompt(f); err != nil {
		return a, err
	}
	if text := f["max_age"]; text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return a, invalidRequest("max_age is a number of seconds")
		}
		age := int(seconds)
		a.MaxAge = &age
	}
	if hint := f["id_token_hint"]; hint != "" {
		read, err := d.readHint(hint, client.ID)
		if err != nil {
			return a, err
		}
		a.Subject = read.Subject
	}
	return a, readClaims(client, f["claims"], &a)
}

// readOrder reads what is asked for beyond a login, and whose it is to approve: who is logged in at the site, by a hint. A link to
// /authorize is anybody's to make: by one, whoever likes would have a person pay them, in the shop's name. So an order is pushed, by
// who proves to be the client. That the site names a subject is not enough, either: subjects are no secrets.
func (d *Door) readOrder(ctx context.Context, client identity.Client, f form, a *authorization, proven bool) (err error) {
	if a.Details, err = d.readDetails(f, client.DetailTypes); len(a.Details) == 0 {
		return err
	}
	if asked, err := details.Of(a.Details); err != nil {
		return err
	} else if asked.Handoff != nil { // it is encrypted for a page of the site's own
		return invalidDetails("a handoff is for the device grant alone")
	}
	if !proven {
		return invalidDetails("an order is pushed first (/par), by a client that proves itself")
	}
	if a.Account, err = d.hinted(ctx, client, f); err != nil {
		return err
	}
	return initiable(client, a.Details, a.Account)
}

// readHint reads an ID token that comes back, of the client with this id; "" for any (OIDC Core §3.1.2.1).
func (d *Door) readHint(hint, client string) (token.Hint, error) {
	read, err := d.Mint.Hint(hint)
	if errors.Is(err, token.ErrInvalidToken) || err == nil && client != "" && read.ClientID != client {
		return read, invalidRequest("id_token_hint is not an ID token of this client")
	}
	return read, err
}

var errNonce = invalidRequest("nonce is longer than 255 characters, or has control characters")

// readPKCE holds the request against RFC 7636 §4.3 and RFC 9700 §2.1.1. A client that is registered for doing without may
// leave it out, not do it wrong.
func readPKCE(client identity.Client, f form) error {
	digest, method := f["code_challenge"], f["code_challenge_method"]
	switch {
	case digest == "" && method == "" && client.PKCEOptional && !client.Public():
		return nil
	case digest == "":
		return invalidRequest("no code_challenge: this client must use PKCE")
	case method != "S256":
		return invalidRequest("code_challenge_method is S256")
	case !isSHA256(digest):
		return invalidRequest("code_challenge is not a SHA-256 in base64url")
	}
	return nil
}

// isSHA256 tells whether a text is a SHA-256 in base64url.
func isSHA256(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == 32
}

// grantable is what of the scopes a client may have. Scopes that mean nothing here, or are not this client's, are left out
// (OIDC Core §3.1.2.1); the token response says which were granted. With none asked it is openid.
func grantable(client identity.Client, asked []string) ([]string, error) {
	if len(asked) == 0 {
		asked = []string{"openid"}
	}
	var granted []string
	may := client.MayAsk()
	for _, s := range asked {
		// RFC 10027 §6.1.9: limited scopes
		if slices.Contains(identity.Scopes, s) && slices.Contains(may, s) {
			granted = append(granted, s)
		}
	}
	if len(granted) == 0 {
		return nil, errInvalidScope
	}
	return granted, nil
}

// targets is the resources that a request names, each of which must be allowed (RFC 8707 §2).
func targets(allowed []string, f form) ([]string, error) {
	asked := f.list("resource")
	for _, resource := range asked {
		if !slices.Contains(allowed, resource) {
			return nil, errInvalidTarget
		}
	}
	return asked, nil
}

// narrowed is the part of what was granted that a token request names (RFC 8707 §2.2); all of it when it names none.
func narrowed(granted []string, f form) ([]string, error) {
	if f["resource"] == "" {
		return granted, nil
	}
	return targets(granted, f)
}

var promptsSupported = []string{"none", "login", "consent", "select_account"}

func readPrompt(f form) ([]string, error) {
	prompt := f.list("prompt")
	for _, p := range prompt {
		if !slices.Contains(promptsSupported, p) {
			return nil, invalidRequest("prompt is none, login, consent or select_account")
		}
	}
	if slices.Contains(prompt, "none") && len(prompt) > 1 {
		return nil, invalidRequest("prompt none stands alone")
	}
	return prompt, nil
}

// wantsScan tells whether the request asks for a new scan, whoever is logged in already. What is ordered, a person has to have seen.
func (a authorization) wantsScan() bool {
	return len(a.Details) > 0 || slices.Contains(a.Prompt, "login") || slices.Contains(a.Prompt, "select_account")
}

func (a authorization) wants(prompt string) bool { return slices.Contains(a.Prompt, prompt) }

// tooOld tells whether a scan at that time does not count for this request (OIDC Core §3.1.2.1, max_age).
func (a authorization) tooOld(scan, now time.Time) bool {
	return a.MaxAge != nil && now.Sub(scan) > time.Duration(*a.MaxAge)*time.Second
}

// readClaims reads the claims parameter (OIDC Core §5.5). A claim that belongs to a scope is asked for as that scope, so that the
// phone shows it. A sub with a value says who it must be; an acr that must be met is met or refused. Others are voluntary,
// and not here.
func readClaims(client identity.Client, text string, a *authorization) error {
	if text == "" {
		return nil
	}
	type wish struct {
		Essential bool     `json:"essential"`
		Value     string   `json:"value"`
		Values    []string `json:"values"`
	}
	var claims map[string]map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		return invalidRequest("claims is not the JSON object of OpenID Connect Core section 5.5")
	}
	for _, place := range []string{"id_token", "userinfo"} {
		for name, raw := range claims[place] {
			var w wish
			if name == "sub" || name == "acr" {
				if err := json.Unmarshal(raw, &w); err != nil {
					return invalidRequest("claims asks for " + name + " in a way that is not known")
				}
			}
			switch name {
			case "phone_number", "phone_number_verified":
				if slices.Contains(client.Scopes, "phone") && !slices.Contains(a.Scopes, "phone") {
					a.Scopes = append(a.Scopes, "phone")
				}
			case "sub":
				if w.Value != "" && a.Subject != "" && a.Subject != w.Value {
					return invalidRequest("claims and id_token_hint name two people")
				}
				if w.Value != "" {
					a.Subject = w.Value
				}
			case "acr":
				if w.Value != "" {
					w.Values = append(w.Values, w.Value)
				}
				if w.Essential && len(w.Values) > 0 {
					if err := a.mustBe(w.Values, token.Class(rules(client.Policy))); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// mustBe takes the classes of which the login must be one (OIDC Core §5.5.1.1). The highest is there for whoever asks.
func (a *authorization) mustBe(classes []string, class string) error {
	if !slices.Contains(classes, class) {
		if !slices.Contains(classes, token.ACRConfirmed) {
			return errUnmetAuthentication
		}
		a.Confirm = true
	}
	a.ACRs = classes
	return nil
}

// asksConfirmation tells whether a request would have the page confirmed, whatever the client's policy (OIDC Core §3.1.2.1).
func asksConfirmation(f form) bool { return slices.Contains(f.list("acr_values"), token.ACRConfirmed) }

// satisfies tells whether a login of this class is what the site asked for.
func (a authorization) satisfies(acr string) bool {
	return (len(a.ACRs) == 0 || slices.Contains(a.ACRs, acr)) && (!a.Confirm || acr == token.ACRConfirmed)
}

// request is the challenge's part of an authorization. The provider can keep a session in the browser that is at its own page.
func (a authorization) request() challenge.Request {
	return challenge.Request{Scopes: a.Scopes, Resources: a.Resources, Details: a.Details, Account: a.Account, SessionOffered: true}
}

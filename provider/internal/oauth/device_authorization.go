package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// interval is the time between two polls that do not wait (RFC 8628 §3.2).
const interval = 5 * time.Second

// deviceAuthorization starts a challenge (RFC 8628 §3.1).
func (d *Door) deviceAuthorization(c *gin.Context, r request) error {
	if !r.client.MayShowCode() {
		return errUnauthorizedClient
	}
	tallies := []challenge.Tally{d.Limits.Of(limit.ChallengesInAll, ""), d.Limits.Of(limit.ChallengesPerClient, r.client.ID)}
	if r.form["authorization_details"] != "" {
		tallies = append(tallies, d.Limits.Of(limit.DetailedPerClient, r.client.ID))
	}
	if r.client.Public() { // anybody has its id; a confidential client's requests come from its backend, all from one address
		tallies = append(tallies, d.Limits.Of(limit.ChallengesPerNetwork, web.Network(c)))
	}
	if err := limit.Count(c.Request.Context(), d.Keys, tallies...); err != nil {
		return err
	}
	asked, err := readRequest(r.client, r.form)
	if err != nil {
		return err
	}
	if asked.Details, err = d.readDetails(r.form, r.client.DetailTypes); err != nil {
		return err
	}
	if asked.Account, err = d.hinted(c.Request.Context(), r.client, r.form); err != nil {
		return err
	}
	if err := initiable(r.client, asked.Details, asked.Account); err != nil {
		return err
	}
	started, deviceCode, watch, err := d.start(c.Request.Context(), r.client, asked, asksConfirmation(r.form))
	if err != nil {
		return err
	}
	answer := api.DeviceAuthorization{
		DeviceCode:      deviceCode.String(),
		UserCode:        started.UserCode,
		VerificationUri: d.Issuer + "/q",
		ExpiresIn:       int(challenge.Lifetime / time.Second),
		Interval:        int(interval / time.Second),
		ChallengeId:     started.ID.String(),
		Watch:           watch.String(),
	}
	if started.Policy.StaticCode {
		complete := challenge.Code{ID: started.ID}.Link(d.Issuer)
		answer.VerificationUriComplete = &complete
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

// readDetails reads what is asked for beyond a login (RFC 9396), of the types that are allowed here; nil for nothing.
func (d *Door) readDetails(f form, allowed []string) (json.RawMessage, error) {
	if f["authorization_details"] == "" {
		return nil, nil
	}
	issuer, err := url.Parse(d.Issuer)
	if err != nil {
		return nil, err
	}
	asked, err := details.Read(f["authorization_details"], allowed, details.Loopback(issuer.Hostname()))
	if wrong, ok := errors.AsType[details.Invalid](err); ok {
		return nil, invalidDetails(string(wrong))
	}
	return asked, err
}

// invalidDetails says what is wrong with authorization_details (RFC 9396 §5).
func invalidDetails(why string) error {
	return oauthError{Status: http.StatusBadRequest, Code: "invalid_authorization_details", Description: "authorization_details: " + why}
}

// hinted is the account that the site says is logged in there, by an ID token of a login that has not ended; "" when it says
// nothing. Then no other account's phone may claim.
func (d *Door) hinted(ctx context.Context, client identity.Client, f form) (string, error) {
	hint := f["id_token_hint"]
	if hint == "" {
		return "", nil
	}
	read, err := d.readHint(hint, client.ID)
	if err != nil {
		return "", err
	}
	login, err := d.Logins.Login(ctx, read.LoginID)
	if errors.Is(err, identity.ErrUnknownLogin) || err == nil && !login.EndedAt.IsZero() {
		return "", errLoginRequired
	}
	return login.Account, err
}

// initiable tells whether a request may begin a challenge (RFC 10027 §6.1.15: authenticate, then initiate). account is the one that it
// names, "" for none.
func initiable(client identity.Client, carried json.RawMessage, account string) error {
	asked, err := details.Of(carried)
	if err == nil && asked.Order != nil && account == "" && client.Policy.Effective().Orders == "signed-in" {
		return errLoginRequired
	}
	return err
}

// rules is what a client's policy means to a challenge.
func rules(p identity.Policy) challenge.Policy {
	p = p.Effective()
	return challenge.Policy{
		StaticCode: p.Rotation == "optional", ShortFrames: p.Preset == "strict", Confirm: p.Confirmation == "code",
		// RFC 10027 §6.1.2: what is typed on the phone and confirmed on the page is no copied picture. The owner has chosen that; a
		// request that asks for a confirmation has not, and does not open this way.
		TypedCode: p.Rotation == "optional" || p.Confirmation == "code",
		Proximity: map[string]challenge.Proximity{"warn": challenge.ProximityWarn, "require": challenge.ProximityRequire}[p.Proximity],
		Networks:  p.Prefixes(),
	}
}

// start begins a challenge of this client. The site may ask for more than its policy: to have the page confirmed.
func (d *Door) start(ctx context.Context, client identity.Client, asked challenge.Request, confirm bool) (started challenge.Record, deviceCode, watch challenge.Capability, err error) {
	policy := rules(client.Policy)
	policy.Confirm = policy.Confirm || confirm
	draft, deviceCode, watch := challenge.NewDraft(client.ID, policy, asked)
	started, err = d.Challenges.Create(ctx, draft)
	for errors.Is(err, challenge.ErrUserCodeTaken) && ctx.Err() == nil {
		draft = draft.WithUserCode(challenge.NewUserCode())
		started, err = d.Challenges.Create(ctx, draft)
	}
	return started, deviceCode, watch, err
}

// readRequest reads what the site asks for.
func readRequest(client identity.Client, f form) (challenge.Request, error) {
	granted, err := grantable(client, f.list("scope"))
	if err != nil {
		return challenge.Request{}, err
	}
	resources, err := targets(client.Resources, f)
	if err != nil {
		return challenge.Request{}, err
	}
	nonce, message := f["nonce"], f["binding_message"]
	if len(nonce) > 255 || !identity.SafeText(nonce) {
		return challenge.Request{}, errNonce
	}
	if len([]rune(message)) > 100 || !identity.SafeText(message) {
		return challenge.Request{}, invalidRequest("binding_message is longer than 100 characters, or has control characters")
	}
	return challenge.Request{Scopes: granted, Resources: resources, Nonce: nonce, BindingMessage: message}, nil
}

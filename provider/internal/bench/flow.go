package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"qrlogin/api"
)

// flow is a way to log in, at a site that is registered for it.
type flow struct {
	name   string
	hosted bool // by the code flow, at the provider's own page; otherwise by the device flow
	site   string
}

// The two sites differ in what their ID tokens are signed with.
const (
	siteES256 = "shop"
	siteRS256 = "wiki"
)

var flows = []flow{
	{"device", false, siteES256}, {"device-rs256", false, siteRS256},
	{"code", true, siteES256}, {"code-rs256", true, siteRS256},
}

// What the site sends and its browser brings back. The verifier could as well be random: nobody here looks for another's.
const (
	redirectURI   = "https://" + clientDomain + "/callback"
	codeVerifier  = "dmVyaWZpZXItdmVyaWZpZXItdmVyaWZpZXItdmVyaWZ"
	codeChallenge = "hful10V8mJ4o98Mb3Mjskrf_huBvGjG_IpoGlkUvD38" // S256 of it
)

// visit is a browser at the hosted page.
type visit struct {
	path   string
	cookie string
}

// arrive is the browser going where its site sends it: to /authorize, to the hosted page, whose widget asks for a challenge. The
// widget itself and the style are in the browser's cache.
func (p *parties) arrive(ctx context.Context, pg *page) error {
	asked := url.Values{
		"client_id": {pg.flow.site}, "response_type": {"code"}, "redirect_uri": {redirectURI}, "scope": {"openid phone"},
		"state": {rand.Text()}, "nonce": {rand.Text()}, "code_challenge": {codeChallenge}, "code_challenge_method": {"S256"},
	}
	sent, _, err := p.visit(ctx, pg, http.MethodGet, "/authorize?"+asked.Encode(), "", http.StatusSeeOther, nothing)
	if err != nil {
		return err
	}
	pg.visit.path = sent.Get("Location")
	pg.visit.cookie, _, _ = strings.Cut(sent.Get("Set-Cookie"), ";")
	if _, _, err := p.visit(ctx, pg, http.MethodGet, pg.visit.path, "", http.StatusOK, nothing); err != nil {
		return err
	}
	_, body, err := p.visit(ctx, pg, http.MethodPost, pg.visit.path+"/challenge", "", http.StatusOK, nothing)
	if err != nil {
		return err
	}
	var started api.HostedChallenge
	err = json.Unmarshal(body, &started)
	pg.started = api.DeviceAuthorization{ChallengeId: started.ChallengeId, Watch: started.Watch}
	return err
}

// leave is the browser waiting for the decision, going back to its site, and the site redeeming the code.
func (p *parties) leave(ctx context.Context, pg *page, written func()) error {
	body := `{"challenge_id":"` + pg.started.ChallengeId + `"}`
	_, answer, err := p.visit(ctx, pg, http.MethodPost, pg.visit.path+"/finish", body, http.StatusOK, written)
	if err != nil {
		return err
	}
	var outcome api.HostedOutcome
	if err := json.Unmarshal(answer, &outcome); err != nil {
		return err
	}
	if outcome.Location == nil {
		return fmt.Errorf("the page is told to go nowhere: %s", answer)
	}
	sent, _, err := p.visit(ctx, pg, http.MethodGet, *outcome.Location, "", http.StatusSeeOther, nothing)
	if err != nil {
		return err
	}
	back, err := url.Parse(sent.Get("Location"))
	if err != nil {
		return err
	}
	return p.redeem(ctx, pg.flow.site, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirectURI},
		"code_verifier": {codeVerifier},
	}, nothing)
}

// visit is a request of the browser to the provider's own page, with its cookie.
func (p *parties) visit(ctx context.Context, pg *page, method, path, body string, status int, written func()) (http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.issuer+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("User-Agent", userAgent)
	if pg.visit.cookie != "" {
		r.Header.Set("Cookie", pg.visit.cookie)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return p.exchange(pg.browser, r, status, written)
}

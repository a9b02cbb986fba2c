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
	"qrlogin/provider/internal/crowd"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/oauth/pages"
	"qrlogin/provider/internal/qr"
	"qrlogin/provider/internal/token"
	"qrlogin/provider/internal/web"
)

// The hosted page: the widget inside the provider's own page, for sites that have no page of their own for it. What a site's
// backend does elsewhere (docs/integrate.md) is done here for it.

// hostedPerTransaction bounds the challenges of one visit; the widget renews its code every three minutes at most. It follows from
// that and from the visit's life, and is no operator's to set.
var hostedPerTransaction = challenge.Limit{Max: 40, Window: transactionLife}

var (
	errNoTransaction = web.Problem{Status: http.StatusUnauthorized, Code: "transaction-unknown", Title: "This login page has expired, or is another browser's"}
	errEndedHosted   = web.Problem{Status: http.StatusGone, Code: "gone", Title: "This code has been used or has expired"}
)

// hostedPage shows the page, or sends the browser back once the phone has decided.
func (d *Door) hostedPage(c *gin.Context) error {
	t, client, err := d.visit(c)
	if err != nil {
		return err
	}
	page := d.frameOf(client, language(c, t.Locales), t.RedirectURI)
	r, deviceCode, err := d.hosted(c, t)
	switch {
	case errors.Is(err, challenge.ErrNotFound): // nothing has been shown yet
	case err != nil:
		return err
	case r.State == challenge.Approved || r.State == challenge.Redeemed:
		if !d.meant(client, t.authorization, r.Claim.Account) { // OIDC Core §3.1.2.2, §5.5.1
			return d.sendBack(c, t, errLoginRequired)
		}
		if acr, _ := token.Authentication(r.Challenge); !t.satisfies(acr) { // the policy was made laxer meanwhile
			return d.sendBack(c, t, errUnmetAuthentication)
		}
		return d.complete(c, t, client, r, deviceCode)
	case r.State == challenge.Denied: // without script; the widget offers to try again
		return d.sendBack(c, t, errAccessDenied)
	case r.State == challenge.Purged: // the browser has been sent back: this is its "back" button
		return errTransaction
	}
	scan := t.path() + "?scan=1" // this page, whatever session there is
	if t.Session != "" && c.Query("scan") == "" {
		session, usable, err := d.usable(c, client, t.authorization)
		if err != nil {
			return err
		}
		if usable && session.ID == t.Session {
			account, err := d.Logins.Account(c.Request.Context(), session.Account)
			if err != nil {
				return err
			}
			return pages.Consent{
				Page: page, Number: identity.MaskNumber(account.PhoneNumber), Scopes: t.Scopes, Resources: t.Resources,
				Action: t.path() + "/consent", Other: scan,
			}.Write(c)
		}
	}
	login := pages.Login{
		Page: page, Challenge: t.path() + "/challenge", Finish: t.path() + "/finish",
		QR: t.path() + "/qr.svg", Here: t.path() + "/here", Self: scan, Again: t.Again, Cancel: t.path() + "/cancel", State: r.State.String(),
	}
	asked, err := details.Of(t.Details)
	if err != nil {
		return err
	}
	if asked.Order != nil {
		login.Merchant, login.Total = asked.Order.Merchant, details.Total(*asked.Order)
	}
	return login.Write(c)
}

// frame is what all of the pages have.
func (d *Door) frame(lang string) pages.Page { return pages.Page{Lang: lang, Issuer: d.Issuer} }

// frameOf is the same, of a site; redirect is where a form on the page may lead.
func (d *Door) frameOf(client identity.Client, lang, redirect string) pages.Page {
	page := d.frame(lang)
	page.Site = pages.Site{Name: client.Name, Domains: client.Domains(), Redirect: redirect}
	if client.LogoURI != "" {
		page.Site.Logo = "/logos/" + url.PathEscape(client.ID)
	}
	return page
}

// visit finds the transaction and its client.
func (d *Door) visit(c *gin.Context) (transaction, identity.Client, error) {
	t, err := d.transaction(c)
	if err != nil {
		return t, identity.Client{}, err
	}
	client, err := d.Clients.Client(c.Request.Context(), t.Client)
	return t, client, err
}

// hosted is the transaction's challenge as it stands, and its device_code; challenge.ErrNotFound when there is none.
func (d *Door) hosted(c *gin.Context, t transaction) (challenge.Record, challenge.Capability, error) {
	code, err := d.deviceCodeOf(c, t)
	if err != nil {
		return challenge.Record{}, code, err
	}
	r, err := d.Challenges.Get(c.Request.Context(), code.ID)
	return r, code, err
}

// startHosted begins a challenge for the page.
func (d *Door) startHosted(c *gin.Context, t transaction, client identity.Client) (challenge.Record, challenge.Capability, error) {
	tallies := []challenge.Tally{
		{Key: "hosted challenges " + t.id, Limit: hostedPerTransaction},
		d.Limits.Of(limit.ChallengesInAll, ""), d.Limits.Of(limit.ChallengesPerClient, t.Client), d.Limits.Of(limit.ChallengesPerNetwork, web.Network(c)),
	}
	if len(t.Details) > 0 {
		tallies = append(tallies, d.Limits.Of(limit.DetailedPerClient, t.Client))
	}
	if err := limit.Count(c.Request.Context(), d.Keys, tallies...); err != nil {
		return challenge.Record{}, challenge.Capability{}, err
	}
	started, deviceCode, watch, err := d.start(c.Request.Context(), client, t.request(), t.Confirm)
	if err != nil {
		return started, watch, err
	}
	return started, watch, d.keepCode(c, t, deviceCode)
}

// hostedChallenge is what the widget asks for first.
func (d *Door) hostedChallenge(c *gin.Context) error {
	t, client, err := d.visit(c)
	if err != nil {
		return err
	}
	r, watch, err := d.startHosted(c, t, client)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, api.HostedChallenge{ChallengeId: r.ID.String(), Watch: watch.String(), ExpiresIn: int(challenge.Lifetime / time.Second)})
	return nil
}

// hostedFinish waits for the phone, as a site's backend would at the token endpoint. The page then goes where hostedPage sends it.
func (d *Door) hostedFinish(c *gin.Context) error {
	t, err := d.transaction(c)
	if err != nil {
		return err
	}
	var body api.HostedFinish
	if err := web.ReadJSON(c, &body, 4<<10); err != nil {
		return err
	}
	code, err := d.deviceCodeOf(c, t)
	if errors.Is(err, challenge.ErrNotFound) || err == nil && code.ID.String() != body.ChallengeId {
		return endedHosted(challenge.Expired) // another window of this browser has a newer code
	}
	if err != nil {
		return err
	}
	var place *crowd.Place
	waiter := challenge.NewWaiter(d.Challenges, code.ID, challenge.Latest, maxWait, func(r challenge.Record) (bool, error) {
		return settled(r) || !place.Take(r.State != challenge.Pending), nil
	})
	place = d.Waiting.Site(code.ID, waiter.End)
	return web.Wait(c, waiter, place, func(c *gin.Context, came web.Outcome) error {
		if came.Err != nil {
			return came.Err
		}
		c.Header("Cache-Control", "no-store")
		switch came.Record.State {
		case challenge.Approved, challenge.Redeemed:
			location := t.path()
			c.JSON(http.StatusOK, api.HostedOutcome{Location: &location})
		case challenge.Pending, challenge.Claimed, challenge.Confirming:
			pending := api.HostedOutcomeStatusPending
			c.JSON(http.StatusAccepted, api.HostedOutcome{Status: &pending})
		default:
			return endedHosted(came.Record.State)
		}
		return nil
	})
}

func endedHosted(outcome challenge.State) error {
	p := errEndedHosted
	p.Outcome = outcome.String()
	return p
}

// hostedQR draws the code for a browser without script, which presents itself by asking for it.
func (d *Door) hostedQR(c *gin.Context) error {
	t, client, err := d.visit(c)
	if err != nil {
		return err
	}
	r, _, err := d.hosted(c, t)
	if errors.Is(err, challenge.ErrNotFound) || err == nil && r.State == challenge.Pending && len(r.Frames(r.Now, 1)) == 0 || err == nil && r.State.Final() {
		r, _, err = d.startHosted(c, t, client)
	}
	if err != nil {
		return err
	}
	if r, err = d.visited(c, r); err != nil {
		return err
	}
	frames := r.Frames(r.Now, 1)
	if len(frames) == 0 {
		return challenge.ErrWrongState // scanned meanwhile
	}
	picture, err := qr.SVG(frames[0].Code.Link(d.Issuer))
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "image/svg+xml", picture)
	return nil
}

// hostedHere goes on in the web phone of this same browser, where there is nothing to scan. The cross-device flow on one device
// would be one that anybody can relay (RFC 10027 §6.2); this one is the browser's that was sent to /authorize, by its cookie.
func (d *Door) hostedHere(c *gin.Context) error {
	if _, err := web.Query(c); err != nil {
		return err
	}
	t, client, err := d.visit(c)
	if err != nil {
		return err
	}
	r, _, err := d.startHosted(c, t, client)
	if err == nil {
		r, err = d.visited(c, r)
	}
	if err != nil {
		return err
	}
	web.SetTicket(c, d.Issuer, r.Here(), r.ExpiresAt.Sub(r.Now))
	return seeOther(c, "/phone#here/"+r.Frames(r.Now, 1)[0].Code.String()+"/"+t.id)
}

// visited has the browser present itself by this request, as the widget's watch does.
func (d *Door) visited(c *gin.Context, r challenge.Record) (challenge.Record, error) {
	return challenge.DoFrom(c.Request.Context(), d.Challenges, r, func(challenge.Record) (challenge.Event, error) {
		return challenge.Visit{Browser: challenge.Browser{Address: web.Address(c), UserAgent: web.UserAgent(c)}}, nil
	})
}

// hostedConsent takes the answer of somebody who has a session.
func (d *Door) hostedConsent(c *gin.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	t, client, err := d.visit(c)
	if err != nil {
		return err
	}
	switch f["decision"] {
	case "deny":
		return d.sendBack(c, t, errAccessDenied)
	case "approve":
	default:
		return invalidRequest("decision is approve or deny")
	}
	session, usable, err := d.usable(c, client, t.authorization)
	if err != nil {
		return err
	}
	if !usable || session.ID != t.Session {
		return seeOther(c, t.path()) // the session has ended: there the code to scan is shown
	}
	if err := d.end(c, t); err != nil {
		return err
	}
	return d.loginInSession(c, session, t.authorization, t.id)
}

// hostedCancel sends the browser back without a login.
func (d *Door) hostedCancel(c *gin.Context) error {
	t, err := d.transaction(c)
	if err != nil {
		return err
	}
	if code, err := d.deviceCodeOf(c, t); err == nil {
		_, err = challenge.Do(c.Request.Context(), d.Challenges, code.ID, func(challenge.Record) (challenge.Event, error) {
			return challenge.Cancel{}, nil
		})
		if err != nil && challenge.KindOf(err) == 0 {
			return err
		}
	}
	return d.sendBack(c, t, errAccessDenied)
}

// sendBack ends the transaction with an error for the site.
func (d *Door) sendBack(c *gin.Context, t transaction, e oauthError) error {
	if err := d.end(c, t); err != nil {
		return err
	}
	return d.send(c, refusal(t.destination, e))
}

// homecoming is how the browser goes back to the site after a scan: kept sealed for the redelivery window, so that a lost answer
// loses no login.
type homecoming struct {
	Answer  answer `json:"answer"`
	Session string `json:"session,omitempty"` // the secret of the session that the phone turned on
}

// complete turns an approved challenge into a code for the site, once, and sends the browser back with it.
func (d *Door) complete(c *gin.Context, t transaction, client identity.Client, r challenge.Record, deviceCode challenge.Capability) error {
	body, err := d.redeem(c.Request.Context(), r, deviceCode, client, func(ctx context.Context, r challenge.Record) ([]byte, error) {
		return d.home(ctx, t, r, deviceCode)
	})
	if errors.Is(err, errInvalidGrant) { // redeemed, and the window is over
		return errTransaction
	}
	if err != nil {
		return err
	}
	var h homecoming
	if err := json.Unmarshal(body, &h); err != nil {
		return err
	}
	if h.Session != "" {
		d.setCookie(c, sessionCookie, h.Session, sessionLife)
	}
	// It is answered: from here on it is there for a lost answer alone.
	if err := d.Keys.Put(c.Request.Context(), "transaction "+t.id, t.sealed, max(d.Redelivery, time.Millisecond)); err != nil {
		return err
	}
	return d.send(c, h.Answer)
}

// home writes the login, and the session if the phone turned one on, and makes the code. The session's secret follows from the
// device_code: of many calls at once all must write the same one.
func (d *Door) home(ctx context.Context, t transaction, r challenge.Record, deviceCode challenge.Capability) ([]byte, error) {
	var h homecoming
	session := ""
	if r.Session {
		h.Session = challenge.HashOf("session " + deviceCode.Secret).String()
		session = challenge.HashOf(h.Session).String()
		acr, amr := token.Authentication(r.Challenge)
		err := d.Logins.PutSession(ctx, identity.Session{
			ID: session, Account: r.Claim.Account, Device: r.Claim.Device, AuthTime: r.ApprovedAt, ACR: acr, AMR: amr,
			ExpiresAt: r.Now.Add(sessionLife),
		})
		if err != nil {
			return nil, err
		}
	}
	login, err := d.recordLogin(ctx, r, t.Client, t.Resources, session)
	if err != nil {
		return nil, err
	}
	g, err := beyondLogin(r)
	if err != nil {
		return nil, err
	}
	if h.Answer, err = d.newCode(ctx, t.authorization, login, g); err != nil {
		return nil, err
	}
	return json.Marshal(h)
}

package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/crowd"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
	"qrlogin/provider/internal/web"
)

// pace lets two polls pass within an interval, less half a second for a client whose timer runs fast: x/oauth2 polls twice
// to find out how to authenticate. Each poll past that makes the client wait 5 s longer (RFC 8628 §3.5).
var pace = challenge.Limit{Max: 2, Window: interval - 500*time.Millisecond, Penalty: interval}

// deviceCode is the device grant (RFC 8628 §3.4): answer at once, or when there is something to say.
func (d *Door) deviceCode(c *gin.Context, asked request) error {
	if asked.form["device_code"] == "" {
		return invalidRequest("no device_code")
	}
	code, err := challenge.ParseCapability(asked.form["device_code"])
	if err != nil {
		return errInvalidGrant
	}
	wait := preferredWait(c.Request.Header)
	if wait > 0 {
		return d.hold(c, asked, code, wait)
	}
	r, err := d.Challenges.Get(c.Request.Context(), code.ID)
	if err == nil {
		err = holder(r, code, asked.client)
	}
	if err != nil {
		return err
	}
	return d.grant(c, asked, code, &r, false, false)
}

// hold answers once there is something to say to this client, after at most wait; at once, where too many wait. A second hold for the
// same code ends the first.
func (d *Door) hold(c *gin.Context, asked request, code challenge.Capability, wait time.Duration) error {
	var place *crowd.Place
	held := true
	waiter := challenge.NewWaiter(d.Challenges, code.ID, challenge.Latest, wait, func(r challenge.Record) (bool, error) {
		if err := holder(r, code, asked.client); err != nil {
			return false, err
		}
		if settled(r) {
			return true, nil
		}
		held = place.Take(r.State != challenge.Pending)
		return !held, nil
	})
	place = d.Waiting.Site(code.ID, waiter.End)
	return web.Wait(c, waiter, place, func(c *gin.Context, came web.Outcome) error {
		if came.Err != nil {
			return came.Err
		}
		if held { // else the client polls, at its interval (RFC 8628 §3.5)
			c.Header("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
		}
		return d.grant(c, asked, code, came.Record, held && wait >= interval, came.Replaced)
	})
}

// grant answers as the challenge stands. slow is whether the request took so long that the next one cannot come too soon, and replaced
// whether it has come already.
func (d *Door) grant(c *gin.Context, asked request, code challenge.Capability, r *challenge.Record, slow, replaced bool) error {
	switch r.State {
	case challenge.Approved, challenge.Redeemed:
		return d.redeemed(c, asked, code, r)
	case challenge.Pending, challenge.Claimed, challenge.Confirming:
		if slow && !replaced {
			return errAuthorizationPending
		}
		count, err := d.Keys.Count(c.Request.Context(), "poll "+r.DeviceCode.String(), pace)
		if err != nil {
			return err
		}
		if count.Above || replaced {
			return errSlowDown
		}
		return errAuthorizationPending
	default:
		return outcome(r.State)
	}
}

// redeemed answers with the tokens.
func (d *Door) redeemed(c *gin.Context, asked request, code challenge.Capability, r *challenge.Record) error {
	body, err := d.redeem(c.Request.Context(), *r, code, asked.client, func(ctx context.Context, r challenge.Record) ([]byte, error) {
		return d.mint(ctx, asked, r)
	})
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/json", body)
	return nil
}

// settled tells whether there is nothing to wait for any more.
func settled(r challenge.Record) bool {
	return r.State == challenge.Approved || r.State == challenge.Redeemed || r.State.Final()
}

// holder tells whether the device_code is this challenge's and this client's. It looks the same whatever is wrong.
func holder(r challenge.Record, code challenge.Capability, client identity.Client) error {
	if !r.DeviceCode.Matches(code.Secret) || !r.IssuedTo(client.ID) {
		return errInvalidGrant // SECURITY.md §4: device_code bound to the client that got it
	}
	return nil
}

// lastStep is how long the step may take that gives tokens, once it has begun.
const lastStep = 20 * time.Second

const sealedResponse = "token response"

// redeem turns an approved challenge into what make makes of it, once: make, which writes the login's row, then one swap. Only the
// winner of the swap answers; what losers made is thrown away. Within the window the same client gets the winner's bytes again.
func (d *Door) redeem(ctx context.Context, r challenge.Record, code challenge.Capability, client identity.Client, make func(context.Context, challenge.Record) ([]byte, error)) ([]byte, error) {
	var body []byte
	// To its end, whoever hangs up: a login whose row is written, and whose swap is not, could not be redeemed after the window.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastStep)
	defer cancel()
	r, err := challenge.DoFrom(ctx, d.Challenges, r, func(r challenge.Record) (challenge.Event, error) {
		if err := holder(r, code, client); err != nil {
			return nil, err
		}
		if r.State != challenge.Approved {
			return nil, errNotApproved
		}
		began := time.Now()
		var err error
		if body, err = make(ctx, r); err != nil {
			return nil, err
		}
		asked, err := details.Of(r.Request.Details)
		if err == nil && asked.Handoff != nil {
			err = d.Handoffs.Keep(ctx, r.ID) // before the swap: should this node stop between the two, what was handed off still goes
		}
		if err != nil {
			return nil, err
		}
		sealed, err := challenge.Seal(code.Secret, sealedResponse, body)
		window := d.Redelivery
		if window > 0 {
			window += time.Since(began) // r.Now is from before the row was written, which a slow database may take long for
		}
		return challenge.Redeem{Sealed: sealed, Window: window}, err
	})
	switch {
	case err == nil:
		return body, nil
	case !errors.Is(err, errNotApproved):
		return nil, err
	case r.State == challenge.Redeemed:
		return challenge.Open(code.Secret, sealedResponse, r.Sealed)
	case r.State.Final():
		return nil, outcome(r.State)
	default:
		return nil, errAuthorizationPending
	}
}

var errNotApproved = errors.New("oauth: not approved")

// recordLogin writes the login's row. It outlives a store that has lost the swap in a fail-over: the same client may come back
// within the window while the login has not been ended, and nobody else at any time.
func (d *Door) recordLogin(ctx context.Context, r challenge.Record, client string, resources []string, session string) (identity.Login, error) {
	acr, amr := token.Authentication(r.Challenge)
	login, fresh, err := d.Logins.RecordLogin(ctx, identity.Login{
		ID: challenge.NewSecret(), Challenge: r.ID.Hash().String(), Client: client,
		Account: r.Claim.Account, Device: r.Claim.Device, Address: r.Browser.Address, UserAgent: r.Browser.UserAgent, At: r.Now,
		AuthTime: r.ApprovedAt, Scopes: r.Request.Scopes, Resources: resources, ACR: acr, AMR: amr, Session: session,
	})
	if err == nil && !fresh && (login.Client != client || !login.EndedAt.IsZero() || r.Now.Sub(login.At) >= d.Redelivery) {
		err = errInvalidGrant
	}
	return login, err
}

// mint makes the token response, with the login's row and its refresh token.
func (d *Door) mint(ctx context.Context, asked request, r challenge.Record) ([]byte, error) {
	login, err := d.recordLogin(ctx, r, asked.client.ID, r.Request.Resources, "")
	if err != nil {
		return nil, err
	}
	account, err := d.Logins.Account(ctx, login.Account)
	if err != nil {
		return nil, err
	}
	g, err := beyondLogin(r)
	if err != nil {
		return nil, err
	}
	answer, err := d.Mint.Tokens(token.Grant{
		Client: asked.client, Account: account, Scopes: r.Request.Scopes, Resources: r.Request.Resources, Nonce: r.Request.Nonce,
		AuthTime: r.ApprovedAt, ACR: login.ACR, AMR: login.AMR, LoginID: login.ID, Thumbprint: asked.thumbprint, Device: g.Device, Now: r.Now,
	})
	if err != nil {
		return nil, err
	}
	if err := g.into(&answer); err != nil {
		return nil, err
	}
	if err := d.addRefreshToken(ctx, asked, login, &answer); err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

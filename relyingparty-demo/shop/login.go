package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// hold is how long one finish call waits for the phone; the page asks again.
const hold = 25 * time.Second

// A login is one challenge that a browser of this shop waits for. It lives in that browser's session and nowhere else:
// that is what binds the result to the browser that asked (SECURITY.md §1, flaw 1).
type login struct {
	watch       string // the browser's capability, handed to the page
	challengeID string
	nonce       string

	replaced context.Context // done once another challenge took this one's place
	abandon  context.CancelFunc

	handoff  bool      // it asks the member's own phone for something, and nobody is logged in by it
	purchase *purchase // what it is for, beside the login; nil for nothing. Then the shop asks the provider, whoever waits here

	// turn is taken by the one request that asks the provider, because a second held request would end the first. What
	// follows belongs to whoever has it.
	turn    chan struct{}
	asking  asking
	outcome outcome
	member  *session // the session that came of it, when the outcome is loggedIn
}

// asking is when to ask the provider next for the tokens of a device_code.
type asking struct {
	deviceCode string        // redeems the challenge; never leaves this server
	interval   time.Duration // between two questions to a provider that does not hold its answer
	notUntil   time.Time
}

type outcome string

const (
	pending  outcome = "pending"
	loggedIn outcome = "logged in"
	denied   outcome = "denied"
	expired  outcome = "expired"
	rejected outcome = "rejected" // by this shop: the order that came back is not the one that was asked for
	ordered  outcome = "ordered"
	done     outcome = "done" // the page may fetch what its phone has sent
)

func newLogin(c challenge, nonce string) *login {
	replaced, abandon := context.WithCancel(context.Background())
	return &login{
		watch: c.Watch, challengeID: c.ChallengeID, nonce: nonce,
		replaced: replaced, abandon: abandon,
		turn:    make(chan struct{}, 1),
		asking:  asking{deviceCode: c.DeviceCode, interval: time.Duration(c.Interval) * time.Second},
		outcome: pending,
	}
}

// startLogin is POST /login/challenge: a new challenge, which takes the place of an earlier one of the same browser.
func (s *Shop) startLogin(c *gin.Context) {
	nonce := random(32)
	got, err := s.provider.authorizeDevice(c.Request.Context(), url.Values{"nonce": {nonce}})
	if err != nil {
		s.unavailable(c, "a login could not start", err)
		return
	}
	s.began(c, got, newLogin(got, nonce))
}

// began hands a challenge to the page that asked for it. Once another takes its place it ends at the provider too, and nothing waits
// for it any more.
func (s *Shop) began(c *gin.Context, got challenge, l *login) {
	context.AfterFunc(l.replaced, func() {
		if err := s.provider.cancel(s.life, got.ChallengeID, got.Watch); err != nil {
			s.log.Warn("a challenge that was replaced could not be cancelled; it ends by itself", "error", brief(err))
		}
	})
	next := s.sessions.begin(s.session(c.Request), l)
	s.setSession(c.Writer, next.id)
	c.JSON(http.StatusOK, gin.H{"challenge_id": got.ChallengeID, "watch": got.Watch, "expires_in": got.ExpiresIn})
}

// finish is POST /login/finish and POST /buy/finish: answers once the phone has decided, or that it has not yet. A browser that has no
// login here is told that it expired, and so starts one of its own. The page may name the challenge that it shows, which is
// no longer this browser's when another of its tabs has started one since.
func (s *Shop) finish(c *gin.Context) {
	var shown struct {
		ChallengeID string `json:"challenge_id"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, 4096))
	if err != nil {
		c.JSON(http.StatusRequestEntityTooLarge, gin.H{"status": "invalid"})
		return
	}
	if len(body) > 0 && json.Unmarshal(body, &shown) != nil {
		c.JSON(http.StatusBadRequest, gin.H{"status": "invalid"})
		return
	}
	visitor := s.session(c.Request)
	if visitor == nil || visitor.login == nil || shown.ChallengeID != "" && shown.ChallengeID != visitor.login.challengeID {
		c.JSON(http.StatusGone, gin.H{"status": expired})
		return
	}
	result, err := s.await(c.Request.Context(), visitor)
	switch {
	case err != nil:
		s.unavailable(c, "a login could not finish", err)
	case result == loggedIn:
		s.setSession(c.Writer, visitor.login.member.id)
		c.JSON(http.StatusOK, gin.H{"location": visitor.login.purchase.leadsTo()})
	case result == done:
		c.JSON(http.StatusOK, gin.H{"status": result})
	case result == pending:
		c.JSON(http.StatusAccepted, gin.H{"status": pending})
	case result == rejected:
		c.JSON(http.StatusUnprocessableEntity, gin.H{"status": result}) // not to be asked again
	default:
		c.JSON(http.StatusGone, gin.H{"status": result})
	}
}

// await waits up to hold for the outcome of the visitor's login. Concurrent calls for one login take turns, so that it is
// redeemed and counted once, and all of them learn the same outcome.
func (s *Shop) await(ctx context.Context, visitor *session) (outcome, error) {
	l, deadline := visitor.login, time.Now().Add(hold)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(callTimeout))
	defer cancel()
	defer context.AfterFunc(l.replaced, cancel)()

	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return pending, nil
	}
	if l.outcome == pending && l.purchase != nil {
		s.awaitPurchase(ctx, visitor, deadline)
		return l.outcome, nil
	}
	for l.outcome == pending && time.Until(deadline) > time.Second && ctx.Err() == nil {
		got, result, err := l.asking.ask(ctx, s.provider, deadline)
		switch {
		case err == nil && got != nil:
			err = s.admit(ctx, visitor, got.IDToken)
		case err == nil:
			l.outcome = result
		}
		if err != nil && ctx.Err() == nil {
			return "", err
		}
	}
	return l.outcome, nil
}

// ask asks once, when it is time to. It returns the tokens, or without them what became of the challenge (RFC 8628 section 3.5).
func (a *asking) ask(ctx context.Context, p *provider, deadline time.Time) (*tokens, outcome, error) {
	if wait := time.Until(a.notUntil); wait > 0 {
		pause(ctx, min(wait, time.Until(deadline)))
		return nil, pending, nil
	}
	a.notUntil = time.Now().Add(time.Second) // a held question may be followed at once; not in a tight loop, though
	got, held, err := p.redeem(ctx, a.deviceCode, time.Until(deadline))
	var r *refusal
	if !errors.As(err, &r) {
		return got, pending, err
	}
	switch r.Code {
	case "authorization_pending":
		if !held {
			a.notUntil = time.Now().Add(a.interval)
		}
	case "slow_down":
		a.interval += 5 * time.Second
		a.notUntil = time.Now().Add(a.interval)
	case "access_denied":
		return nil, denied, nil
	case "expired_token", "invalid_grant": // invalid_grant: redeemed, and too long ago to be given again
		return nil, expired, nil
	default:
		return nil, pending, err
	}
	return nil, pending, nil
}

// admit turns a verified ID token into a member's session. An error leaves the login open: the provider may give the same
// token again, and when it no longer does, the login has expired.
func (s *Shop) admit(ctx context.Context, visitor *session, idToken string) error {
	l := visitor.login
	who, err := s.provider.verify(ctx, idToken, l.nonce)
	if err != nil {
		return err
	}
	if l.handoff {
		a, err := s.accounts.get(ctx, visitor.account)
		if err == nil && (a.Issuer != who.Issuer || a.Subject != who.Subject) {
			err = errors.New("the phone is somebody else's")
		}
		if err == nil {
			l.outcome = done
		}
		return err
	}
	if l.member, err = s.welcome(ctx, visitor, who); err != nil {
		return err
	}
	l.outcome = loggedIn
	return nil
}

// welcome counts the visit of who was proven, and makes the member's session of the visitor's.
func (s *Shop) welcome(ctx context.Context, visitor *session, who proof) (*session, error) {
	// What proved it is used up: from here on a browser that hangs up must not stop the rest.
	a, err := s.accounts.seen(context.WithoutCancel(ctx), who.Issuer, who.Subject, who.Phone)
	if err != nil {
		return nil, err
	}
	s.log.Info("logged in", "account", a.ID, "visit", a.Visits)
	return s.sessions.logIn(visitor, a.ID, a.Visits, who), nil
}

// livePicture is GET /login/qr/<random>.png: the code that the page shows at this moment, for a phone simulator on the same
// machine, which has no camera.
func (s *Shop) livePicture(c *gin.Context) {
	name, png := strings.CutSuffix(c.Param("name"), ".png")
	visitor := s.sessions.findPicture(name)
	if !png || visitor == nil || !s.OnLoopback(c.Request) {
		s.plain(c, http.StatusNotFound, "There is no such picture. Reload the login page and copy the command again.")
		return
	}
	if visitor.login == nil {
		s.plain(c, http.StatusNotFound, "The page shows no code at the moment.")
		return
	}
	body, err := s.provider.picture(c.Request.Context(), visitor.login.challengeID, visitor.login.watch)
	var r *refusal
	if errors.As(err, &r) && r.Status < 500 {
		s.plain(c, http.StatusGone, "This code has been scanned or has expired. Take a new one on the login page.")
		return
	}
	if err != nil {
		s.log.Warn("the live picture could not be fetched", "error", brief(err))
		s.plain(c, http.StatusBadGateway, "The provider could not be reached.")
		return
	}
	c.Data(http.StatusOK, "image/png", body)
}

// unavailable answers a page's script when the provider is at fault or out of reach; it may ask again.
func (s *Shop) unavailable(c *gin.Context, what string, err error) {
	if c.Request.Context().Err() == nil {
		s.log.Warn(what, "error", brief(err))
	}
	status, after := http.StatusServiceUnavailable, "2"
	var r *refusal
	if errors.As(err, &r) && r.Status == http.StatusTooManyRequests {
		status = http.StatusTooManyRequests
		if r.RetryAfter != "" {
			after = r.RetryAfter
		}
	}
	c.Header("Retry-After", after)
	c.JSON(status, gin.H{"status": "unavailable"})
}

// brief is an error as it may be logged: libraries put whole answers of the provider into theirs.
func brief(err error) string {
	const most = 300
	if text := err.Error(); len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return err.Error()
}

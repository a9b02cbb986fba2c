package shop

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"qrlogin/api"
)

// An errand is a login, or a purchase, by the provider's own page (the authorization code flow), for who opens the shop on the phone
// itself and has nothing to scan with, and for who cannot load the widget. Like a login it lives in the session of the browser that
// began it.
type errand struct {
	state    string    // comes back with the answer: it is to this browser's request (RFC 9700 §2.1)
	nonce    string    // comes back in the ID token
	verifier string    // redeems the code, and never leaves this server before (RFC 7636)
	purchase *purchase // what it is for, beside the login; nil for nothing
	done     atomic.Bool
}

const callbackPath = "/login/callback"

// leave is GET /login/here: sends the browser to the provider.
func (s *Shop) leave(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor != nil && visitor.account != 0 {
		c.Redirect(http.StatusSeeOther, "/account")
		return
	}
	s.send(c, visitor, &errand{nonce: random(32)})
}

// buyHere is GET /buy/here?piece=…&quantity=…: the same for an order, which the browser does not carry. Who is logged in says so, and then it is theirs or nobody's.
func (s *Shop) buyHere(c *gin.Context) {
	b, known := basketOf(c.Request, s.wordsFor(c.Writer, c.Request))
	if !known {
		s.failure(c, http.StatusNotFound)
		return
	}
	p := s.purchaseOf([]api.OrderLine{b.Line(b.Quantity)}, nil)
	s.send(c, s.session(c.Request), &errand{nonce: p.nonce, purchase: p})
}

// send sends the visitor's browser to the provider.
func (s *Shop) send(c *gin.Context, visitor *session, e *errand) {
	e.state, e.verifier = random(32), oauth2.GenerateVerifier()
	form := url.Values{}
	if e.purchase != nil {
		form = e.purchase.form(visitor)
	}
	to, err := s.provider.authorizeURL(c.Request.Context(), s.url+callbackPath, e, form)
	if err != nil {
		s.log.Warn("a login could not start", "error", brief(err))
		s.hereFailed(c, http.StatusServiceUnavailable, func(w *words) string { return w.HereFailed })
		return
	}
	s.setSession(c.Writer, s.sessions.leave(visitor, e).id)
	c.Redirect(http.StatusSeeOther, to)
}

// comeBack is GET /login/callback: the provider's answer, brought by a browser, which may be anybody's. It counts in the session
// that the errand began in, and once.
func (s *Shop) comeBack(c *gin.Context) {
	visitor, query := s.session(c.Request), c.Request.URL.Query()
	if visitor == nil || visitor.errand == nil || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(visitor.errand.state)) != 1 ||
		!s.provider.saysItself(c.Request.Context(), query["iss"]) || !visitor.errand.done.CompareAndSwap(false, true) {
		s.hereFailed(c, http.StatusBadRequest, func(w *words) string { return w.HereForeign })
		return
	}
	if refused := query.Get("error"); refused != "" {
		if refused != "access_denied" {
			s.log.Warn("a login was refused", "error", brief(errors.New(refused)))
			s.hereFailed(c, http.StatusServiceUnavailable, func(w *words) string { return w.HereFailed })
			return
		}
		s.hereFailed(c, http.StatusForbidden, func(w *words) string { return w.HereDeclined })
		return
	}
	member, err := s.redeemErrand(c.Request.Context(), visitor, query.Get("code"))
	if err != nil {
		s.log.Warn("a login could not finish", "error", brief(err))
		s.hereFailed(c, http.StatusServiceUnavailable, func(w *words) string { return w.HereFailed })
		return
	}
	s.setSession(c.Writer, member.id)
	c.Redirect(http.StatusSeeOther, visitor.errand.purchase.leadsTo())
}

func (s *Shop) redeemErrand(ctx context.Context, visitor *session, code string) (*session, error) {
	e := visitor.errand
	got, err := s.provider.redeemCode(ctx, s.url+callbackPath, code, e.verifier)
	if err != nil {
		return nil, err
	}
	if e.purchase != nil {
		a, who, result, err := s.settle(ctx, e.purchase, got)
		if err == nil && result != ordered {
			err = errors.New("the order is not the one that was asked for")
		}
		if err != nil {
			return nil, err
		}
		return s.sessions.logIn(visitor, a.ID, a.Visits, who), nil
	}
	who, err := s.provider.verify(ctx, got.IDToken, e.nonce)
	if err != nil {
		return nil, err
	}
	return s.welcome(ctx, visitor, who)
}

// hereFailed is a page that says what became of the login, with the way to another.
func (s *Shop) hereFailed(c *gin.Context, status int, what func(*words) string) {
	s.render(c, status, "failure", func(v *view) { v.Title, v.Body = what(v.words), "/login" })
}

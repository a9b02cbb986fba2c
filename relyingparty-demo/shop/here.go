package shop

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"
)

// An errand is a login by the provider's own page (the authorization code flow), for who opens the shop on the phone itself and has
// nothing to scan with, and for who cannot load the widget. Like a login it lives in the session of the browser that began it.
type errand struct {
	state    string // comes back with the answer: it is to this browser's request (RFC 9700 §2.1)
	nonce    string // comes back in the ID token
	verifier string // redeems the code, and never leaves this server before (RFC 7636)
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
	e := &errand{state: random(32), nonce: random(32), verifier: oauth2.GenerateVerifier()}
	to, err := s.provider.authorizeURL(c.Request.Context(), s.url+callbackPath, e)
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
	c.Redirect(http.StatusSeeOther, "/account")
}

func (s *Shop) redeemErrand(ctx context.Context, visitor *session, code string) (*session, error) {
	idToken, err := s.provider.redeemCode(ctx, s.url+callbackPath, code, visitor.errand.verifier)
	if err != nil {
		return nil, err
	}
	who, err := s.provider.verify(ctx, idToken, visitor.errand.nonce)
	if err != nil {
		return nil, err
	}
	return s.welcome(ctx, visitor, who)
}

// hereFailed is a page that says what became of the login, with the way to another.
func (s *Shop) hereFailed(c *gin.Context, status int, what func(*words) string) {
	s.render(c, status, "failure", func(v *view) { v.Title, v.Body = what(v.words), "/login" })
}

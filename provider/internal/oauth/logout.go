package oauth

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/oauth/pages"
)

// leaving is a request of OIDC RP-Initiated Logout 1.0 §2 that has been read.
type leaving struct {
	client identity.Client // of the hint or client_id; "" for nobody's
	login  identity.Login  // of the hint; its ID is "" for none
	to     string          // a registered URI, or ""
	state  string
	lang   string
}

var errPostLogoutURI = errors.New("oauth: post_logout_redirect_uri is not one of the client's")

// readLeaving reads the parameters of a logout. Whatever does not fit together is refused before anything ends.
func (d *Door) readLeaving(c *gin.Context, f form) (leaving, error) {
	l := leaving{to: f["post_logout_redirect_uri"], state: f["state"], lang: language(c, f["ui_locales"])}
	id := f["client_id"]
	if hint := f["id_token_hint"]; hint != "" {
		read, err := d.readHint(hint, id)
		if err != nil {
			return l, err
		}
		id = read.ClientID
		if l.login, err = d.Logins.Login(c.Request.Context(), read.LoginID); err != nil && !errors.Is(err, identity.ErrUnknownLogin) {
			return l, err
		}
	}
	if id != "" {
		var err error
		if l.client, err = d.Clients.Client(c.Request.Context(), id); err != nil {
			return l, err
		}
	}
	if l.to != "" && !slices.Contains(l.client.PostLogoutRedirectURIs, l.to) {
		return l, errPostLogoutURI
	}
	return l, nil
}

// endSession is where a site sends a visitor who wants to be logged out. An ID token of a login is proof enough of the wish to end
// that login, and the session with it where the session is this browser's own. Whoever has a session here that the token does not
// belong to is asked (§2: the provider must ask). The session of another browser is never ended.
func (d *Door) endSession(c *gin.Context) error {
	f, err := d.browserForm(c)
	if err != nil {
		return err
	}
	l, err := d.readLeaving(c, f)
	if err != nil {
		return err
	}
	session, err := d.session(c)
	if errors.Is(err, identity.ErrEnded) {
		return d.leave(c, l, identity.Session{})
	}
	if err != nil {
		return err
	}
	if l.login.Session == session.ID {
		return d.leave(c, l, session)
	}
	again := map[string]string{}
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"} {
		if f[name] != "" {
			again[name] = f[name]
		}
	}
	return pages.Logout{Page: d.frameOf(l.client, l.lang, l.to), Action: "/end_session/confirm", Fields: fields(again)}.Write(c)
}

// confirmEndSession takes the answer of the person who was asked.
func (d *Door) confirmEndSession(c *gin.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	l, err := d.readLeaving(c, f)
	if err != nil {
		return err
	}
	if f["decision"] != "approve" { // who stays is not sent on as one who left
		return pages.LoggedOut{Page: d.frameOf(l.client, l.lang, ""), Stayed: true}.Write(c)
	}
	session, err := d.session(c)
	if err != nil && !errors.Is(err, identity.ErrEnded) {
		return err
	}
	return d.leave(c, l, session)
}

// leave ends the login of the hint and this browser's session, and sends the browser where the site wants it.
func (d *Door) leave(c *gin.Context, l leaving, session identity.Session) error {
	ctx := c.Request.Context()
	if l.login.ID != "" && (l.login.Session == "" || l.login.Session != session.ID) {
		if err := d.SignOut.One(ctx, l.login.ID); err != nil {
			return err
		}
	}
	if session.ID != "" {
		if err := d.SignOut.Session(ctx, session.ID); err != nil {
			return err
		}
	}
	d.setCookie(c, sessionCookie, "", -time.Second)
	if l.to == "" {
		return pages.LoggedOut{Page: d.frameOf(l.client, l.lang, "")}.Write(c)
	}
	says := map[string]string{}
	if l.state != "" {
		says["state"] = l.state
	}
	return seeOther(c, withQuery(l.to, says))
}

// browserForm reads what a browser brings, by GET or by POST.
func (d *Door) browserForm(c *gin.Context) (form, error) {
	if c.Request.Method == http.MethodPost {
		return readForm(c)
	}
	return readQuery(c)
}

package phone

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

const maxLogins = 100 // in one list

func (d *Door) logins(c *gin.Context) error {
	device, err := d.device(c)
	if err != nil {
		return err
	}
	all, err := d.Logins.Logins(c.Request.Context(), device.Account, maxLogins)
	if err != nil {
		return err
	}
	list := api.LoginList{Logins: make([]api.Login, 0, len(all))}
	sites := map[string]identity.Client{} // many logins are at few sites
	for _, login := range all {
		site, err := d.siteOnce(c, login.Client, sites)
		if err != nil {
			return err
		}
		view := viewLogin(login, site)
		view.Browser, view.Place = browserName(login.UserAgent), d.place(login.Address)
		list.Logins = append(list.Logins, view)
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, list)
	return nil
}

// siteOnce is site, asked once.
func (d *Door) siteOnce(c *gin.Context, id string, sites map[string]identity.Client) (identity.Client, error) {
	site, known := sites[id]
	if known {
		return site, nil
	}
	site, err := d.site(c, id)
	if err == nil {
		sites[id] = site
	}
	return site, err
}

// site is a client, or the id of one that is no longer registered.
func (d *Door) site(c *gin.Context, id string) (identity.Client, error) {
	site, err := d.Clients.Client(c.Request.Context(), id)
	if errors.Is(err, identity.ErrUnknownClient) {
		return identity.Client{ID: id, Name: id}, nil
	}
	return site, err
}

func viewLogin(l identity.Login, site identity.Client) api.Login {
	view := api.Login{
		Id: l.ID, At: l.At.UTC(), AuthTime: l.AuthTime.UTC(), Session: l.Session != "", Address: known(l.Address), UserAgent: known(l.UserAgent),
	}
	view.Client.Id, view.Client.Name, view.Client.Domains = site.ID, site.Name, site.Domains()
	view.EndedAt = moment(l.EndedAt)
	return view
}

// endLogins ends all logins of the account, with their sessions.
func (d *Door) endLogins(c *gin.Context) error {
	device, err := d.device(c)
	if err != nil {
		return err
	}
	ended, err := d.SignOut.Account(c.Request.Context(), device.Account)
	if err != nil {
		return err
	}
	if ended > 0 {
		d.audit(c, identity.AuditEvent{Kind: identity.EventLoginEnded, Account: device.Account, Address: web.Address(c)})
	}
	c.Status(http.StatusNoContent)
	return nil
}

// endLogin ends a login. To end one that has ended does nothing new: the first answer may have been lost.
func (d *Door) endLogin(c *gin.Context) error {
	login, err := d.ownLogin(c)
	if err != nil {
		return err
	}
	if err := d.end(c, login); err != nil {
		return err
	}
	if login.EndedAt.IsZero() {
		d.auditLogin(c, identity.EventLoginEnded, login)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// disownLogin is "this wasn't me" (RFC 10027 §6.1.6). That it was said is kept, whether or not the login has ended before.
func (d *Door) disownLogin(c *gin.Context) error {
	login, err := d.ownLogin(c)
	if err != nil {
		return err
	}
	d.auditLogin(c, identity.EventLoginDisowned, login)
	if err := d.end(c, login); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// ownLogin is the login that the path names. Somebody else's looks like none at all.
func (d *Door) ownLogin(c *gin.Context) (identity.Login, error) {
	device, err := d.device(c)
	if err != nil {
		return identity.Login{}, err
	}
	id := c.Param("id")
	if len(id) > 64 || !identity.SafeText(id) { // what no store has to look for
		return identity.Login{}, identity.ErrUnknownLogin
	}
	login, err := d.Logins.Login(c.Request.Context(), id)
	if err != nil {
		return identity.Login{}, err
	}
	if login.Account != device.Account {
		return identity.Login{}, identity.ErrUnknownLogin
	}
	return login, nil
}

// end ends a login with its session; also one that has ended, for its session may be there still.
func (d *Door) end(c *gin.Context, l identity.Login) error {
	if err := d.SignOut.Login(c.Request.Context(), l.ID); !errors.Is(err, identity.ErrEnded) {
		return err
	}
	return nil
}

func (d *Door) auditLogin(c *gin.Context, kind string, l identity.Login) {
	d.audit(c, eventOf(kind, l))
}

package phone

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

const maxEvents = 100 // in one list

// events tells the owner what happened with the account (RFC 10027 §6.1.6).
func (d *Door) events(c *gin.Context) error {
	device, err := d.device(c)
	if err != nil {
		return err
	}
	all, err := d.Audit.Events(c.Request.Context(), device.Account, maxEvents)
	if err != nil {
		return err
	}
	list := api.EventList{Events: make([]api.Event, 0, len(all))}
	sites := map[string]identity.Client{}
	for _, e := range all {
		view, err := d.viewEvent(c, e, sites)
		if err != nil {
			return err
		}
		list.Events = append(list.Events, view)
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, list)
	return nil
}

// viewEvent shows an event. One that is about a login was where the login is.
func (d *Door) viewEvent(c *gin.Context, e identity.AuditEvent, sites map[string]identity.Client) (api.Event, error) {
	view := api.Event{
		Kind: api.EventKind(e.Kind), At: e.At.UTC(), Login: known(e.Login), Device: known(e.Device), ActiveAt: moment(e.ActiveAt),
	}
	if e.Login != "" {
		login, err := d.Logins.Login(c.Request.Context(), e.Login)
		if err != nil && !errors.Is(err, identity.ErrUnknownLogin) {
			return view, err
		}
		e.Address, e.UserAgent = login.Address, login.UserAgent
	}
	view.Address, view.Place, view.Browser = known(e.Address), d.place(e.Address), browserName(e.UserAgent)
	if e.Client == "" {
		return view, nil
	}
	site, err := d.siteOnce(c, e.Client, sites)
	if err != nil {
		return view, err
	}
	view.Client = new(api.EventClient)
	view.Client.Id, view.Client.Name, view.Client.Domains = site.ID, site.Name, site.Domains()
	return view, nil
}

// alarmsKept is how many alarms of a kind an account gets in an hour. Whoever presents codes in a loop fills neither the table nor
// the list, in which a person is to find the others.
var alarmsKept = challenge.Limit{Max: 10, Window: time.Hour}

// alarm keeps what may be an attack, and has a line of it in the log. client is the site for the log, which the owner of the event
// may have no part in.
func (d *Door) alarm(c *gin.Context, client string, e identity.AuditEvent) {
	d.Log.Warn("alarm", "request_id", web.RequestID(c), "kind", e.Kind, "client", client)
	n, err := d.Keys.Count(c.Request.Context(), "alarm "+e.Kind+" "+e.Account, alarmsKept)
	if err != nil {
		d.Log.Error("audit event not kept", "request_id", web.RequestID(c), "kind", e.Kind, "error", err)
		return
	}
	if !n.Above {
		d.audit(c, e)
	}
}

// refusedText is the refusal of what could not be read as a code. A link that is none of ours was on a QR code that is none of ours;
// anything else was typed, and people mistype.
func (d *Door) refusedText(c *gin.Context, device identity.Device, text string, err error) error {
	inPicture := errors.Is(err, errForeignCode)
	if !inPicture && !errors.Is(err, challenge.ErrCodeUnknown) {
		return err
	}
	if limited := d.countRefused(c, device); limited != nil {
		return limited
	}
	if inPicture || strings.Contains(text, "://") {
		d.alarm(c, "", identity.AuditEvent{Kind: identity.EventCodeForeign, Account: device.Account})
	}
	return err
}

// countRefused counts a code that was presented when it should not have been. Past the limit nothing more is told or kept; a code that
// is good goes on.
func (d *Door) countRefused(c *gin.Context, device identity.Device) error {
	return limit.Count(c.Request.Context(), d.Keys,
		d.Limits.Of(limit.RefusedScansPerDevice, device.ID), d.Limits.Of(limit.RefusedScansPerNetwork, web.Network(c)))
}

// alarms is the refusals of a scan that may be an attack.
var alarms = map[challenge.Kind]string{
	challenge.Gone: identity.EventCodeReused, challenge.CodeStale: identity.EventCodeStale, challenge.NotAllowed: identity.EventCodeNotAllowed,
	challenge.ClaimedByAnother: identity.EventCodeContested,
	challenge.TooFar:           identity.EventScanElsewhere, challenge.Outside: identity.EventScanElsewhere,
	challenge.CodeUnknown: identity.EventCodeForeign, challenge.NotFound: identity.EventCodeForeign,
}

// refusedScan keeps that a code was presented which should not have been (RFC 10027 §6.1.4), and tells whom it concerns: the account
// whose phone it was, and the one whose login the code is of. Neither learns of the other, nor the first anything of a login that is
// not its own (SECURITY.md §1.6).
func (d *Door) refusedScan(c *gin.Context, device identity.Device, id challenge.ID, r challenge.Record, err error) error {
	if kind, alarming := alarms[challenge.KindOf(err)]; alarming {
		if limited := d.countRefused(c, device); limited != nil {
			return limited
		}
		of := d.codeOf(c, id, r)
		if errors.Is(err, challenge.ErrNotFound) && of.ID != "" {
			kind = identity.EventCodeReused // long ago
		}
		told := identity.AuditEvent{Kind: kind, Account: device.Account}
		if of.Account == device.Account {
			told = eventOf(kind, of)
		}
		d.alarm(c, of.Client, told)
		copied := kind == identity.EventCodeReused || kind == identity.EventCodeContested
		if copied && of.Account != "" && of.Account != device.Account {
			d.alarm(c, of.Client, eventOf(identity.EventCodeCopied, of))
		}
	}
	if errors.Is(err, challenge.ErrNotFound) {
		return challenge.ErrCodeUnknown
	}
	return err
}

// codeOf is the login that a code is of: the one that came of the challenge, or while none has, what is known of the challenge. Its
// account is who claimed it, "" for nobody.
func (d *Door) codeOf(c *gin.Context, id challenge.ID, r challenge.Record) identity.Login {
	if r.State != 0 && r.State != challenge.Redeemed && !r.State.Final() {
		return identity.Login{Client: r.Client, Account: r.Claim.Account, Address: r.Browser.Address, UserAgent: r.Browser.UserAgent}
	}
	login, err := d.Logins.LoginOf(c.Request.Context(), id.Hash().String())
	if err != nil && !errors.Is(err, identity.ErrUnknownLogin) {
		d.Log.Error("whose code it is cannot be found out", "request_id", web.RequestID(c), "error", err)
	}
	return login
}

// eventOf is an event about a login, or about what may become one.
func eventOf(kind string, l identity.Login) identity.AuditEvent {
	e := identity.AuditEvent{Kind: kind, Account: l.Account, Client: l.Client, Login: l.ID}
	if l.ID == "" {
		e.Address, e.UserAgent = l.Address, l.UserAgent
	}
	return e
}

package phone

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/dpop"
	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/passkey"
	"qrlogin/provider/internal/place"
	"qrlogin/provider/internal/web"
)

// Clients finds registered clients; identity.ErrUnknownClient.
type Clients interface {
	Client(ctx context.Context, id string) (identity.Client, error)
}

// Devices keeps accounts and their devices.
type Devices interface {
	// Enroll adds a device to the account with this number, which is made if there is none, or if that is dormant; ended is the logins
	// that ended with one that was (see identity.Admit); identity.ErrDeviceConflict.
	Enroll(ctx context.Context, phoneNumber string, d identity.Device) (a identity.Account, enrolled identity.Device, ended []identity.Login, err error)
	// Device finds an enrolled device; identity.ErrUnknownDevice.
	Device(ctx context.Context, thumbprint string) (identity.Device, error)
	// Account finds an account; identity.ErrUnknownAccount.
	Account(ctx context.Context, id string) (identity.Account, error)
	// Devices lists an account's devices, the oldest first.
	Devices(ctx context.Context, account string) ([]identity.Device, error)
	// TouchDevice notes when a device was last seen.
	TouchDevice(ctx context.Context, thumbprint string, at time.Time) error
	// AllowDevice lets a device of an account work, and tells whether it waited until then; identity.ErrNoSuchDevice.
	AllowDevice(ctx context.Context, account, id string, at time.Time) (d identity.Device, waited bool, err error)
	// RemoveDevice removes a device of an account, and answers what it was; identity.ErrNoSuchDevice.
	RemoveDevice(ctx context.Context, account, id string, at time.Time) (identity.Device, error)
}

// Credentials keeps the accounts' passkeys.
type Credentials interface {
	// AddPasskey stores one, which the device has to show from now on; identity.ErrPasskeysFull, identity.ErrPasskeyTaken.
	AddPasskey(ctx context.Context, p identity.Passkey, device string, most int) error
	// UsePasskey has the device show this one.
	UsePasskey(ctx context.Context, device, passkey string) error
	// Passkey finds one, whosever it is; identity.ErrUnknownPasskey.
	Passkey(ctx context.Context, id string) (identity.Passkey, error)
	// Passkeys lists those of an account, the oldest first.
	Passkeys(ctx context.Context, account string) ([]identity.Passkey, error)
	// CountPasskey notes a higher count; identity.ErrUnknownPasskey where it is none, or the passkey is gone.
	CountPasskey(ctx context.Context, p identity.Passkey) error
	// RemovePasskey forgets one of an account; identity.ErrUnknownPasskey.
	RemovePasskey(ctx context.Context, account, id string) error
	// EnrollByPasskey adds a device to the account of a passkey; identity.ErrUnknownPasskey, identity.ErrDeviceConflict.
	EnrollByPasskey(ctx context.Context, passkey string, d identity.Device) (identity.Account, identity.Device, error)
}

// Logins lists where accounts are and were logged in.
type Logins interface {
	// Logins lists an account's logins, the newest first.
	Logins(ctx context.Context, account string, limit int) ([]identity.Login, error)
	// Login finds one; identity.ErrUnknownLogin.
	Login(ctx context.Context, id string) (identity.Login, error)
	// LoginOf finds the one that came of a challenge, by the challenge's hash; identity.ErrUnknownLogin.
	LoginOf(ctx context.Context, challenge string) (identity.Login, error)
	// Sessions lists an account's sessions.
	Sessions(ctx context.Context, account string) ([]identity.Session, error)
}

// SignOut ends what logins gave out.
type SignOut interface {
	// Login ends a login, or the whole session that it belongs to, and has the sites told.
	Login(ctx context.Context, id string) error
	// Account ends all logins and sessions of an account, has the sites told, and answers how many logins ended.
	Account(ctx context.Context, account string) (int, error)
	// Delete deletes an account with all that is kept of it, and has the sites told.
	Delete(ctx context.Context, account string) error
	// Tell has the sites told of logins that have ended.
	Tell(ended []identity.Login)
}

// Auditor keeps what an operator or an owner may want to know later.
type Auditor interface {
	web.Auditor
	// Events lists what an account's owner may know, the newest first.
	Events(ctx context.Context, account string, limit int) ([]identity.AuditEvent, error)
}

// Places says where an address is.
type Places interface {
	Find(address netip.Addr) (place.Place, bool)
}

// Sender brings an enrolment code to a phone number, in the language that an Accept-Language header prefers: sms.ErrMayBeSent,
// identity.ErrInvalidNumber; after any other error nothing has been sent.
type Sender interface {
	Send(ctx context.Context, number, code, acceptLanguage string) error
}

// Door is the phone's door.
type Door struct {
	Issuer      string // an origin, no trailing slash
	Challenges  challenge.Store
	Keys        challenge.Keys
	Handoffs    handoffs.Box
	Limits      limit.Set
	Clients     Clients
	Devices     Devices
	Passkeys    *passkey.Verifier // nil where there can be none
	Credentials Credentials
	Logins      Logins
	SignOut     SignOut
	Audit       Auditor
	Places      Places
	Numbers     *identity.Numbers
	SMS         Sender
	Countries   []string // whose numbers are sent codes to, by ISO 3166; empty for all
	Proofs      dpop.Verifier
	Log         *slog.Logger

	HandoffLimit int64 // bytes that a phone may hand off, before encryption

	pictures pictures
}

// Mount adds the door's routes.
func (d *Door) Mount(r gin.IRoutes) {
	d.pictures = newPictures()
	h := func(f func(*gin.Context) error) gin.HandlerFunc {
		return web.Handle(func(c *gin.Context) error {
			if _, err := web.Query(c); err != nil { // nothing here reads one, and no proof covers one
				return err
			}
			return f(c)
		}, d.fail)
	}
	r.POST("/phone/enrollments", h(d.startEnrollment))
	r.POST("/phone/enrollments/:enrollment_id/confirm", h(d.confirmEnrollment))
	r.GET("/phone/account", h(d.account))
	r.DELETE("/phone/account", h(d.deleteAccount))
	r.GET("/phone/account/export", h(d.export))
	r.GET("/phone/devices", h(d.devices))
	r.DELETE("/phone/devices/:id", h(d.removeDevice))
	r.POST("/phone/devices/:id/allow", h(d.allowDevice))
	r.GET("/phone/logins", h(d.logins))
	r.DELETE("/phone/logins", h(d.endLogins))
	r.DELETE("/phone/logins/:id", h(d.endLogin))
	r.POST("/phone/logins/:id/disown", h(d.disownLogin))
	r.GET("/phone/events", h(d.events))
	r.POST("/phone/scans", h(d.scan))
	r.DELETE("/phone/scans/:id", h(d.release))
	r.PUT("/phone/scans/:id/handoff", h(d.handOff))
	r.POST("/phone/decisions", h(d.decide))
	d.mountPasskeys(r, h)
}

// fail answers an error as a problem; a 401 says how to authenticate (RFC 9110 §15.5.2).
func (d *Door) fail(c *gin.Context, err error) {
	if p, _ := web.ProblemOf(err); p.Status == http.StatusUnauthorized && c.Writer.Header().Get("WWW-Authenticate") == "" {
		c.Header("WWW-Authenticate", `DPoP algs="ES256"`)
	}
	web.Fail(d.Log)(c, err)
}

const maxBody = 4 << 10

func (d *Door) audit(c *gin.Context, e identity.AuditEvent) { web.Audit(c, d.Audit, d.Log, e) }

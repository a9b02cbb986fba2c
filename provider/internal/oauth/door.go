package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
	"qrlogin/provider/internal/web"
)

// Clients finds registered clients; identity.ErrUnknownClient.
type Clients interface {
	Client(ctx context.Context, id string) (identity.Client, error)
}

// Logins keeps who logged in where.
type Logins interface {
	// Device finds an enrolled device and its account; identity.ErrUnknownDevice.
	Device(ctx context.Context, thumbprint string) (identity.Device, identity.Account, error)
	// RecordLogin keeps a login once per challenge: it answers the row that is there, and whether it is this one.
	RecordLogin(ctx context.Context, l identity.Login) (stored identity.Login, fresh bool, err error)
}

// Door is the site's door.
type Door struct {
	Issuer     string // an origin, no trailing slash
	Challenges challenge.Store
	Keys       challenge.Keys
	Clients    Clients
	Logins     Logins
	Mint       *token.Mint
	Redelivery time.Duration   // how long a redeemed device_code answers the same bytes again; 0 for not at all
	Drain      context.Context // done when the server stops: waiting requests are answered
	Log        *slog.Logger

	holds holds
}

// Mount adds the door's routes.
func (d *Door) Mount(r gin.IRoutes) {
	r.POST("/device_authorization", d.endpoint(d.deviceAuthorization))
	r.POST("/token", d.endpoint(d.token))
	r.GET("/.well-known/openid-configuration", d.metadata())
	r.GET("/.well-known/oauth-authorization-server", d.metadata())
	r.GET("/jwks", func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=300")
		c.Data(http.StatusOK, "application/json", d.Mint.JWKS(time.Now()))
	})
}

// Endpoints is the paths whose errors have OAuth's shape.
var Endpoints = []string{"/device_authorization", "/token"}

// endpoint is the one pipeline of the OAuth endpoints: no handler can forget client authentication.
func (d *Door) endpoint(h func(c *gin.Context, client identity.Client, f form) error) gin.HandlerFunc {
	return web.Handle(func(c *gin.Context) error {
		f, err := readForm(c)
		if err != nil {
			return err
		}
		client, err := d.authenticate(c.Request.Context(), c, f)
		if err != nil {
			return err
		}
		c.Header("Cache-Control", "no-store") // RFC 6749 §5.1
		return h(c, client, f)
	}, d.fail)
}

package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/clientkeys"
	"qrlogin/provider/internal/crowd"
	"qrlogin/provider/internal/dpop"
	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/signout"
	"qrlogin/provider/internal/token"
	"qrlogin/provider/internal/web"
)

// Clients finds registered clients; identity.ErrUnknownClient.
type Clients interface {
	Client(ctx context.Context, id string) (identity.Client, error)
	RegisteredOrigin(ctx context.Context, origin string) (bool, error) // of any client
}

// Logins keeps who logged in where, and what goes on from there.
type Logins interface {
	Account(ctx context.Context, id string) (identity.Account, error) // identity.ErrUnknownAccount

	// RecordLogin keeps a login by a phone once per challenge: it answers the row that is there, and whether it is this one;
	// identity.ErrUnknownDevice when the phone was removed, identity.ErrEnded when the session has ended.
	RecordLogin(ctx context.Context, l identity.Login) (stored identity.Login, fresh bool, err error)
	// RecordFurtherLogin keeps likewise one that its session lets in, wherever the phone that began it is.
	RecordFurtherLogin(ctx context.Context, l identity.Login) (stored identity.Login, fresh bool, err error)
	Login(ctx context.Context, id string) (identity.Login, error)                                        // identity.ErrUnknownLogin
	Logins(ctx context.Context, account string, limit int) ([]identity.Login, error)                     // the newest first
	PutSession(ctx context.Context, s identity.Session) error                                            // keeps one that is there
	Session(ctx context.Context, id string, now time.Time) (identity.Session, error)                     // identity.ErrEnded
	AddRefreshToken(ctx context.Context, t identity.RefreshToken) error                                  // identity.ErrEnded
	RotateRefreshToken(ctx context.Context, hash string, next identity.RefreshToken, at time.Time) error // identity.ErrEnded for all but one

	// RefreshToken finds one by its hash, with its login, and tells whether it has been used; identity.ErrUnknownLogin.
	RefreshToken(ctx context.Context, hash string) (t identity.RefreshToken, l identity.Login, used bool, err error)
}

// Door is the site's door.
type Door struct {
	Issuer     string // an origin, no trailing slash
	Challenges challenge.Store
	Keys       challenge.Keys
	Handoffs   handoffs.Box
	Limits     limit.Set
	Clients    Clients
	Logins     Logins
	Mint       *token.Mint
	Assertions *clientkeys.Verifier
	DPoP       dpop.Verifier
	SignOut    *signout.Ender
	Fetch      Fetcher
	Audit      web.Auditor
	Waiting    *crowd.Room
	Redelivery time.Duration // how long a redeemed device_code answers the same bytes again; 0 for not at all
	Log        *slog.Logger

	RegistrationToken string // lets programs register clients (RFC 7591); "" closes the endpoint, and the rest is not needed
	Registrar         Registrar
	CheckJWKS         func(jwks []byte) error
	EnsureKey         func(ctx context.Context, alg string) error // has a key that signs so

	logos logos
}

// Mount adds the door's routes.
func (d *Door) Mount(r gin.IRoutes) {
	r.POST("/device_authorization", d.endpoint(d.deviceAuthorization))
	r.POST("/par", d.endpoint(d.par))
	r.POST("/token", d.crossOrigin, d.endpoint(d.token))
	r.POST("/introspect", d.endpoint(d.introspect))
	r.POST("/revoke", d.crossOrigin, d.endpoint(d.revoke))
	if d.RegistrationToken != "" {
		r.POST("/register", web.Handle(d.register, d.fail))
	}
	r.GET("/userinfo", d.crossOrigin, web.Handle(d.userInfo, d.fail))
	r.POST("/userinfo", d.crossOrigin, web.Handle(d.userInfo, d.fail))

	r.GET("/authorize", d.page(d.authorize))
	r.POST("/authorize", d.page(d.authorizeByForm))
	r.GET("/authorize/:transaction", d.page(d.hostedPage))
	r.POST("/authorize/:transaction/consent", d.page(d.ownPage(d.hostedConsent)))
	r.POST("/authorize/:transaction/cancel", d.page(d.ownPage(d.hostedCancel)))
	r.POST("/authorize/:transaction/challenge", d.script(d.ownPage(d.hostedChallenge)))
	r.POST("/authorize/:transaction/finish", d.script(d.ownPage(d.hostedFinish)))
	r.GET("/authorize/:transaction/here", d.page(d.hostedHere))
	r.GET("/authorize/:transaction/qr.svg", d.script(d.hostedQR))
	r.GET("/end_session", d.page(d.endSession))
	r.POST("/end_session", d.page(d.endSession))
	r.POST("/end_session/confirm", d.page(d.ownPage(d.confirmEndSession)))
	r.GET("/logos/:client_id", d.script(d.logo))

	r.GET("/.well-known/openid-configuration", anyOrigin, d.metadata())
	r.GET("/.well-known/oauth-authorization-server", anyOrigin, d.metadata())
	r.GET("/jwks", anyOrigin, func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=300")
		c.Data(http.StatusOK, "application/json", d.Mint.JWKS(time.Now()))
	})
	r.OPTIONS("/token", d.preflight("POST"))
	r.OPTIONS("/revoke", d.preflight("POST"))
	r.OPTIONS("/userinfo", d.preflight("GET, POST"))
}

// Endpoints is the paths whose errors have OAuth's shape.
var Endpoints = []string{"/device_authorization", "/par", "/token", "/introspect", "/revoke", "/userinfo", "/register"}

// request is what a handler of an OAuth endpoint gets: its client has been authenticated, its proof verified.
type request struct {
	client     identity.Client
	form       form
	thumbprint string // of the key of its DPoP proof, "" for none
}

// endpoint is the one pipeline of the OAuth endpoints, so that no grant can forget a step: read the form; authenticate the client,
// with the replay guard of its assertion; verify the DPoP proof, with its replay guard; the handler; and count and keep what was
// refused. What was granted is kept as a login.
func (d *Door) endpoint(h func(c *gin.Context, r request) error) gin.HandlerFunc {
	return web.Handle(func(c *gin.Context) error {
		f, err := readForm(c)
		if err != nil {
			return err
		}
		r := request{form: f}
		if r.client, err = d.authenticate(c, f); err != nil {
			return d.refused(c, r.client.ID, err)
		}
		if r.thumbprint, err = d.proven(c); err != nil {
			return err
		}
		c.Header("Cache-Control", "no-store") // RFC 6749 §5.1
		return web.Refine(c, h(c, r), func(c *gin.Context, err error) error { return d.refused(c, r.client.ID, err) })
	}, d.fail)
}

func (d *Door) audit(c *gin.Context, e identity.AuditEvent) { web.Audit(c, d.Audit, d.Log, e) }

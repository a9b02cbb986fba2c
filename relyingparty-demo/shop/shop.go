package shop

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// Config says where the shop is and which provider it trusts.
type Config struct {
	URL          string // the shop's own address as browsers see it, without a trailing slash; https makes its cookies Secure
	Issuer       string // the provider's issuer, exactly as its discovery document says it
	ClientID     string // what this shop is registered as
	ClientSecret string
	Data         string       // the folder of the accounts, which must exist; "" keeps them in memory
	Log          *slog.Logger // nil: nothing is logged
	Machine      bool         // sells by [Shop.Sell] alone: of the site there are the payments and the static files

	Roots *x509.CertPool // whose certificates the provider may have; nil for those that the system trusts
}

// Shop is the website. Handler serves it; Close lets go of its accounts.
type Shop struct {
	url        string
	secure     bool
	issuer     string
	origin     string // of the issuer, for the Content-Security-Policy
	accounts   *accounts
	orders     *orders
	payments   payments
	sessions   *sessions
	provider   *provider
	protection *http.CrossOriginProtection
	log        *slog.Logger
	engine     *gin.Engine

	life      context.Context // of what is followed while no request is under way
	end       context.CancelFunc
	followers sync.WaitGroup
	places    chan struct{} // a place for each purchase that is followed
}

// New opens the accounts and prepares the shop. It does not wait for the provider, which may start later.
func New(c Config) (*Shop, error) {
	own, err := origin(c.URL)
	if err != nil {
		return nil, fmt.Errorf("the shop's URL %q: %w", c.URL, err)
	}
	trusted, err := origin(c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("the issuer %q: %w", c.Issuer, err)
	}
	if c.ClientID == "" {
		return nil, errors.New("the shop has no client id")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	opened, err := openAccounts(c.Data)
	if err != nil {
		return nil, err
	}
	s := &Shop{
		url:        own,
		secure:     strings.HasPrefix(own, "https:"),
		issuer:     c.Issuer,
		origin:     trusted,
		accounts:   opened,
		orders:     &orders{db: opened.db, client: c.ClientID},
		sessions:   newSessions(sessionLimit),
		provider:   newProvider(c),
		protection: http.NewCrossOriginProtection(),
		log:        c.Log,
		places:     make(chan struct{}, followed),
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.payments = sandbox{s}
	s.engine = s.routes(c.Machine)
	if err := s.resume(s.life); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Shop) routes(machine bool) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash = false // a redirect made of what the request says is one too many
	e.HandleMethodNotAllowed = true
	e.Use(gin.CustomRecoveryWithWriter(nil, s.panicked))

	e.NoRoute(func(c *gin.Context) { s.failure(c, http.StatusNotFound) })
	e.NoMethod(func(c *gin.Context) { s.failure(c, http.StatusMethodNotAllowed) })

	get := func(path string, h gin.HandlerFunc) { e.Match([]string{http.MethodGet, http.MethodHead}, path, h) }
	get("/static/*file", s.staticFile)
	s.payments.mount(e)
	if machine { // its customers need its places for purchases
		return e
	}
	get("/", s.homePage)
	get("/login", s.loginPage)
	get("/login/qr/:name", s.livePicture)
	e.GET("/login/here", s.leave)
	e.GET("/buy/here", s.buyHere)
	e.GET(callbackPath, s.comeBack)
	get("/account", s.accountPage)
	get("/bookmarks", s.bookmarksPage)
	get("/buy", s.buyPage)
	get("/orders", s.ordersPage)
	get("/orders/:id", s.orderPage)
	e.POST("/login/challenge", s.startLogin)
	e.POST("/login/finish", s.finish)
	e.POST("/bookmarks", s.importBookmarks)
	e.POST("/bookmarks/challenge", s.startHandoff)
	e.POST("/bookmarks/finish", s.finish)
	e.POST("/buy/challenge", s.startBuying)
	e.POST("/buy/finish", s.finish)
	e.POST("/logout", s.logOut)
	return e
}

// Mount serves what lies under a path by somebody else, behind the same guard. It is called before the shop is served.
func (s *Shop) Mount(path string, h http.Handler) { s.engine.Any(path+"/*rest", gin.WrapH(h)) }

// Issuer is the provider that the shop trusts: pages take the widget from it.
func (s *Shop) Issuer() string { return s.issuer }

// Handler serves the shop.
func (s *Shop) Handler() http.Handler { return s.guard(s.engine) }

// Close closes the accounts; the handler must not be in use any more.
func (s *Shop) Close() error {
	s.end()
	s.followers.Wait()
	return s.accounts.Close()
}

func (s *Shop) panicked(c *gin.Context, reason any) {
	s.log.Error("a page failed", "route", c.FullPath(), "reason", reason)
	s.failure(c, http.StatusInternalServerError)
}

// origin checks an address that the shop is configured with and returns its scheme, host and port. Plain http is for the
// loopback: elsewhere a login would travel in the open.
func origin(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("not a plain URL such as https://example.com")
	case strings.HasSuffix(address, "/"):
		return "", errors.New("must not end with a slash")
	case strings.ContainsAny(u.Host, ";, '\"*"): // it becomes part of the Content-Security-Policy
		return "", errors.New("not a plain host")
	case u.Scheme == "https", u.Scheme == "http" && loopbackName(u.Hostname()):
		return u.Scheme + "://" + u.Host, nil
	}
	return "", errors.New("must be https, or http on the loopback")
}

func loopbackName(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

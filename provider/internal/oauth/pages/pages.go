package pages

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Page is what every page has.
type Page struct {
	Lang   string // of [Language]
	Issuer string // the provider: its host stands at the foot
	Site   Site   // who asks; without a name where nobody does, or where it is not known
}

// Site is a client as people see it.
type Site struct {
	Name     string
	Domains  []string
	Logo     string // a path on the provider; "" for the name's initial
	Redirect string // the redirect URI to which the answer of a form on this page may send the browser, "" for none
}

// Login is the hosted login page: the widget, and without script a picture and a page that loads itself again.
type Login struct {
	Page
	Challenge, Finish string // the widget's two endpoints
	QR                string // the picture of the code, for those without script
	Here              string // where it goes on on this device, should it be a phone
	Self              string // this page's address, for those without script
	Again             string // where the page begins anew when the store has lost what it is for; "" for nowhere
	State             string // "claimed" once a phone has scanned, "confirming" where digits are wanted; anything else shows the picture
	Cancel            string // where a POST gives up
	Merchant, Total   string // of an order, where there is something to buy: who sells, and for how much
}

func (l Login) Write(c *gin.Context) error {
	return l.write(c, http.StatusOK, "login", policy(own(l.Site.Redirect), "; script-src 'self'; connect-src 'self'"), l)
}

// Consent asks within a session, where nothing is scanned, before a site is let in.
type Consent struct {
	Page
	Number    string   // masked
	Scopes    []string // what the site will get
	Resources []string // the APIs that it will be able to use in the person's name
	Action    string   // where the decision is POSTed: decision=deny or decision=approve
	Other     string   // a link to log in with another phone
}

func (p Consent) Write(c *gin.Context) error {
	return p.write(c, http.StatusOK, "consent", policy(own(p.Site.Redirect), ""), p)
}

// Logout asks whether to log out (OIDC RP-Initiated Logout §2), with the two decisions of Consent.
type Logout struct {
	Page
	Action string
	Fields []Field // to be POSTed along
}

// Field is a hidden input.
type Field struct{ Name, Value string }

func (p Logout) Write(c *gin.Context) error {
	return p.write(c, http.StatusOK, "logout", policy(own(p.Site.Redirect), ""), p)
}

// LoggedOut says that it is done, where there is nowhere to go on to; or that nothing was.
type LoggedOut struct {
	Page
	Stayed bool // the person was asked, and stays logged in
}

func (p LoggedOut) Write(c *gin.Context) error {
	return p.write(c, http.StatusOK, "loggedout", policy("'none'", ""), p)
}

// Kind is a kind of failure, and the code that those who run the site see of it.
type Kind string

const (
	UnknownClient Kind = "unknown_client"
	WrongRedirect Kind = "redirect_uri_mismatch"
	Malformed     Kind = "malformed_request"
	Expired       Kind = "transaction_expired"
	WrongBrowser  Kind = "browser_mismatch"
	TooMany       Kind = "too_many_requests"
	Internal      Kind = "internal_error"
)

// Failure is an error that may not be redirected to the site (RFC 6749 §4.1.2.1), or has nowhere to go.
type Failure struct {
	Page
	Kind Kind
}

func (f Failure) Write(c *gin.Context, status int) error {
	return f.write(c, status, "failure", policy("'none'", ""), f)
}

// FormPost sends the answer to the site as a form (OAuth 2.0 Form Post Response Mode §2), by itself or by its button.
type FormPost struct {
	Page
	Action string // the redirect URI, of http or https
	Fields []Field
}

// A field of the form may be called submit, so the method is taken from elsewhere.
const post = "HTMLFormElement.prototype.submit.call(document.forms[0])"

func (p FormPost) Write(c *gin.Context) error {
	return p.write(c, http.StatusOK, "formpost", policy(schemes(p.Action), "; script-src "+hash(post)), p)
}

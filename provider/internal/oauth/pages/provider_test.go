package pages

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/browser/widget"
	"qrlogin/provider/internal/qr"
)

// provider serves the pages, and answers what they ask as a provider does; what happens to its challenge is in the test's hand.
// The site that it sends people back to is another server.
type provider struct {
	*httptest.Server
	site *httptest.Server

	mu       sync.Mutex
	login    Login // a GET of /login shows it
	page     func(*gin.Context) error
	state    string // of the challenge
	version  int
	denied   bool // by the phone
	refusing bool // it starts no challenge
	done     bool // the login page sends the browser to the site
	bare     bool // there is no widget
	changed  chan struct{}
	posts    []string // "/path name=value&…", to both servers
	loads    int      // of /login
	fetched  int      // pictures
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{state: "pending", version: 1, changed: make(chan struct{})}
	p.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			p.note(r)
			http.Redirect(w, r, strings.Replace(p.site.URL, "127.0.0.1", "localhost", 1)+"/", http.StatusSeeOther)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>The site</title><link rel="icon" href="data:,"><h1>The site</h1>`)
	}))
	t.Cleanup(p.site.Close)

	r := gin.New()
	r.GET("/page", func(c *gin.Context) { p.show(c, p.shown()) })
	r.GET("/login", func(c *gin.Context) {
		p.mu.Lock()
		p.loads++
		login, done := p.login, p.done
		login.State = p.state
		p.mu.Unlock()
		if done {
			c.Redirect(http.StatusSeeOther, p.site.URL+"/")
			return
		}
		p.show(c, login.Write)
	})
	r.GET("/widget.js", func(c *gin.Context) {
		script := widget.Script
		if p.bare {
			script = nil
		}
		c.Data(200, "text/javascript; charset=utf-8", script)
	})
	r.GET("/favicon.ico", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	r.GET("/logo.svg", func(c *gin.Context) { c.Data(200, "image/svg+xml", []byte(logo)) })
	r.GET("/login/qr.svg", func(c *gin.Context) {
		p.mu.Lock()
		p.fetched++
		p.mu.Unlock()
		picture, err := qr.SVG(code)
		if err != nil {
			t.Error(err)
		}
		c.Header("Cache-Control", "no-store")
		c.Data(200, "image/svg+xml", picture)
	})
	r.POST("/login/challenge", func(c *gin.Context) {
		if p.refusing {
			c.JSON(http.StatusForbidden, gin.H{})
			return
		}
		c.JSON(200, gin.H{"challenge_id": "4F2ZC6YH3V7Q5K5SYO2MBW4J10", "watch": "4F2ZC6YH3V7Q5K5SYO2MBW4J10.s", "expires_in": 300})
	})
	r.GET("/challenges/:id", func(c *gin.Context) {
		p.await(c, func() bool { return c.Query("after") != fmt.Sprint(p.version) })
		p.mu.Lock()
		defer p.mu.Unlock()
		answer := gin.H{"state": p.state, "version": p.version, "expires_in_ms": 300_000}
		if p.state == "pending" {
			answer["frames"] = []gin.H{{"code": code, "from_ms": 0, "until_ms": 200_000}}
		}
		if p.state == "confirming" {
			answer["tries_left"] = 3
		}
		c.JSON(200, answer)
	})
	r.POST("/challenges/:id/confirm", func(c *gin.Context) {
		body, _ := io.ReadAll(c.Request.Body)
		p.change(func() { p.state, p.posts = "approved", append(p.posts, string(body)) })
		c.Status(http.StatusNoContent)
	})
	r.DELETE("/challenges/:id", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	r.POST("/login/finish", func(c *gin.Context) {
		_, _ = io.Copy(io.Discard, c.Request.Body) // or nobody would notice that the browser has gone
		p.await(c, func() bool { return p.denied })
		c.JSON(http.StatusGone, gin.H{"status": "denied"})
	})
	// As the oauth door does: only its own pages may send a form, and then the browser goes to the site.
	r.POST("/decide", func(c *gin.Context) {
		if err := http.NewCrossOriginProtection().Check(c.Request); err != nil {
			t.Error(err)
		}
		p.note(c.Request)
		c.Redirect(http.StatusSeeOther, p.site.URL+"/callback?error=access_denied")
	})
	p.Server = httptest.NewServer(r)
	t.Cleanup(func() { p.CloseClientConnections(); p.Close() })
	p.login = p.samples("en")[0].page.(Login)
	return p
}

// code is what the QR code says.
const code = "https://login.example/q/4F2ZC6YH3V7Q5K5SYO2MBW4J10.7.AEBAGBAFAYDQQ"

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#2f6a5c"/>` +
	`<path d="M18 50V32a14 14 0 0 1 28 0v18z" fill="#f5f2ea"/><path d="M32 28c5 7 7 9 7 13a7 7 0 0 1-14 0c0-4 2-6 7-13z" fill="#b23a2c"/></svg>`

func (p *provider) show(c *gin.Context, write func(*gin.Context) error) {
	if err := write(c); err != nil {
		c.String(http.StatusInternalServerError, err.Error())
	}
}

func (p *provider) shown() func(*gin.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.page
}

func (p *provider) await(c *gin.Context, holds func() bool) {
	for {
		p.mu.Lock()
		ok, changed := holds(), p.changed
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-c.Request.Context().Done():
			return
		}
	}
}

// change changes the challenge and wakes who watches.
func (p *provider) change(to func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to()
	p.version++
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *provider) note(r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.posts = append(p.posts, r.Method+" "+r.URL.Path+" "+r.PostForm.Encode())
}

func (p *provider) noted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.posts...)
}

// sample is a page to look at.
type sample struct {
	name string
	page any // what has Write
}

func (s sample) write(c *gin.Context) error {
	switch page := s.page.(type) {
	case interface{ Write(*gin.Context) error }:
		return page.Write(c)
	case Failure:
		return page.Write(c, http.StatusOK) // the browser would note another in its console
	}
	panic("no page: " + s.name)
}

// samples is every page, and each failure.
func (p *provider) samples(lang string) []sample {
	base := Page{Lang: lang, Issuer: "https://login.example", Site: Site{
		Name: "Kiln Lane", Domains: []string{"kiln-lane.example"}, Logo: "/logo.svg", Redirect: p.site.URL + "/callback",
	}}
	plainly := base
	plainly.Site.Logo = ""
	nobody := base
	nobody.Site = Site{}
	list := []sample{
		{"login", Login{Page: base, Challenge: "/login/challenge", Finish: "/login/finish", QR: "/login/qr.svg", Here: "/login/here", Self: "/login", Cancel: "/decide"}},
		{"consent", Consent{Page: plainly, Number: "+86…8000", Scopes: []string{"openid", "phone", "offline_access"}, Resources: []string{"https://api.kiln-lane.example/orders"}, Action: "/decide", Other: "/login"}},
		{"logout", Logout{Page: base, Action: "/decide", Fields: []Field{{"id_token_hint", "a.b.c"}, {"state", "<&\"'>"}}}},
		{"logout of nobody", Logout{Page: nobody, Action: "/decide"}},
		{"logged out", LoggedOut{Page: nobody}},
		{"stayed", LoggedOut{Page: nobody, Stayed: true}},
		{"order", Login{Page: base, Challenge: "/login/challenge", Finish: "/login/finish", QR: "/login/qr.svg", Here: "/login/here", Self: "/login", Cancel: "/decide", Merchant: "Kiln Lane", Total: "640.00 CNY"}},
		{"failure of nobody", Failure{Page: nobody, Kind: UnknownClient}},
	}
	for _, kind := range kinds {
		list = append(list, sample{"failure " + string(kind), Failure{Page: base, Kind: kind}})
	}
	return list
}

var kinds = []Kind{UnknownClient, WrongRedirect, Malformed, Expired, WrongBrowser, TooMany, Internal}

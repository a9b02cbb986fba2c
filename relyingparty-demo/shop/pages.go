package shop

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/nyaruka/phonenumbers"
)

//go:embed templates static
var files embed.FS

// pages maps a page's name to its template, the frame around it included.
var pages = func() map[string]*template.Template {
	frame := template.Must(template.New("frame.html").Funcs(template.FuncMap{
		"masked": masked, "readable": readable, "moment": moment, "join": strings.Join, "money": Money, "host": host,
		"times": func(a, b int64) int64 { return a * b }, "pair": func(a, b any) []any { return []any{a, b} },
	}).ParseFS(files, "templates/frame.html", "templates/parts.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"home", "login", "account", "bookmarks", "buy", "orders", "order", "pay", "failure"} {
		all[name] = template.Must(template.Must(frame.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return all
}()

// view is what every page gets; Body is its own.
type view struct {
	*words
	Page   string
	Title  string
	Member bool
	Issuer string
	Body   any
}

func (s *Shop) render(c *gin.Context, status int, page string, fill func(*view)) {
	visitor := s.session(c.Request)
	v := view{
		words: s.wordsFor(c.Writer, c.Request), Page: page, Issuer: s.issuer,
		Member: visitor != nil && visitor.account != 0,
	}
	fill(&v)
	var b bytes.Buffer // whole pages only: an error half-way must not leave half a page
	if err := pages[page].Execute(&b, v); err != nil {
		s.log.Error("a page failed", "page", page, "error", err)
		s.plain(c, http.StatusInternalServerError, v.Broken)
		return
	}
	c.Header("Content-Language", v.Lang)
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

func (s *Shop) homePage(c *gin.Context) {
	s.render(c, http.StatusOK, "home", func(v *view) {
		v.Title, v.Body = v.Motto, Goods(v.words == english)
	})
}

func (s *Shop) loginPage(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor != nil && visitor.account != 0 {
		c.Redirect(http.StatusSeeOther, "/account")
		return
	}
	body := s.scanning(c)
	s.render(c, http.StatusOK, "login", func(v *view) { v.Title, v.Body = v.LoginTitle, body })
}

func (s *Shop) accountPage(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor == nil || visitor.account == 0 {
		c.Redirect(http.StatusSeeOther, "/login")
		return
	}
	var body struct {
		account
		Visit int64
		Proof proof
	}
	var err error
	body.account, err = s.accounts.get(c.Request.Context(), visitor.account)
	if errors.Is(err, errNoAccount) {
		s.logOut(c)
		return
	}
	if err != nil {
		s.log.Error("an account could not be read", "account", visitor.account, "error", err)
		s.failure(c, http.StatusInternalServerError)
		return
	}
	body.Visit, body.Proof = visitor.visit, visitor.proof
	s.render(c, http.StatusOK, "account", func(v *view) {
		v.Title, v.Body = v.WelcomeNew, body
		if body.Visit > 1 {
			v.Title = fmt.Sprintf(v.WelcomeBack, body.Visit)
		}
	})
}

// logOut is POST /logout: ends the session here and in the browser.
func (s *Shop) logOut(c *gin.Context) {
	if visitor := s.session(c.Request); visitor != nil {
		s.sessions.end(visitor)
	}
	s.setSession(c.Writer, "")
	c.Redirect(http.StatusSeeOther, "/")
}

// failure is the page of an error; it says nothing of the cause.
func (s *Shop) failure(c *gin.Context, status int) {
	s.render(c, status, "failure", func(v *view) {
		switch status {
		case http.StatusNotFound:
			v.Title = v.NotFound
		case http.StatusMethodNotAllowed:
			v.Title = v.NotAllowed
		default:
			v.Title = v.Broken
		}
	})
}

func (s *Shop) plain(c *gin.Context, status int, text string) { c.String(status, "%s\n", text) }

// tags holds the ETag of every static file.
var tags = func() map[string]string {
	all := map[string]string{}
	err := fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		sum := sha256.Sum256(content)
		all[name] = `"` + hex.EncodeToString(sum[:8]) + `"`
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return all
}()

func (s *Shop) staticFile(c *gin.Context) {
	name := path.Join("static", c.Param("file"))
	tag, known := tags[name]
	if !known {
		s.failure(c, http.StatusNotFound)
		return
	}
	content, _ := files.ReadFile(name)
	c.Header("Content-Type", mime.TypeByExtension(path.Ext(name)))
	c.Header("ETag", tag)
	c.Header("Cache-Control", "no-cache") // kept, and asked for again by its ETag
	http.ServeContent(c.Writer, c.Request, name, time.Time{}, bytes.NewReader(content))
}

// readable groups a number as people write it.
func readable(e164 string) string {
	number, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return e164
	}
	return phonenumbers.Format(number, phonenumbers.INTERNATIONAL)
}

// masked shows the country code and the last four digits: enough for its owner, little for who looks over a shoulder.
func masked(e164 string) string {
	text := []rune(readable(e164))
	for i, digits := len(text)-1, 0; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		if digits++; digits > 4 && strings.ContainsRune(string(text[:i]), ' ') {
			text[i] = '•'
		}
	}
	return string(text)
}

// host is where a link leads, for who reads before clicking.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

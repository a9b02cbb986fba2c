package pages

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/web"
)

var (
	//go:embed page.css
	css string
	//go:embed *.html
	files embed.FS

	templates = func() map[string]*template.Template {
		frame := template.Must(template.New("frame.html").Funcs(template.FuncMap{"say": say, "plain": plain, "initial": initial}).
			ParseFS(files, "frame.html"))
		parsed := map[string]*template.Template{}
		for _, name := range []string{"login", "consent", "logout", "loggedout", "failure", "formpost"} {
			parsed[name] = template.Must(template.Must(frame.Clone()).ParseFS(files, name+".html"))
		}
		return parsed
	}()
)

// view is what the templates see.
type view struct {
	P       any // the page
	Text    words
	Site    Site
	Name    string // the site's, or a word for it
	Host    string // the provider's
	Request string // its id in the log
	Style   template.CSS
	Script  template.JS
}

// write writes a page by the template of this name, and the headers of all.
func (p Page) write(c *gin.Context, status int, name, policy string, page any) error {
	text, found := texts[p.Lang]
	if !found {
		text = texts["en"]
	}
	v := view{
		P: page, Text: text, Site: p.Site, Name: cmp.Or(p.Site.Name, text.ThisSite), Request: web.RequestID(c),
		Style: template.CSS(css), Script: post, //nolint:gosec // embedded at build time
	}
	if u, err := url.Parse(p.Issuer); err == nil {
		v.Host = u.Host
	}
	var b bytes.Buffer
	if err := templates[name].Execute(&b, v); err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")        // RFC 9700 §4.16, for browsers without frame-ancestors
	h.Set("Referrer-Policy", "no-referrer") // the address may hold a request (RFC 9700 §4.2.4)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language")
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// say puts names into a sentence of ours that has places for them. Each is isolated, so that a name that is written from right
// to left turns nothing around it.
func say(sentence string, names ...string) template.HTML {
	if !strings.Contains(sentence, "%") {
		return template.HTML(sentence) //nolint:gosec // ours
	}
	marked := make([]any, len(names))
	for i, name := range names {
		marked[i] = "<bdi>" + template.HTMLEscapeString(plain(name)) + "</bdi>"
	}
	return template.HTML(fmt.Sprintf(sentence, marked...)) //nolint:gosec // ours, and escaped above
}

// plain is a text without what has no shape of its own: controls, and marks that turn the direction of what follows.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, s)
}

// initial stands where a site has no logo.
func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(plain(name))
	return strings.ToUpper(string(r))
}

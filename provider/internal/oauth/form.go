package oauth

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/web"
)

const maxForm = 64 << 10

// form is the parameters of a request: each at most once (RFC 6749 §3.2; but see resource), an empty one as if it were not
// there, unknown ones kept and ignored.
type form map[string]string

// readForm reads the parameters from the body alone: a secret in a query would be logged somewhere.
func readForm(c *gin.Context) (form, error) {
	body, err := web.ReadBody(c, "application/x-www-form-urlencoded", maxForm)
	if err != nil {
		return nil, err
	}
	return parseForm(string(body))
}

// readQuery reads the parameters of a browser that was sent here.
func readQuery(c *gin.Context) (form, error) { return parseForm(c.Request.URL.RawQuery) }

// parseForm reads a form. With an error it answers what of the form is good all the same: it may say where the error has to go
// (RFC 6749 §4.1.2.1).
func parseForm(body string) (form, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		err = invalidRequest("the form is malformed")
	}
	f := form{}
	for name, all := range values {
		if !text(name) || !text(all...) {
			err = invalidRequest("a parameter is not UTF-8 text")
			continue
		}
		if len(all) > 1 && name != "resource" { // RFC 8707 §2: that one may be repeated
			err = invalidRequest("a parameter is repeated")
			continue
		}
		if name == "resource" {
			all = []string{strings.Join(all, " ")} // no URI has a space: see list
		}
		if all[0] != "" {
			f[name] = all[0]
		}
	}
	return f, err
}

// text tells whether all of them are UTF-8 without NUL.
func text(all ...string) bool {
	return !slices.ContainsFunc(all, func(s string) bool { return !utf8.ValidString(s) || strings.ContainsRune(s, 0) })
}

// list splits a parameter that is a list (scope, RFC 6749 §3.3; prompt, OIDC Core §3.1.2.1; resource), each entry once.
func (f form) list(name string) []string {
	var list []string
	for _, s := range strings.Fields(f[name]) {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

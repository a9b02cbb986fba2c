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

func parseForm(body string) (form, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, invalidRequest("the form is malformed")
	}
	f := form{}
	for name, all := range values {
		if !utf8.ValidString(name) {
			return nil, invalidRequest("a parameter is not UTF-8")
		}
		if len(all) > 1 && name != "resource" { // RFC 8707 §2: that one may be repeated
			return nil, invalidRequest("a parameter is repeated")
		}
		for _, value := range all {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return nil, invalidRequest("a parameter is not UTF-8 text")
			}
		}
		if all[0] != "" {
			f[name] = all[0]
		}
	}
	return f, nil
}

// scopes splits a scope parameter (RFC 6749 §3.3), each named once.
func (f form) scopes() []string {
	var scopes []string
	for _, s := range strings.Fields(f["scope"]) {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

package oauth

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/oauth/pages"
)

// answer is what the site is told, by way of the browser.
type answer struct {
	To   destination       `json:"to"`
	Says map[string]string `json:"says"`
}

// refusal is an error as RFC 6749 §4.1.2.1 tells it.
func refusal(to destination, e oauthError) answer {
	return answer{To: to, Says: map[string]string{"error": e.Code, "error_description": e.Description}}
}

// send answers an authorization at the client's redirect URI.
func (d *Door) send(c *gin.Context, a answer) error {
	says := map[string]string{"iss": d.Issuer} // RFC 9207: no other provider's answer is taken for ours
	if a.To.State != "" {
		says["state"] = a.To.State
	}
	for name, value := range a.Says {
		says[name] = value
	}
	if a.To.ResponseMode == "form_post" {
		return pages.FormPost{Page: d.frame(language(c, "")), Action: a.To.RedirectURI, Fields: fields(says)}.Write(c)
	}
	return seeOther(c, withQuery(a.To.RedirectURI, says))
}

// seeOther sends a browser on. Not by 302: a browser may repeat a POST with it (RFC 9700 §4.12).
func seeOther(c *gin.Context, target string) error {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "no-referrer") // the address may hold a code
	c.Header("Location", target)
	c.Status(http.StatusSeeOther)
	return nil
}

// fields is parameters as hidden inputs, in an order that does not change.
func fields(says map[string]string) []pages.Field {
	var list []pages.Field
	for _, name := range slices.Sorted(maps.Keys(says)) {
		list = append(list, pages.Field{Name: name, Value: says[name]})
	}
	return list
}

// withQuery adds parameters to a URI that may have some already (RFC 6749 §3.1.2).
func withQuery(uri string, says map[string]string) string {
	u, err := url.Parse(uri)
	if err != nil { // registered, and therefore well-formed
		return uri
	}
	query := url.Values{}
	for name, value := range says {
		query.Set(name, value)
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += query.Encode()
	return u.String()
}

func language(c *gin.Context, locales string) string {
	return pages.Language(locales, c.GetHeader("Accept-Language"))
}

package pages

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestEveryWordIsThereInEveryLanguage(t *testing.T) {
	english := reflect.ValueOf(texts["en"])
	for lang, text := range texts {
		v := reflect.ValueOf(text)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() {
				t.Errorf("%s has no %s", lang, name)
			}
			if v.Field(i).Kind() == reflect.String && places(v.Field(i).String()) != places(english.Field(i).String()) {
				t.Errorf("%s: %s has places for other names", lang, name)
			}
		}
		for _, kind := range kinds {
			if text.Failures[kind].Title == "" || places(text.Failures[kind].Text) != places(texts["en"].Failures[kind].Text) {
				t.Errorf("%s: the words of %s", lang, kind)
			}
		}
		if len(text.Failures) != len(kinds) {
			t.Errorf("%s has words for %d kinds of failure, the test knows %d", lang, len(text.Failures), len(kinds))
		}
		if got, want := slices.Sorted(maps.Keys(text.Scopes)), slices.Sorted(maps.Keys(texts["en"].Scopes)); !slices.Equal(got, want) {
			t.Errorf("%s has words for %q", lang, got)
		}
	}
}

func places(sentence string) int { return strings.Count(sentence, "%") }

func TestLanguageIsTheSitesWishThenTheBrowsersThenEnglish(t *testing.T) {
	for _, c := range []struct{ uiLocales, accept, want string }{
		{"", "", "en"},
		{"zh-CN", "en", "zh"},
		{"fr-CA zh-Hant en", "en", "zh"},
		{"fr", "zh-TW,zh;q=0.9,en;q=0.8", "zh"},
		{"fr de", "fr;q=1, en;q=0.7, zh;q=0.3", "en"},
		{"", "en;q=0.2, ZH-hans;q=0.4", "zh"},
		{"", "en;q=0, zh;q=0.001", "zh"},
		{"", "zh;q=x, en;q=0.1", "en"},
		{"", "zh; q=0", "en"},
		{"", "*", "en"},
		{"", "zhx, english", "en"},
		{"", "zh;q=NaN", "en"},
		{" \t", ",;,;q=,-zh", "en"},
		{strings.Repeat("x ", 5000) + "zh", strings.Repeat("x,", 5000), "zh"},
	} {
		if got := Language(c.uiLocales, c.accept); got != c.want {
			t.Errorf("Language(%.40q, %.40q) is %s, want %s", c.uiLocales, c.accept, got, c.want)
		}
	}
}

// written is the answer that a page writes.
func written(t *testing.T, write func(*gin.Context) error) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
	if err := write(c); err != nil {
		t.Fatal(err)
	}
	return w.Result()
}

func TestEveryPageHasTheHeadersThatItNeeds(t *testing.T) {
	site := Page{Lang: "en", Issuer: "https://login.example", Site: Site{Name: "Kiln Lane", Redirect: "https://kiln-lane.example/callback"}}
	app := site
	app.Site.Redirect = "example.kiln:/callback"
	failure := func(c *gin.Context) error {
		return Failure{Page: site, Kind: TooMany}.Write(c, http.StatusTooManyRequests)
	}
	for name, c := range map[string]struct {
		write  func(*gin.Context) error
		policy string // beside what all have
		status int
	}{
		"login":              {Login{Page: site}.Write, "form-action 'self' https: http:; script-src 'self'; connect-src 'self'", 200},
		"login for an app":   {Login{Page: app}.Write, "form-action 'self' example.kiln:; script-src 'self'; connect-src 'self'", 200},
		"consent":            {Consent{Page: site}.Write, "form-action 'self' https: http:", 200},
		"logout":             {Logout{Page: Page{Lang: "zh"}}.Write, "form-action 'self'", 200},
		"logged out":         {LoggedOut{}.Write, "form-action 'none'", 200},
		"failure":            {failure, "form-action 'none'", 429},
		"form post":          {FormPost{Page: site, Action: "http://[::1]:8080/callback"}.Write, "form-action https: http:; script-src " + hash(post), 200},
		"form post to a lie": {FormPost{Page: site, Action: "a;script-src *:/"}.Write, "form-action 'none'; script-src " + hash(post), 200},
	} {
		r := written(t, c.write)
		if r.StatusCode != c.status {
			t.Errorf("%s: status %d", name, r.StatusCode)
		}
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src " + hash(css) + "; img-src 'self'; " + c.policy + "; base-uri 'none'; frame-ancestors 'none'",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-store",
			"Vary":                    "Accept-Language",
			"Content-Type":            "text/html; charset=utf-8",

			"Cross-Origin-Opener-Policy": "", // a site may open this page in a window of its own
		} {
			if got := r.Header.Get(header); got != want {
				t.Errorf("%s: %s is\n\t%s, want\n\t%s", name, header, got, want)
			}
		}
	}
}

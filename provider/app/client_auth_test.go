package app_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"qrlogin/provider/app"
)

// How a site authenticates (RFC 6749 §2.3), at both endpoints where it does.

// odd is a client whose id and secret hold what Basic and forms could trip over.
var odd = app.Client{ID: "a:b%2Bc+d&e=f/", Secret: "p:%25 +&=ü\"\\/?#秘密"}

// start asks for a challenge with these Authorization headers and parameters.
func (w *world) startBy(authorization []string, values url.Values) answer {
	w.t.Helper()
	r := w.request(http.MethodPost, "/device_authorization", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", formType)
	for _, header := range authorization {
		r.Header.Add("Authorization", header)
	}
	return w.do(r)
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// urlencodedBasic is client_secret_basic as RFC 6749 §2.3.1 has it.
func urlencodedBasic(id, secret string) string {
	return basic(url.QueryEscape(id), url.QueryEscape(secret))
}

// strict is the same with another spelling of a space.
func strict(id, secret string) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return basic(escape(id), escape(secret))
}

func TestAClientAuthenticatesIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(odd))
	for name, c := range map[string]struct {
		headers []string
		values  url.Values
	}{
		"client_secret_basic":                             {[]string{urlencodedBasic("shop", shopSecret)}, nil},
		"client_secret_basic, and client_id":              {[]string{urlencodedBasic("shop", shopSecret)}, url.Values{"client_id": {"shop"}}},
		"client_secret_basic, in another case":            {[]string{strings.Replace(urlencodedBasic("shop", shopSecret), "Basic", "bASIC", 1)}, nil},
		"client_secret_basic, urlencoded":                 {[]string{urlencodedBasic(odd.ID, odd.Secret)}, nil},
		"client_secret_basic, with %20 for a space":       {[]string{strict(odd.ID, odd.Secret)}, nil},
		"client_secret_post":                              {nil, url.Values{"client_id": {"shop"}, "client_secret": {shopSecret}}},
		"client_secret_post, special characters":          {nil, url.Values{"client_id": {odd.ID}, "client_secret": {odd.Secret}}},
		"none, as a public client":                        {nil, url.Values{"client_id": {"tv"}}},
		"none, as a public client with an empty secret":   {nil, url.Values{"client_id": {"tv"}, "client_secret": {""}}},
		"Basic, as a public client without a secret":      {[]string{urlencodedBasic("tv", "")}, nil},
		"client_secret_basic, and an empty client_secret": {[]string{urlencodedBasic("shop", shopSecret)}, url.Values{"client_secret": {""}}},
	} {
		if a := w.startBy(c.headers, c.values); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

func TestAClientIsRefusedWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(odd))
	const unauthorized, badRequest = http.StatusUnauthorized, http.StatusBadRequest
	for name, c := range map[string]struct {
		headers []string
		values  url.Values
		status  int
	}{
		"nothing":                                  {nil, nil, unauthorized},
		"an unknown id":                            {[]string{urlencodedBasic("nobody", shopSecret)}, nil, unauthorized},
		"an unknown id in the form":                {nil, url.Values{"client_id": {"nobody"}}, unauthorized},
		"a wrong secret":                           {[]string{urlencodedBasic("shop", otherSecret)}, nil, unauthorized},
		"a wrong secret in the form":               {nil, url.Values{"client_id": {"shop"}, "client_secret": {otherSecret}}, unauthorized},
		"a secret cut short":                       {[]string{urlencodedBasic("shop", shopSecret[:42])}, nil, unauthorized},
		"a secret with more behind it":             {[]string{urlencodedBasic("shop", shopSecret+"A")}, nil, unauthorized},
		"no secret":                                {nil, url.Values{"client_id": {"shop"}}, unauthorized},
		"an empty secret":                          {[]string{urlencodedBasic("shop", "")}, nil, unauthorized},
		"a secret though it is public":             {nil, url.Values{"client_id": {"tv"}, "client_secret": {"x"}}, unauthorized},
		"a secret by Basic though it is public":    {[]string{urlencodedBasic("tv", "x")}, nil, unauthorized},
		"its id in another case":                   {[]string{urlencodedBasic("Shop", shopSecret)}, nil, unauthorized},
		"its id and a space":                       {[]string{urlencodedBasic("shop ", shopSecret)}, nil, unauthorized},
		"its id and a NUL":                         {[]string{urlencodedBasic("shop\x00", shopSecret)}, nil, unauthorized},
		"an id that is not UTF-8":                  {[]string{urlencodedBasic("\xff", shopSecret)}, nil, unauthorized},
		"raw bytes that are not UTF-8":             {[]string{basic("\xff\xfe\x00", "\xff")}, nil, unauthorized},
		"special characters that were not encoded": {[]string{basic(odd.ID, odd.Secret)}, nil, unauthorized},
		"an empty Basic":                           {[]string{"Basic"}, nil, unauthorized},
		"an empty header":                          {[]string{""}, url.Values{"client_id": {"tv"}}, unauthorized},
		"a Basic that is not base64":               {[]string{"Basic %%%"}, nil, unauthorized},
		"a Basic without a colon":                  {[]string{"Basic " + base64.StdEncoding.EncodeToString([]byte("shop"))}, nil, unauthorized},
		"a Basic with a broken escape":             {[]string{basic("shop", "%zz")}, nil, unauthorized},
		"a Basic without an id":                    {[]string{urlencodedBasic("", shopSecret)}, nil, unauthorized},
		"another scheme":                           {[]string{"Bearer " + shopSecret}, url.Values{"client_id": {"tv"}}, unauthorized},
		"two ways at once":                         {[]string{urlencodedBasic("shop", shopSecret)}, url.Values{"client_secret": {shopSecret}}, badRequest},
		"two ways at once, one wrong":              {[]string{urlencodedBasic("shop", shopSecret)}, url.Values{"client_secret": {"x"}}, badRequest},
		"two ids":                                  {[]string{urlencodedBasic("shop", shopSecret)}, url.Values{"client_id": {"tv"}}, badRequest},
		"two Authorization headers":                {[]string{urlencodedBasic("shop", shopSecret), urlencodedBasic("shop", shopSecret)}, nil, badRequest},
		"two client_ids":                           {nil, url.Values{"client_id": {"tv", "tv"}}, badRequest},
		"two secrets":                              {nil, url.Values{"client_id": {"shop"}, "client_secret": {shopSecret, shopSecret}}, badRequest},
	} {
		a := w.startBy(c.headers, c.values)
		a.wants(t, name, c.status, map[int]string{unauthorized: "invalid_client", badRequest: "invalid_request"}[c.status])
		if c.status == unauthorized && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: WWW-Authenticate %q", name, a.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestAnUnknownClientAndAWrongSecretLookAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unknown, wrong := w.startBy([]string{basic("nobody", "x")}, nil), w.startBy([]string{basic("shop", "x")}, nil)
	if unknown.Status != wrong.Status || string(unknown.Body) != string(wrong.Body) {
		t.Errorf("%s and %s", unknown.Body, wrong.Body)
	}
}

// RFC 6749 §5.2: whatever goes wrong, a site reads JSON with an error in it, which nobody stores.
func TestTheOAuthEndpointsAnswerErrorsAsJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/token", "/device_authorization"} {
		for name, r := range map[string]*http.Request{
			"no credentials":     w.request(http.MethodPost, path, strings.NewReader("x=1")),
			"GET":                w.request(http.MethodGet, path, nil),
			"PUT":                w.request(http.MethodPut, path, strings.NewReader("x=1")),
			"a page's form":      w.request(http.MethodPost, path, strings.NewReader("--x")),
			"a body that is big": w.request(http.MethodPost, path, strings.NewReader(strings.Repeat("a", 100_000))),
		} {
			r.Header.Set("Accept", "text/html")
			if r.Header.Set("Content-Type", formType); name == "a page's form" {
				r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			}
			a := w.do(r)
			var body struct {
				Error string `json:"error"`
			}
			err := json.Unmarshal(a.Body, &body)
			if err != nil || body.Error == "" || a.Status < 400 || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %v %s", path, name, a.Status, a.Header, a.Body)
			}
		}
	}
}

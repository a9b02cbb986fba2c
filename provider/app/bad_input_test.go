package app_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// SECURITY.md §6 at every endpoint of openapi.yaml (endpoints_test.go walks it): a clear error in the protocol's own shape,
// which the world's contract check sees to, never a 500, and nothing changed.

func TestAWrongMethodIsNotAllowed(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		for path, methods := range g.paths() {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
				if methods[method] != nil || method == http.MethodOptions && strings.HasPrefix(path, "/challenges/") { // an answer to preflights
					continue
				}
				a := g.w.do(g.w.request(method, g.fill(path), nil))
				if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") == "" {
					t.Errorf("%s %s: %d %s", method, path, a.Status, a.Header)
				}
			}
		}
	})
}

func TestAPathThatDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		"/", "/token/", "//token", "/TOKEN", "/challenges", "/challenges/", "/phone/", "/phone/nothing", "/q/a/b", "/%00", "/\xff",
		"/.well-known", "/.well-known/openid-configuration/x", "/" + strings.Repeat("a/", 2000),
	} {
		w.do(&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: strings.TrimPrefix(w.issuer, "http://"), Opaque: path}}).
			wants(t, path, http.StatusNotFound, "not-found")
	}
}

// each runs an attack on each endpoint that takes a body of the media type, with a good request to spoil.
func (g *target) each(mediaType string, attack func(name string, good endpoint)) {
	g.w.t.Helper()
	for name, e := range g.endpoints() {
		if e.mediaType == mediaType {
			attack(name, e)
		}
	}
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func TestAWrongContentTypeIsUnsupported(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		for own, others := range map[string][]string{
			formType: {"", jsonType, "text/plain", "multipart/form-data; boundary=x", formType + "x", "application", ";", "*/*"},
			jsonType: {"", formType, "text/plain", "multipart/form-data; boundary=x", "application/jsonp", "text/json", ";", "*/*"},
		} {
			g.each(own, func(name string, good endpoint) {
				for _, other := range others {
					r := good.request(good.body)
					if r.Header.Set("Content-Type", other); other == "" {
						r.Header.Del("Content-Type")
					}
					if a := g.w.do(r); a.Status != http.StatusUnsupportedMediaType {
						t.Errorf("%s as %q: %d %s", name, other, a.Status, a.Body)
					}
				}
				r := good.request(good.body)
				r.Header.Add("Content-Type", own)
				if a := g.w.do(r); a.Status != http.StatusUnsupportedMediaType {
					t.Errorf("%s with two content types: %d %s", name, a.Status, a.Body)
				}
			})
		}
	})
}

func TestABodyThatIsTooLongIsTooLarge(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		long := strings.Repeat("a", 200_000)
		check := func(name string, a answer) {
			if a.Status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		g.each(formType, func(name string, good endpoint) {
			check(name, g.w.do(good.request(good.body+"&x="+long)))
			check(name+" in chunks", g.w.do(chunked(good.request(good.body+"&x="+long))))
		})
		g.each(jsonType, func(name string, good endpoint) {
			check(name, g.w.do(good.request(`{"x":"`+long+`"}`)))
			check(name+" in chunks", g.w.do(chunked(good.request(`{"x":"`+long+`"}`))))
		})
	})
}

// chunked hides the length of a request's body.
func chunked(r *http.Request) *http.Request {
	r.ContentLength, r.Body, r.GetBody = -1, io.NopCloser(r.Body), nil
	return r
}

// wantBadRequest sends each of these bodies to each endpoint of the type, but for those that have a test of their own.
func wantBadRequest(t *testing.T, mediaType string, bodies map[string]func(good string) string, but ...string) {
	t.Helper()
	newTarget(t).unchanged(func(g *target) {
		g.each(mediaType, func(name string, good endpoint) {
			for what, body := range bodies {
				if slices.Contains(but, name) {
					continue
				}
				g.w.do(good.request(body(good.body))).wants(t, name+" with "+what, http.StatusBadRequest, good.errors.code())
			}
		})
	})
}

func always(body string) func(string) string { return func(string) string { return body } }

func TestAMalformedFormIsABadRequest(t *testing.T) {
	t.Parallel()
	malformed := map[string]func(string) string{
		"a broken escape":           func(good string) string { return good + "&x=%zz" },
		"half an escape":            func(good string) string { return good + "&x=%" },
		"a semicolon":               func(good string) string { return good + ";x=1" },
		"a repeated parameter":      func(good string) string { return good + "&ui_locales=en&ui_locales=zh" },
		"a repeated unknown one":    func(good string) string { return good + "&x=1&x=1" },
		"a repeated empty one":      func(good string) string { return good + "&x=&x=" },
		"bad UTF-8":                 func(good string) string { return good + "&x=\xff" },
		"escaped bad UTF-8":         func(good string) string { return good + "&x=%ff%fe" },
		"escaped bad UTF-8 as name": func(good string) string { return good + "&%ff=1" },
		"an escaped NUL":            func(good string) string { return good + "&x=%00" },
		"a NUL":                     func(good string) string { return good + "&x=\x00" },
		"a nonce with a NUL":        func(good string) string { return good + "&nonce=%00" },
	}
	wantBadRequest(t, formType, malformed, "authorizeByForm")
	// A site hears of it, once it is known (RFC 6749 §4.1.2.1).
	v := newWorld(t).visitor()
	for what, body := range malformed {
		form := body(asking().Encode() + "&last=1")
		if !utf8.ValidString(form) {
			continue // a body that is none is not read at all
		}
		r := v.request(http.MethodPost, "/authorize", strings.NewReader(form))
		r.Header.Set("Content-Type", formType)
		for method, a := range map[string]answer{"GET": v.get("/authorize?" + strings.ReplaceAll(form, "\x00", "%00")), "POST": v.do(r)} {
			if said := v.told(a); said.Get("error") != "invalid_request" || said.Get("state") != "s-1" || said.Get("iss") != v.issuer {
				t.Errorf("%s with %s: told %v", method, what, said)
			}
		}
	}
}

func TestUnknownOAuthParametersAreIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	for _, more := range []url.Values{{"x": {"1"}}, {"X": {"%"}, "grant-type": {"?"}}} {
		values := url.Values{"scope": {"openid"}}
		ask := url.Values{"device_code": {started.DeviceCode}}
		for name, value := range more {
			values[name], ask[name] = value, value
		}
		if a := w.form("/device_authorization", "shop", shopSecret, values); a.Status != http.StatusOK {
			t.Errorf("%v: %d %s", more, a.Status, a.Body)
		}
		if a := w.ask("shop", shopSecret, ask); a.error() != "authorization_pending" && a.error() != "slow_down" {
			t.Errorf("%v: %d %s", more, a.Status, a.Body)
		}
		request, token := asking(), url.Values{"token": {"nobodys"}}
		for name, value := range more {
			request[name], token[name] = value, value
		}
		if a := w.form("/par", "wiki", wikiSecret, request); a.Status != http.StatusCreated {
			t.Errorf("%v: %d %s", more, a.Status, a.Body)
		}
		w.visitor().hosted(request)
		for _, path := range []string{"/introspect", "/revoke"} {
			w.form(path, "wiki", wikiSecret, token).wants(t, path, http.StatusOK, "")
		}
	}
	w.form("/device_authorization", "shop", shopSecret, url.Values{"resource": {"https://a.example"}}).
		wants(t, "a resource that is not the client's", http.StatusBadRequest, "invalid_target")
}

func TestParametersInTheURLAreNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	query := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {started.DeviceCode}, "client_id": {"shop"}, "client_secret": {shopSecret}}
	w.form("/token?"+query.Encode(), "shop", shopSecret, url.Values{}).wants(t, "in the query", http.StatusBadRequest, "invalid_request")
	r := w.request(http.MethodPost, "/token?"+query.Encode(), strings.NewReader("x=1"))
	r.Header.Set("Content-Type", formType)
	w.do(r).wants(t, "a secret in the query", http.StatusUnauthorized, "invalid_client")
}

func TestAnEmptyFormSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.request(http.MethodPost, "/token", nil)
	r.Header.Set("Content-Type", formType)
	w.do(r).wants(t, "/token without anything", http.StatusUnauthorized, "invalid_client")
	w.form("/token", "shop", shopSecret, url.Values{}).wants(t, "no grant_type", http.StatusBadRequest, "invalid_request")
	w.form("/token", "shop", shopSecret, url.Values{"grant_type": {""}}).wants(t, "an empty one", http.StatusBadRequest, "invalid_request")
	w.form("/token", "shop", shopSecret, url.Values{"grant_type": {"password"}}).wants(t, "another", http.StatusBadRequest, "unsupported_grant_type")
	w.ask("shop", shopSecret, url.Values{}).wants(t, "no device_code", http.StatusBadRequest, "invalid_request")
	w.form("/device_authorization", "shop", shopSecret, url.Values{"scope": {"email admin"}}).wants(t, "scopes of another", http.StatusBadRequest, "invalid_scope")
	for name, value := range map[string]string{"nonce": strings.Repeat("n", 256), "binding_message": strings.Repeat("m", 101)} {
		w.form("/device_authorization", "shop", shopSecret, url.Values{name: {value}}).wants(t, "a long "+name, http.StatusBadRequest, "invalid_request")
	}
	for _, name := range []string{"nonce", "binding_message"} {
		w.form("/device_authorization", "shop", shopSecret, url.Values{name: {"a\u202eb"}}).wants(t, "a turned "+name, http.StatusBadRequest, "invalid_request")
	}
}

func TestMalformedJSONIsABadRequest(t *testing.T) {
	t.Parallel()
	spliced := func(member string) func(string) string {
		return func(good string) string { return "{" + member + "," + good[1:] }
	}
	wantBadRequest(t, jsonType, map[string]func(string) string{
		"nothing":                  always(""),
		"a space":                  always(" "),
		"null":                     always("null"),
		"a list":                   always("[]"),
		"a string":                 always(`"x"`),
		"half an object":           func(good string) string { return good[:len(good)-1] },
		"a comma too many":         func(good string) string { return good[:len(good)-1] + ",}" },
		"an object behind it":      func(good string) string { return good + good },
		"garbage behind it":        func(good string) string { return good + "x" },
		"a brace behind it":        func(good string) string { return good + "}" },
		"a byte order mark":        func(good string) string { return "\ufeff" + good },
		"bad UTF-8":                spliced("\"x\":\"\xff\""),
		"a NUL":                    func(good string) string { return good + "\x00" },
		"an unknown member":        spliced(`"x":1`),
		"an unknown null":          spliced(`"x":null`),
		"an empty name":            spliced(`"":1`),
		"deep lists":               spliced(`"x":` + strings.Repeat("[", 1900) + strings.Repeat("]", 1900)),
		"deep lists without end":   spliced(`"x":` + strings.Repeat("[", 3900)),
		"deep objects without end": always(strings.Repeat(`{"a":`, 700)),
		"its members twice":        func(good string) string { return good[:len(good)-1] + "," + good[1:] },
		"its members as lists":     func(good string) string { return `{"code":[],"decision":{},"phone_number":7}` },
		// encoding/json takes any case for a name: two spellings are the same member twice.
		"its members in upper case too": func(good string) string {
			name, _, _ := strings.Cut(good[2:], `"`)
			return good[:len(good)-1] + `,"` + strings.ToUpper(name) + `":"x"}`
		},
		"its members in upper case": func(good string) string {
			name, rest, _ := strings.Cut(good[2:], `"`)
			return `{"` + strings.ToUpper(name) + `"` + rest
		},
	}, "registerClient") // which ignores what it does not know: see its own tests
}

func TestAnEmptyObjectIsRefused(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		g.each(jsonType, func(name string, good endpoint) {
			if a := g.w.do(good.request("{}")); a.Status < 400 || a.Status >= 500 {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		})
	})
}

func TestAQueryThatDoesNotBelongThereIsABadRequest(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		for name, e := range g.endpoints() {
			if !e.guarded && !e.cookie || e.errors != problems {
				continue // what anybody may read reads no query; OAuth ignores what it does not know
			}
			for _, query := range []string{"x=1", "x", "after=1&after=1", "size=200&size=300", "%zz", "a;b", "after=%ff", "=", "after=-1", "after=x", "size=1", "size=99999", "size=200&x=1"} {
				r := e.request(e.body)
				r.URL.RawQuery = query
				g.w.do(r).wants(t, name+"?"+query, http.StatusBadRequest, "bad-request")
			}
		}
	})
}

func TestANameInThePathThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		for path, methods := range g.paths() {
			if !strings.Contains(path, "{") || strings.HasPrefix(path, "/q/") {
				continue
			}
			for method := range methods {
				for _, name := range []string{
					"%00", "%ff", "%2e%2e", "..", ".", "%2f", "a%2fb", strings.ToLower(g.started.ChallengeId), g.started.ChallengeId + "%00",
					g.started.ChallengeId + "A", "%20", strings.Repeat("A", 8000), "%F0%9F%92%A9", "$%7B7*7%7D", "'%20OR%201=1--",
				} {
					escaped := strings.Replace(path, path[strings.Index(path, "{"):strings.Index(path, "}")+1], name, 1)
					r := g.w.request(method, "/", nil)
					r.URL = &url.URL{Scheme: "http", Host: r.URL.Host, Opaque: escaped}
					g.byBrowser(r)
					r.Header.Set("Authorization", "Bearer "+g.started.Watch)
					r.Header.Set("DPoP", g.phone.proof(method, escaped))
					r.Header.Set("Content-Type", jsonType)
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"code":"000000"}`)), -1
					if a := g.w.do(r); a.Status < 400 || a.Status >= 500 {
						t.Errorf("%s %s: %d %s", method, escaped, a.Status, a.Body)
					}
				}
			}
		}
	})
}

func TestHostileValuesAreRefusedWhereTheyAreRead(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		w, p := g.w, g.phone
		for _, code := range []string{
			"", " ", "x", "AAAA-AAAA", "BCDF-GHJ", "https://evil.example/q/" + g.started.ChallengeId, w.issuer + "/q/", w.issuer + "/q/x",
			w.issuer + "/q/" + g.started.ChallengeId + ".0", w.issuer + "/q/" + g.started.ChallengeId + ".-1.AAAAAAAAAAAAA",
			w.issuer + "/q/" + g.started.ChallengeId + ".0.AAAAAAAAAAAAA", w.issuer + "/q/" + g.started.ChallengeId + ".99999999999999999999.AAAAAAAAAAAAA",
			strings.Replace(g.frame, ".0.", ".00.", 1), strings.Replace(g.frame, ".0.", ".1.", 1), g.frame + "=", g.frame + "\n", g.frame + "/", g.frame + "?x", strings.ToLower(g.frame), strings.Repeat("B", 4000),
		} {
			p.scan(code).wants(t, "code "+code, http.StatusNotFound, "code-unknown")
		}
		for _, number := range []string{"", "+", "13800138000", "+86", "+8613800138000x", "+999123456", "\x00+8613800138000", "+86138001380000000000", "+८६", strings.Repeat("+8", 16), "tel:+8613800138000"} {
			p.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: number}).
				wants(t, "number "+number, http.StatusUnprocessableEntity, "phone-number-invalid")
		}
		for _, name := range []string{"", " ", "a\x00", "a\nb", "\u202eevil", strings.Repeat("n", 65), "\u2028"} {
			p.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+8613800138001", DeviceName: &name}).
				wants(t, "name "+name, http.StatusBadRequest, "bad-request")
		}
		for _, code := range []string{"", "00000", "0000000", " 000000", "\x00", "٠٠٠٠٠٠", strings.Repeat("0", 3000)} {
			fresh := g.enrollment(w.rawPhone())
			fresh.phone.send(http.MethodPost, fresh.path, api.EnrollmentConfirmation{Code: code}).
				wants(t, "enrolment code "+code, http.StatusUnprocessableEntity, "enrollment-code-wrong")
		}
		w.sendDecision(p.signedFor(w.issuer, g.started.ChallengeId, proof.Approve, bytes.Repeat([]byte("x"), 35<<10))).
			wants(t, "a large consent", http.StatusConflict, "wrong-state")
		w.sendDecision(p.signedFor(w.issuer, g.started.ChallengeId, proof.Approve, bytes.Repeat([]byte("x"), 37<<10))).
			wants(t, "a consent past the limit", http.StatusUnauthorized, "proof-invalid")
	})
}

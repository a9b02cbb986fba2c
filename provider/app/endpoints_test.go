package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// target is a world with one of everything, to be attacked at every endpoint of the contract.
type target struct {
	w       *world
	doc     *openapi3.T
	phone   rawPhone // enrolled
	started api.DeviceAuthorization
	frame   string
	version int64
	asked   pendingEnrollment
	visitor *visitor // at the hosted page
	hosted  string   // its path
	access  string   // an access token of another login
}

// pendingEnrollment waits for its code.
type pendingEnrollment struct {
	phone rawPhone
	path  string
}

func newTarget(t *testing.T) *target {
	t.Helper()
	return targetIn(t, newWorld(t, withRegistration, withoutLimits))
}

func targetIn(t *testing.T, w *world) *target {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	g := &target{w: w, doc: doc, phone: w.rawPhone().enrolled("+8613800138000"), started: w.start()}
	view, _ := w.watch(g.started, 0)
	g.frame, g.version = (*view.Frames)[0].Code, view.Version
	g.asked = g.enrollment(w.rawPhone())
	g.visitor = w.visitor()
	g.hosted = g.visitor.hosted(asking())
	login := w.start()
	g.phone.approve(login)
	g.access = w.read(w.poll(login, "wait=5")).AccessToken
	return g
}

func (g *target) enrollment(p rawPhone) pendingEnrollment {
	g.w.t.Helper()
	var e api.Enrollment
	number := "+8613900139" + string(rune('0'+len(g.w.console.String())%10)) + string(rune('0'+len(g.w.console.String())/10%10)) + "0"
	a := p.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: number})
	if a.Status != http.StatusCreated {
		g.w.t.Fatalf("enrolment: %d %s", a.Status, a.Body)
	}
	a.decode(g.w.t, &e)
	return pendingEnrollment{p, "/phone/enrollments/" + e.EnrollmentId + "/confirm"}
}

// unchanged attacks, and then looks whether everything still is as it was.
func (g *target) unchanged(attack func(*target)) {
	w := g.w
	w.t.Helper()
	attack(g)
	view, a := w.watch(g.started, 0)
	if view.State != api.ChallengeStatePending || view.Version != g.version {
		w.t.Errorf("the challenge has changed: %d %s", a.Status, a.Body)
	}
	var devices api.DeviceList
	if g.phone.send(http.MethodGet, "/phone/devices", nil).decode(w.t, &devices); len(devices.Devices) != 1 {
		w.t.Errorf("the account's devices have changed: %+v", devices)
	}
	if page := g.visitor.get(g.hosted); page.Status != http.StatusOK {
		w.t.Errorf("the hosted page is gone: %d", page.Status)
	}
	w.userInfo(g.access).wants(w.t, "the access token", http.StatusOK, "")
	// And it all still works.
	g.phone.approve(g.started)
	if a := w.poll(g.started, "wait=5"); a.Status != http.StatusOK {
		w.t.Errorf("the login does not go on: %d %s", a.Status, a.Body)
	}
}

// paths is the operations of the contract by path and method.
func (g *target) paths() map[string]map[string]*openapi3.Operation {
	all := map[string]map[string]*openapi3.Operation{}
	for path, item := range g.doc.Paths.Map() {
		if len(item.Servers) > 0 { // the operator's, on a listener of its own
			continue
		}
		all[path] = item.Operations()
	}
	return all
}

// fill puts real names into a path of the contract.
func (g *target) fill(path string) string {
	return strings.NewReplacer(
		"{id}", g.started.ChallengeId, "{code}", strings.TrimPrefix(g.frame, g.w.issuer+"/q/"), "/phone/enrollments/{enrollment_id}/confirm", g.asked.path,
		"{transaction}", strings.TrimPrefix(g.hosted, "/authorize/"), "{client_id}", "wiki",
	).Replace(path)
}

// endpoint is one operation of the contract, with a good request that an attack spoils.
type endpoint struct {
	method, path string
	mediaType    string // of the body that it takes; "" for none
	errors       shape
	guarded      bool // it wants credentials in a header
	cookie       bool // it wants the cookie of the browser, and some of its own page
	body         string
	request      func(body string) *http.Request
}

// shape is how an endpoint's errors look, by the name that the contract has for them.
type shape string

const (
	oauthErrors shape = "OAuthError"
	problems    shape = "Problem"
	pages       shape = "Page"
)

// code is the code of a bad request in this shape; a page has none.
func (s shape) code() string {
	return map[shape]string{oauthErrors: "invalid_request", problems: "bad-request"}[s]
}

// bodies is a good body of each operation that takes one. An operation that is not here fails the tests that walk the
// contract: a new endpoint is not forgotten.
func (g *target) bodies() map[string]string {
	grant := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {g.started.DeviceCode}}
	return map[string]string{
		"authorizeDevice":          url.Values{"client_id": {"shop"}}.Encode(),
		"requestTokens":            grant.Encode(),
		"authorizeByForm":          asking().Encode(),
		"pushAuthorizationRequest": asking().Encode(),
		"introspect":               "token=nobodys",
		"revoke":                   "token=nobodys",
		"postUserInfo":             "x=1",
		"registerClient":           `{"redirect_uris":["https://wiki.example/cb"]}`,
		"finishHostedChallenge":    `{"challenge_id":"nobodys"}`,
		"consentInSession":         "decision=approve", // there is no session
		"endSessionByForm":         "client_id=wiki",
		"confirmEndSession":        "client_id=wiki&decision=approve",
		"startEnrollment":          `{"phone_number":"+8613800138009"}`,
		"confirmEnrollment":        `{"code":"nothing"}`,
		"addPasskey":               `{"credential":{}}`,
		"enrollByPasskey":          `{"credential":{}}`,
		"confirmChallenge":         `{"code":"0000"}`,
		"scan":                     `{"code":"` + g.frame + `"}`,
		"sendHandoff":              "a JWE",
		"scan image/*":             string(pictureOf(g.w.t, g.frame)),
		"decide":                   `{"decision":"` + g.phone.signedFor(g.w.issuer, g.started.ChallengeId, proof.Approve, []byte("{}")) + `"}`,
	}
}

// endpoints is every operation of the contract by its id.
func (g *target) endpoints() map[string]endpoint {
	g.w.t.Helper()
	bodies := g.bodies()
	all := map[string]endpoint{}
	for path, operations := range g.paths() {
		for method, operation := range operations {
			e := endpoint{method: method, path: g.fill(path), cookie: strings.Contains(path, "{transaction}")}
			if common := operation.Responses.Default(); common != nil {
				e.errors = shape(strings.TrimPrefix(common.Ref, "#/components/responses/"))
			}
			if operation.OperationID == "authorize" {
				e.path += "?" + asking().Encode()
			}
			scheme := ""
			if operation.Security != nil {
				for _, alternative := range *operation.Security {
					for name := range alternative {
						scheme = name
					}
				}
			}
			e.guarded = scheme != "" || operation.OperationID == "decide"
			if operation.RequestBody == nil {
				e.request = func(body string) *http.Request { return g.good(e, scheme, body) }
				all[operation.OperationID] = e
				continue
			}
			for mediaType := range operation.RequestBody.Value.Content {
				name := operation.OperationID
				if len(operation.RequestBody.Value.Content) > 1 && mediaType != jsonType {
					name += " " + mediaType
				}
				body, known := bodies[name]
				if !known {
					g.w.t.Fatalf("no test knows what %s takes", name)
				}
				taken := e
				taken.mediaType, taken.body = mediaType, body
				taken.request = func(body string) *http.Request { return g.good(taken, scheme, body) }
				all[name] = taken
			}
		}
	}
	return all
}

// good is a request whose credentials are right.
func (g *target) good(e endpoint, scheme, body string) *http.Request {
	g.w.t.Helper()
	r := g.w.request(e.method, e.path, stringBody(body))
	if e.mediaType != "" {
		r.Header.Set("Content-Type", strings.Replace(e.mediaType, "*", "png", 1))
	}
	if e.cookie {
		g.byBrowser(r)
	}
	if e.path == "/end_session/confirm" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	switch scheme {
	case "":
	case "clientBasic":
		r.SetBasicAuth("shop", shopSecret)
		if e.path == "/par" {
			r.SetBasicAuth("wiki", wikiSecret)
		}
	case "accessToken":
		r.Header.Set("Authorization", "Bearer "+g.access)
	case "initialAccessToken":
		r.Header.Set("Authorization", "Bearer "+registrationToken)
	case "watch":
		r.Header.Set("Authorization", "Bearer "+g.started.Watch)
		r.Header.Set("User-Agent", "Browser/1.0")
	case "dpop":
		p := g.phone
		if e.path == g.asked.path {
			p = g.asked.phone
		}
		r.Header.Set("DPoP", p.proof(e.method, e.path))
	default:
		g.w.t.Fatalf("no test knows how to satisfy %s", scheme)
	}
	return r
}

// byBrowser makes it a request of the browser that is at the hosted page, by that page.
func (g *target) byBrowser(r *http.Request) {
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, cookie := range g.visitor.http.Jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
}

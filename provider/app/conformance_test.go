package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/token"
)

// What the OpenID Foundation's test plans look for and no other test here shows: see docs/conformance.md.

var (
	planModule  = regexp.MustCompile("(?m)^\\| `(oidcc-[a-z0-9-]+)` \\| (\\S.*?) \\| (.*) \\|$")
	namedTest   = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	writtenTest = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
)

func TestEveryTestThatTheConformanceListNamesExists(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range writtenTest.FindAllSubmatch(source, -1) {
			written[string(match[1])] = true
		}
	}
	modules := planModule.FindAllSubmatch(list, -1)
	for _, module := range modules {
		tests := namedTest.FindAllSubmatch(module[3], -1)
		if len(tests) == 0 && !strings.HasPrefix(string(module[2]), "not run") {
			t.Errorf("%s: %s, and no test shows it", module[1], module[2])
		}
		for _, test := range tests {
			if !written[string(test[1])] {
				t.Errorf("%s: there is no %s", module[1], test[1])
			}
		}
	}
	if lines := strings.Count(string(list), "\n| `oidcc-"); len(modules) != lines || lines < 50 {
		t.Errorf("%d of %d lines were read", len(modules), lines)
	}
}

// formerly is a request as the suite sends it: without PKCE, by a client that may do without.
func formerly(changes ...string) url.Values {
	return asking(slices.Concat([]string{"client_id", "old-wiki", "scope", "openid", "code_challenge", "", "code_challenge_method", ""}, changes)...)
}

// formerlyRedeemed redeems a code of such a request by client_secret_post.
func (w *world) formerlyRedeemed(code string) answer {
	w.t.Helper()
	return w.form("/token", "old-wiki", "", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {wikiCallback}, "client_secret": {wikiSecret}})
}

func TestEveryRequestOfTheBasicPlanEndsInTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	for what, changes := range map[string][]string{
		"as it is":                {},
		"display page":            {"display", "page"},
		"display popup":           {"display", "popup"},
		"ui_locales":              {"ui_locales", "se"},
		"claims_locales":          {"claims_locales", "se"},
		"login_hint":              {"login_hint", "buffy@wiki.example"},
		"acr_values that are":     {"acr_values", token.ACRScanned},
		"acr_values that are not": {"acr_values", "1 2"},
		"an unknown parameter":    {"extra", "foobar"},
		"no nonce":                {"nonce", ""},
		"an essential name":       {"claims", `{"userinfo":{"name":{"essential":true}}}`},
		"scope phone":             {"scope", "openid phone"},
		"another order":           {"scope", "phone openid"},
		"all of the scopes":       {"scope", "openid address email phone profile"},
	} {
		q := formerly(changes...)
		said := v.scanned(p, v.hosted(q), approving(v, p))
		tokens := w.read(w.formerlyRedeemed(v.codeOf(said)))
		claims := claimsOf(t, *tokens.IdToken)
		nonce, given := claims["nonce"]
		if claims["iss"] != w.issuer || claims["aud"] != "old-wiki" || claims["sub"] == "" || claims["acr"] != token.ACRScanned || claims["auth_time"] == nil ||
			claims["exp"].(float64) <= claims["iat"].(float64) || given != (q.Get("nonce") != "") || given && nonce != q.Get("nonce") {
			t.Errorf("%s: the ID token says %v", what, claims)
		}
		var info api.UserInfo
		w.userInfo(tokens.AccessToken).decode(t, &info)
		phone := strings.Contains(q.Get("scope"), "phone")
		if info.Sub != claims["sub"] || (info.PhoneNumber != nil) != phone {
			t.Errorf("%s: userinfo says %+v", what, info)
		}
	}
}

// OIDC Core §5.3.1, RFC 6750 §2.
func TestUserInfoTakesTheTokenByGetByPostAndInAForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.tokens(p)
	bearer := func(method, body string) *http.Request {
		r := w.request(method, "/userinfo", stringBody(body))
		r.Header.Set("Content-Type", formType)
		return r
	}
	get, post, form := bearer(http.MethodGet, ""), bearer(http.MethodPost, ""), bearer(http.MethodPost, "access_token="+tokens.AccessToken)
	get.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	post.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	for what, r := range map[string]*http.Request{"GET": get, "POST": post, "a form": form} {
		a := w.do(r)
		var info api.UserInfo
		if a.decode(t, &info); a.Status != http.StatusOK || info.Sub != claimsOf(t, *tokens.IdToken)["sub"] || a.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	r := w.request(http.MethodGet, "/userinfo?access_token="+tokens.AccessToken, nil) // RFC 9700 §4.3.2
	w.do(r).wants(t, "in the query", http.StatusUnauthorized, "invalid_token")
}

func TestACodeThatIsUsedAgainAfter30SecondsEndsWhatItGaveOut(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, v := w.rawPhone().enrolled("+8613800138000"), w.visitor()
		path := v.hosted(asking())
		p.approve(v.challenge(path))
		code := v.codeOf(v.told(v.get(path)))
		tokens := w.read(w.redeem(code))
		time.Sleep(30 * time.Second)
		w.wantActive("until then", tokens, true)
		w.redeem(code).wants(t, "after 30 s", http.StatusBadRequest, "invalid_grant")
		w.wantActive("from then on", tokens, false)
	})
}

// OIDC Discovery §3, RP-Initiated Logout §2.1, Back-Channel Logout §2.1.
func TestDiscoverySaysWhatThePlansLookFor(t *testing.T) {
	t.Parallel()
	const issuer = "https://login.example"
	provider, err := app.New(t.Context(), app.Config{Issuer: issuer, SMS: "file:" + filepath.Join(t.TempDir(), "sms")})
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	get := func(path string) answer {
		recorder := httptest.NewRecorder()
		provider.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return answer{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes()}
	}
	a := get("/.well-known/openid-configuration")
	var m api.Metadata
	if a.decode(t, &m); a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/json" || m.Issuer != issuer {
		t.Errorf("%d %s %s", a.Status, a.Header.Get("Content-Type"), m.Issuer)
	}
	for _, wrong := range []bool{
		!slices.Contains(m.ResponseTypesSupported, "code"), !slices.Contains(m.ScopesSupported, "openid"), !slices.Contains(m.GrantTypesSupported, "authorization_code"),
		!slices.Contains(m.SubjectTypesSupported, "pairwise"), !slices.Contains(m.ClaimsSupported, "sub"), !slices.Contains(m.CodeChallengeMethodsSupported, "S256"),
		slices.Contains(m.CodeChallengeMethodsSupported, "plain"), !m.ClaimsParameterSupported, !m.BackchannelLogoutSupported, !m.BackchannelLogoutSessionSupported,
		slices.Contains(m.IdTokenSigningAlgValuesSupported, "none"), m.RequestParameterSupported, m.RequestUriParameterSupported, // §3: true where it is not said
		!strings.Contains(string(a.Body), `"request_uri_parameter_supported":false`),
	} {
		if wrong {
			t.Errorf("%s", a.Body)
			break
		}
	}
	var members map[string]any
	a.decode(t, &members)
	for name, value := range members {
		if strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri") {
			if !strings.HasPrefix(value.(string), issuer+"/") {
				t.Errorf("%s is %s", name, value)
			}
		}
	}
	var set jose.JSONWebKeySet
	if get("/jwks").decode(t, &set); len(set.Keys) == 0 {
		t.Error("no keys")
	}
	ids := map[string]bool{}
	for _, key := range set.Keys {
		if !key.Valid() || !key.IsPublic() || key.Use != "sig" || key.KeyID == "" || ids[key.KeyID] {
			t.Errorf("%+v", key)
		}
		ids[key.KeyID] = true
	}
}

// RP-Initiated Logout §2, §3: without a state none comes back, and the site is told of nobody logged in afterwards.
func TestALogoutBringsBackTheStateThatWasSentAndNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	for _, state := range []string{"", "s-2"} {
		parameters, to := []string{"id_token_hint", *v.home(p).IdToken, "post_logout_redirect_uri", wikiBye}, wikiBye
		if state != "" {
			parameters, to = append(parameters, "state", state), wikiBye+"?state="+state
		}
		wantLeft(t, "state "+state, v.leave(parameters...), to)
		v.wantTold("state "+state, asking("prompt", "none"), "login_required")
	}
}

// A hint that is forged, or somebody's whom this provider does not know, sends nobody anywhere.
func TestALogoutWithAForgedHintSendsNobodyOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.home(p)
	parts := strings.Split(*tokens.IdToken, ".")
	for what, hint := range map[string]string{
		"changed to alg none":      "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"signed by the suite":      forge(t, w.rawPhone().key, map[string]any{"typ": "JWT"}, claimsOf(t, *tokens.IdToken)),
		"with another's signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
	} {
		for _, who := range []*visitor{v, w.visitor()} {
			a := who.leave("id_token_hint", hint, "post_logout_redirect_uri", wikiBye, "state", "s-2")
			if a.Header.Get("Location") != "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: %d, sent to %q", what, a.Status, a.Header.Get("Location"))
			}
		}
	}
	w.wantActive("after all that", tokens, true)
	v.wantTold("after all that", asking("prompt", "none"), "")
}

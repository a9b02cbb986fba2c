package app_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/provider/app"
)

// Introspection (RFC 7662) and revocation (RFC 7009).

// wantNothing is for what a site is told of a token that is none, or none of its affair (RFC 7662 §2.2): that, and no more.
func (w *world) wantNothing(what string, c app.Client, token string) {
	w.t.Helper()
	a := w.form("/introspect", c.ID, c.Secret, url.Values{"token": {token}})
	if a.Status != http.StatusOK || string(a.Body) != `{"active":false}` {
		w.t.Errorf("%s: %d %s", what, a.Status, a.Body)
	}
}

func (w *world) revokeAs(c app.Client, token string, more ...string) answer {
	w.t.Helper()
	values := pairs(more)
	values.Set("token", token)
	return w.form("/revoke", c.ID, c.Secret, values)
}

func (w *world) wantRevoked(what string, a answer) {
	w.t.Helper()
	if a.Status != http.StatusOK || len(a.Body) != 0 {
		w.t.Errorf("%s: %d %s", what, a.Status, a.Body)
	}
}

func TestASiteLearnsWhatItsOwnTokensAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.tokens(p, "scope", offline)
	is, id := claimsOf(t, tokens.AccessToken), claimsOf(t, *tokens.IdToken)
	said := w.introspectAs(site("wiki"), tokens.AccessToken)
	if !said.Active || *said.Scope != offline || *said.ClientId != "wiki" || *said.TokenType != "Bearer" || *said.Sub != id["sub"] || *said.Iss != w.issuer ||
		*said.Jti != is["jti"] || *said.Sid != id["sid"] || float64(*said.Exp) != is["exp"] || float64(*said.Iat) != is["iat"] ||
		float64(*said.AuthTime) != id["auth_time"] || !slices.Equal(*said.Aud, []string{w.issuer}) || said.Cnf != nil {
		t.Errorf("the access token: %+v", said)
	}
	said = w.introspectAs(site("wiki"), *tokens.RefreshToken)
	if !said.Active || *said.Scope != offline || *said.ClientId != "wiki" || *said.Sub != id["sub"] || *said.Sid != id["sid"] || said.TokenType != nil ||
		time.Until(time.Unix(*said.Exp, 0)) < 29*24*time.Hour {
		t.Errorf("the refresh token: %+v", said)
	}
	for _, hint := range []string{"access_token", "refresh_token", "nonsense"} { // RFC 7662 §2.1: a hint is no more than that
		a := w.form("/introspect", "wiki", wikiSecret, url.Values{"token": {tokens.AccessToken}, "token_type_hint": {hint}})
		if a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"active":true`) {
			t.Errorf("%s: %d %s", hint, a.Status, a.Body)
		}
	}
}

func TestASiteLearnsNothingOfWhatIsNotItsAffair(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.tokens(p, "scope", offline)
	for what, token := range map[string]string{
		"an access token": tokens.AccessToken, "a refresh token": *tokens.RefreshToken, "an ID token": *tokens.IdToken,
		"garbage": "x", "a secret's length": strings.Repeat("x", 43), "a giant": strings.Repeat("x", 50_000), "markup": "<script>\n",
	} {
		w.wantNothing(what, notes, token)
	}
	w.wantNothing("its own ID token", site("wiki"), *tokens.IdToken)
	w.wantNothing("its own access token, forged", site("wiki"), tokens.AccessToken+"A")
	w.wantActive("after all that", tokens, true)
}

// Who serves the audience may know, and is known by its origin.
func TestAResourceServerLearnsAboutTheTokensThatAreForIt(t *testing.T) {
	t.Parallel()
	api := app.Client{ID: "api", Secret: otherSecret, Origins: []string{"https://api.example"}}
	elsewhere := app.Client{ID: "elsewhere", Secret: otherSecret, Origins: []string{"https://api.example.evil.example", "https://api.example:444"}}
	w := newWorld(t, withClient(api), withClient(elsewhere))
	p, v := w.phone("+8613800138000"), w.visitor()
	const v1 = "https://api.example/v1"
	tokens := v.tokens(p, "scope", offline, "resource", v1)
	if said := w.introspectAs(api, tokens.AccessToken); !said.Active || *said.ClientId != "wiki" || !slices.Equal(*said.Aud, []string{v1, w.issuer}) {
		t.Errorf("%+v", said)
	}
	w.wantNothing("the refresh token", api, *tokens.RefreshToken)
	w.wantNothing("a token that is not for it", api, v.tokens(p).AccessToken)
	w.wantNothing("another server", elsewhere, tokens.AccessToken)
	w.wantRevoked("a resource server's revocation", w.revokeAs(api, tokens.AccessToken)) // changes nothing
	w.wantActive("after that", tokens, true)
}

// RFC 7662 §2.1, RFC 7009 §2.1: whoever asks has to say who it is.
func TestWhoProvesNothingIsToldNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(program))
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.tokensAs(p, program, "scope", "openid offline_access")
	nobody := url.Values{"token": {tokens.AccessToken}}
	for _, endpoint := range []string{"/introspect", "/revoke"} {
		r := w.request(http.MethodPost, endpoint, strings.NewReader(nobody.Encode()))
		r.Header.Set("Content-Type", formType)
		w.do(r).wants(t, endpoint+", nobody", http.StatusUnauthorized, "invalid_client")
		w.form(endpoint, "wiki", shopSecret, nobody).wants(t, endpoint+", a wrong secret", http.StatusUnauthorized, "invalid_client")
		r = w.request(http.MethodPost, endpoint, strings.NewReader(nobody.Encode()))
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		w.do(r).wants(t, endpoint+", by the token itself", http.StatusUnauthorized, "invalid_client")
		w.form(endpoint, "wiki", wikiSecret, url.Values{}).wants(t, endpoint+", no token", http.StatusBadRequest, "invalid_request")
	}
	w.form("/introspect", program.ID, "", nobody).wants(t, "a public client", http.StatusUnauthorized, "invalid_client")
	if a := w.userInfo(tokens.AccessToken); a.Status != http.StatusOK {
		t.Errorf("the token is not good any more: %d", a.Status)
	}
}

func TestAnAccessTokenIsGoodForTenMinutes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		tokens := w.login(w.rawPhone().enrolled("+8613800138000"))
		time.Sleep(10*time.Minute - time.Second)
		if a := w.userInfo(tokens.AccessToken); a.Status != http.StatusOK || !w.introspectAs(site("shop"), tokens.AccessToken).Active {
			t.Errorf("before: %d", a.Status)
		}
		time.Sleep(2 * time.Second)
		w.userInfo(tokens.AccessToken).wants(t, "after", http.StatusUnauthorized, "invalid_token")
		w.wantNothing("after", site("shop"), tokens.AccessToken)
		w.wantRevoked("after", w.revokeAs(site("shop"), tokens.AccessToken))
	})
}

// RFC 7009 §2.1: an access token alone.
func TestARevokedAccessTokenIsGoodNowhereAndTheLoginGoesOn(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		w := newWorld(t, withStore(store))
		p, v := w.phone("+8613800138000"), w.visitor()
		tokens := v.tokens(p, "scope", offline)
		w.wantRevoked("the access token", w.revokeAs(site("wiki"), tokens.AccessToken, "token_type_hint", "refresh_token"))
		w.wantNothing("the access token", site("wiki"), tokens.AccessToken)
		w.userInfo(tokens.AccessToken).wants(t, "the access token", http.StatusUnauthorized, "invalid_token")
		next := w.read(w.refresh(*tokens.RefreshToken))
		w.wantActive("the next", next, true)
		w.wantRevoked("again", w.revokeAs(site("wiki"), tokens.AccessToken))
	})
}

// RFC 7009 §2.1: a refresh token with all that was given out on its grant, whichever of its line it is.
func TestARevokedRefreshTokenEndsItsLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(program))
	p, v := w.phone("+8613800138000"), w.visitor()
	bystander := v.tokens(p, "scope", offline)
	for what, c := range map[string]app.Client{"a site": site("wiki"), "a public client": program} {
		for _, which := range []string{"the newest", "one that was used"} {
			first := v.tokensAs(p, c, "scope", "openid offline_access")
			next := w.read(w.refreshAs(c, *first.RefreshToken))
			gone := *next.RefreshToken
			if which != "the newest" {
				gone = *first.RefreshToken
			}
			w.wantRevoked(what, w.revokeAs(c, gone))
			for _, token := range []string{first.AccessToken, next.AccessToken} {
				w.userInfo(token).wants(t, what+", "+which, http.StatusUnauthorized, "invalid_token")
			}
			w.refreshAs(c, *next.RefreshToken).wants(t, what+", "+which, http.StatusBadRequest, "invalid_grant")
			w.wantRevoked(what+", again", w.revokeAs(c, gone))
			logins, err := p.Logins(t.Context())
			if err != nil || logins[0].EndedAt == nil {
				t.Errorf("%s, %s: the phone lists %+v %v", what, which, logins[0], err)
			}
		}
	}
	w.wantActive("another login", bystander, true)
}

// RFC 7009 §2.2: what is not there, or not the client's, is answered as done, and nothing is done.
func TestARevocationOfWhatIsNotTheSitesChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(program))
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.tokens(p, "scope", offline)
	for what, token := range map[string]string{
		"an access token": tokens.AccessToken, "a refresh token": *tokens.RefreshToken, "an ID token": *tokens.IdToken,
		"garbage": "x", "a giant": strings.Repeat("x", 50_000),
	} {
		w.wantRevoked(what+", another site", w.revokeAs(site("shop"), token))
		w.wantRevoked(what+", a public client", w.revokeAs(program, token))
	}
	w.wantRevoked("its own ID token", w.revokeAs(site("wiki"), *tokens.IdToken))
	w.wantActive("after all that", tokens, true)
}

func TestATokenOfALoginThatHasEndedIsNotActive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens, device := v.tokens(p, "scope", offline), w.deviceTokens(p, site("wiki"), offline)
	if err := p.EndLogin(t.Context(), claimsOf(t, *tokens.IdToken)["sid"].(string)); err != nil {
		t.Fatal(err)
	}
	w.wantActive("the one that ended", tokens, false)
	w.refresh(*tokens.RefreshToken).wants(t, "the one that ended", http.StatusBadRequest, "invalid_grant")
	w.wantActive("the other", device, true)
	if err := p.Disown(t.Context(), claimsOf(t, *device.IdToken)["sid"].(string)); err != nil {
		t.Fatal(err)
	}
	w.wantActive("the other, disowned", device, false)
}

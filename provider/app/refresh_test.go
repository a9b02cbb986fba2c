package app_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
)

// Refresh tokens (RFC 6749 §6, RFC 9700 §4.14, RFC 10027 §6.1.10).

const offline = "openid phone offline_access"

func TestOfflineAccessGivesARefreshTokenWhereTheSiteMayHaveOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(notes))
	p, v := w.phone("+8613800138000"), w.visitor()
	for what, c := range map[string]struct {
		tokens api.TokenResponse
		want   bool
	}{
		"code flow":                           {v.tokensAs(p, site("wiki"), "scope", offline), true},
		"code flow, not asked for":            {v.tokensAs(p, site("wiki")), false},
		"code flow, not the site's to have":   {v.tokensAs(p, notes, "scope", offline), false},
		"device flow":                         {w.deviceTokens(p, site("wiki"), offline), true},
		"device flow, not asked for":          {w.deviceTokens(p, site("wiki"), "openid phone"), false},
		"device flow, not the site's to have": {w.deviceTokens(p, site("shop"), offline), false},
	} {
		if got := c.tokens.RefreshToken != nil; got != c.want || strings.Contains(*c.tokens.Scope, "offline_access") != c.want {
			t.Errorf("%s: a refresh token: %t, scope %q", what, got, *c.tokens.Scope)
		}
	}
}

// OIDC Core §12.2: what a refresh answers is about the same login.
func TestARefreshTokenIsGoodOnceAndBringsTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	for flow, first := range map[string]api.TokenResponse{
		"code": v.tokens(p, "scope", offline), "device": w.deviceTokens(p, site("wiki"), offline),
	} {
		was := claimsOf(t, *first.IdToken)
		seen := []string{*first.RefreshToken}
		for range 3 {
			last := seen[len(seen)-1]
			next := w.read(w.refresh(last))
			w.wantActive(flow, next, true)
			if w.active(last) {
				t.Errorf("%s: a refresh token that was used is active", flow)
			}
			if slices.Contains(seen, *next.RefreshToken) || *next.Scope != offline {
				t.Errorf("%s: %+v", flow, next)
			}
			seen = append(seen, *next.RefreshToken)
			is := claimsOf(t, *next.IdToken)
			for _, claim := range []string{"iss", "sub", "aud", "auth_time", "sid", "acr"} {
				if is[claim] != was[claim] {
					t.Errorf("%s: %s was %v, is %v", flow, claim, was[claim], is[claim])
				}
			}
			if is["nonce"] != nil {
				t.Errorf("%s: there is a nonce, which nobody sent", flow)
			}
		}
	}
}

// RFC 9700 §4.14.2: nobody knows which of the two is the thief.
func TestARefreshTokenUsedAgainEndsTheLogin(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	p, v := w.phone("+8613800138000"), w.visitor()
	for flow, first := range map[string]api.TokenResponse{
		"code": v.tokens(p, "scope", offline), "device": w.deviceTokens(p, site("wiki"), offline),
	} {
		next := w.read(w.refresh(*first.RefreshToken))
		w.refresh(*first.RefreshToken).wants(t, flow+": the used one", http.StatusBadRequest, "invalid_grant")
		w.wantActive(flow+": the first", first, false)
		w.wantActive(flow+": the next", next, false)
		w.refresh(*next.RefreshToken).wants(t, flow+": the newest", http.StatusBadRequest, "invalid_grant")
	}
	logins, err := p.Logins(t.Context())
	if err != nil || len(logins) != 2 || logins[0].EndedAt == nil || logins[1].EndedAt == nil {
		t.Errorf("the phone lists %+v %v", logins, err)
	}
	events := audited(t, folder, "refresh_token.reused")
	if len(events) != 2 || events[0].Client != "wiki" {
		t.Errorf("audit events %+v", events)
	}
}

func TestOf64RefreshesAtOnceOneGetsTokensAndTheyAreRevoked(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		w := newWorld(t, withStore(store))
		p, v := w.phone("+8613800138000"), w.visitor()
		first := v.tokens(p, "scope", offline)
		answers := atOnce(w, many, func(int) *http.Request {
			return w.formRequest("/token", "wiki", wikiSecret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {*first.RefreshToken}})
		})
		if n := tally(answers); n["OK "] != 1 || n["Bad Request invalid_grant"] != many-1 {
			t.Fatalf("%v", n)
		}
		won := w.read(answers[slices.IndexFunc(answers, func(a answer) bool { return a.Status == http.StatusOK })])
		w.wantActive("the first", first, false)
		w.wantActive("the winner's", won, false)
		w.refresh(*won.RefreshToken).wants(t, "the winner's", http.StatusBadRequest, "invalid_grant")
	})
}

// RFC 6749 §6: what was not granted cannot be had; what is left out once is not lost.
func TestARefreshNarrowsTheScopeAndNeverWidensIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	token := *v.tokens(p, "scope", "openid offline_access").RefreshToken
	w.refresh(token, "scope", "openid phone").wants(t, "wider", http.StatusBadRequest, "invalid_scope")
	w.refresh(token, "scope", "nonsense").wants(t, "nonsense", http.StatusBadRequest, "invalid_scope")
	narrow := w.read(w.refresh(token, "scope", "openid"))
	if *narrow.Scope != "openid" || narrow.IdToken == nil || narrow.RefreshToken == nil {
		t.Errorf("narrow: %+v", narrow)
	}
	none := w.read(w.refresh(*narrow.RefreshToken, "scope", "offline_access"))
	if *none.Scope != "offline_access" || none.IdToken != nil {
		t.Errorf("without openid: %+v", none)
	}
	if a := w.userInfo(none.AccessToken); a.Status != http.StatusForbidden {
		t.Errorf("userinfo without openid: %d %s", a.Status, a.Body)
	}
	if whole := w.read(w.refresh(*none.RefreshToken)); *whole.Scope != "openid offline_access" {
		t.Errorf("whole again: %q", *whole.Scope)
	}
}

// RFC 8707 §2.2.
func TestARefreshNarrowsTheAudienceAndNeverWidensIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	const v1, v2 = "https://api.example/v1", "https://api.example/v2"
	q := asking("scope", "openid offline_access")
	q["resource"] = []string{v1, v2}
	tokens := w.read(w.redeem(v.codeOf(v.scanned(p, v.hosted(q), approving(v, p)))))
	one := w.read(w.refresh(*tokens.RefreshToken, "resource", v1))
	both := w.read(w.refresh(*one.RefreshToken))
	for what, c := range map[string]struct {
		token api.TokenResponse
		want  []string
	}{"at first": {tokens, []string{v1, v2, w.issuer}}, "one": {one, []string{v1}}, "both again": {both, []string{v1, v2, w.issuer}}} {
		if said := w.introspectAs(site("wiki"), c.token.AccessToken); said.Aud == nil || !slices.Equal(*said.Aud, c.want) {
			t.Errorf("%s: aud %v", what, said.Aud)
		}
	}
	w.refresh(*both.RefreshToken, "resource", "https://other.example").wants(t, "another", http.StatusBadRequest, "invalid_target")

	narrow := *v.tokens(p, "scope", "openid offline_access", "resource", v1).RefreshToken
	w.refresh(narrow, "resource", v2).wants(t, "the site's, but not granted", http.StatusBadRequest, "invalid_target")
	if a := w.refresh(narrow); a.Status != http.StatusOK {
		t.Errorf("what was refused has used up the token: %d %s", a.Status, a.Body)
	}
}

// RFC 6749 §10.4: bound to the client that it was issued to; and another's try is not the client's own reuse.
func TestARefreshTokenIsItsClientsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(program))
	p, v := w.phone("+8613800138000"), w.visitor()
	token := *v.tokens(p, "scope", offline).RefreshToken
	w.refreshAs(site("other"), token).wants(t, "another site", http.StatusBadRequest, "invalid_grant")
	w.refreshAs(program, token).wants(t, "a public client", http.StatusBadRequest, "invalid_grant")
	w.refresh("").wants(t, "none", http.StatusBadRequest, "invalid_request")
	w.refresh(strings.Repeat("x", 43)).wants(t, "invented", http.StatusBadRequest, "invalid_grant")
	w.refresh(strings.Repeat("x", 50_000)).wants(t, "a giant", http.StatusBadRequest, "invalid_grant")
	next := w.read(w.refresh(token))
	w.refreshAs(site("other"), token).wants(t, "another site, used", http.StatusBadRequest, "invalid_grant")
	w.wantActive("after another's tries", next, true)
}

func TestARefreshTokenGoesUnusedFor30DaysAndTheLoginIsRenewedFor90(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	p, v := w.phone("+8613800138000"), w.visitor()
	const day = 24 * time.Hour
	used, idle := *v.tokens(p, "scope", offline).RefreshToken, *v.tokens(p, "scope", offline).RefreshToken
	renew := func(after time.Duration) {
		t.Helper()
		age(t, folder, after)
		if used = *w.read(w.refresh(used)).RefreshToken; !w.active(used) {
			t.Error("the next is not active")
		}
	}
	renew(29 * day)
	renew(day)
	w.refresh(idle).wants(t, "unused for 30 days", http.StatusBadRequest, "invalid_grant")
	renew(29 * day)
	renew(29 * day) // the 88th day
	age(t, folder, 2*day)
	if w.active(used) {
		t.Error("active on day 90")
	}
	w.refresh(used).wants(t, "on day 90", http.StatusBadRequest, "invalid_grant")
}

// age moves what the database holds of logins into the past. A bubble would have the provider live through every minute of it.
func age(t *testing.T, folder string, by time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "qrlogin.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`UPDATE logins SET at = at - $1, auth_time = auth_time - $1`, `UPDATE refresh_tokens SET expires_at = expires_at - $1`,
	} {
		if _, err := db.ExecContext(t.Context(), statement, by.Milliseconds()); err != nil {
			t.Fatal(err)
		}
	}
}

// RFC 9449 §5: nothing else binds it.
func TestAPublicClientsRefreshTokenIsBoundToItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(program))
	p, v := w.phone("+8613800138000"), w.visitor()
	key, other := w.rawPhone(), w.rawPhone()
	by := func(key rawPhone) []string { return []string{"DPoP", key.proof(http.MethodPost, "/token")} }
	tokens := w.read(w.redeemAs(program, v.codeAs(p, program, "scope", "openid offline_access"), by(key)...))
	w.refreshAs(program, *tokens.RefreshToken).wants(t, "no proof", http.StatusBadRequest, "invalid_dpop_proof")
	w.refreshAs(program, *tokens.RefreshToken, by(other)...).wants(t, "another key", http.StatusBadRequest, "invalid_dpop_proof")
	next := w.read(w.refreshAs(program, *tokens.RefreshToken, by(key)...))
	if next.TokenType != api.DPoP {
		t.Errorf("token_type %s", next.TokenType)
	}
	w.refreshAs(program, *next.RefreshToken, by(other)...).wants(t, "the next, by another key", http.StatusBadRequest, "invalid_dpop_proof")
	if a := w.refreshAs(program, *next.RefreshToken, by(key)...); a.Status != http.StatusOK {
		t.Errorf("the next: %d %s", a.Status, a.Body)
	}
}

// A client that authenticates is bound by that, and may change its key.
func TestAConfidentialClientMayRefreshWithAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	by := func() []string { return []string{"DPoP", w.rawPhone().proof(http.MethodPost, "/token")} }
	tokens := w.read(w.redeemAs(site("wiki"), v.code(p, "scope", offline), by()...))
	next := w.read(w.refreshAs(site("wiki"), *tokens.RefreshToken, by()...))
	if next.TokenType != api.DPoP {
		t.Errorf("token_type %s", next.TokenType)
	}
	if bearer := w.read(w.refresh(*next.RefreshToken)); bearer.TokenType != api.Bearer {
		t.Errorf("token_type %s", bearer.TokenType)
	}
}

func TestWhatASiteMayNoLongerHaveARefreshDoesNotGive(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	p, v := w.phone("+8613800138000"), w.visitor()
	token := *v.tokens(p, "scope", offline, "resource", "https://api.example/v1").RefreshToken
	less := site("wiki")
	less.Scopes, less.Resources = []string{"openid", "offline_access"}, nil
	changeClient(t, folder, less)
	tokens := w.read(w.refresh(token))
	if claims := claimsOf(t, *tokens.IdToken); *tokens.Scope != "openid offline_access" || claims["phone_number"] != nil {
		t.Errorf("without phone: scope %q, %v", *tokens.Scope, claims)
	}
	if aud := claimsOf(t, tokens.AccessToken)["aud"]; aud != w.issuer {
		t.Errorf("without resources: aud %v", aud)
	}
	less.Scopes = []string{"openid", "phone"}
	changeClient(t, folder, less)
	w.refresh(*tokens.RefreshToken).wants(t, "without offline_access", http.StatusBadRequest, "invalid_grant")
}

package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

// What RFC 10027 §6.1 names and no other test here holds; docs/security.md says which test holds which row of SECURITY.md §2.

// §6.1.5: a mail filter needs one pattern, for every code in every shape.
func TestEveryCodeBeginsWithTheOnePrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	prefix := w.issuer + "/q/"
	var codes []string
	for _, started := range []api.DeviceAuthorization{w.start(), w.startAs("tv", "")} {
		view, _ := w.watch(started, 0)
		for _, frame := range *view.Frames {
			codes = append(codes, frame.Code)
		}
		if started.VerificationUriComplete != nil {
			codes = append(codes, *started.VerificationUriComplete)
		}
		codes = append(codes, readSVG(t, w.do(w.byWatch(http.MethodGet, started, "/qr.svg")).Body))
		png, err := phone.ReadPicture(bytes.NewReader(w.do(w.byWatch(http.MethodGet, started, "/qr.png")).Body))
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, png)
	}
	codes = append(codes, readSVG(t, w.visitor().picture().Body))
	if len(codes) != 8+1+1+2*2+1 {
		t.Errorf("%d codes", len(codes))
	}
	for _, code := range codes {
		if !strings.HasPrefix(code, prefix) {
			t.Errorf("%s does not begin with %s", code, prefix)
		}
	}
	// And nothing that begins otherwise is taken for one.
	p := w.rawPhone().enrolled("+8613800138000")
	frame := strings.TrimPrefix(codes[0], prefix)
	for _, other := range []string{w.issuer + "/Q/", w.issuer + "//q/", w.issuer + "/q?", strings.ToUpper(w.issuer) + "/q/", "https://evil.example/q/", ""} {
		p.scan(other+frame).wants(t, other, http.StatusNotFound, "code-unknown")
	}
}

// §6.1.7: a kiosk is a confidential client of its own. Nobody shows a code in its name, or takes what came of one, without its secret.
func TestNobodyShowsACodeInTheNameOfAKiosk(t *testing.T) {
	t.Parallel()
	kiosk := app.Client{ID: "kiosk", Secret: shopSecret, Name: "Gate 7"}
	w := newWorld(t, withClient(kiosk))
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.begun(kiosk)
	p.approve(started)
	for _, secret := range []string{"", otherSecret} {
		w.form("/device_authorization", kiosk.ID, secret, url.Values{"scope": {"openid"}}).wants(t, "a code", http.StatusUnauthorized, "invalid_client")
		w.pollAs(kiosk.ID, secret, started, "").wants(t, "its tokens", http.StatusUnauthorized, "invalid_client")
	}
	w.read(w.pollAs(kiosk.ID, kiosk.Secret, started, ""))
}

// §6.1.14: who asks, from where, for what; in the provider's words, and the site's where they are the registered ones.
func TestTheConsentSaysWhoAsksFromWhereAndForWhat(t *testing.T) {
	t.Parallel()
	paris := city{"Paris", "FR", 48.9, 2.4}
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		a := w.form("/device_authorization", "wiki", wikiSecret, url.Values{
			"scope": {"openid phone email"}, "resource": {"https://api.example/v1"}, "client_name": {"Your Bank"}, "name": {"Your Bank"},
		})
		var started api.DeviceAuthorization
		a.decode(t, &started)
		r := w.byWatch(http.MethodGet, started, "")
		r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0")
		var view api.ChallengeView
		w.from("203.0.113.5").do(r).decode(t, &view)
		shown := consentOf(t, p.claimBy((*view.Frames)[0].Code))
		for what, says := range map[string]struct {
			got  any
			want string
		}{
			"who":        {shown.Client, `{"domains":["wiki.example"],"id":"wiki","name":"The Wiki"}`},
			"by what":    {shown.Browser.Name, `{"name":"Firefox","system":"Windows"}`},
			"from where": {[]any{shown.Browser.Address, shown.Browser.Place}, `["203.0.113.5",{"city":"Paris","country":"FR"}]`},
			"how near":   {[]any{shown.Proximity, shown.Phone}, `["elsewhere",{"address":"192.0.2.1"}]`},
			"for what":   {[]any{shown.Scopes, shown.Resources}, `[["openid","phone"],["https://api.example/v1"]]`},
		} {
			if got, err := json.Marshal(says.got); err != nil || string(got) != says.want {
				t.Errorf("%s: %s, want %s", what, got, says.want)
			}
		}
		wantWarned(t, "the person", shown, api.ConsentWarningsElsewhere)
	}, withPlaces(t, map[string]city{"203.0.113.0/24": paris}))
}

// §6.1.17: the site's own words, such as a kiosk's place, are in what is signed, and nobody changes them on the way.
func TestTheSitesOwnWordsTravelInsideTheSignedConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.begun(site("shop"), "binding_message", "Machine 12, platform 3")
	claim := p.claim(started)
	if shown := consentOf(t, claim); shown.BindingMessage == nil || *shown.BindingMessage != "Machine 12, platform 3" {
		t.Fatalf("the phone is shown %v", shown.BindingMessage)
	}
	consent := decode64(t, claim.Consent)
	changed := bytes.Replace(consent, []byte("Machine 12"), []byte("Machine 13"), 1)
	jws := p.signedFor(w.issuer, claim.ChallengeId, proof.Approve, changed)
	w.sendDecision(jws).wants(t, "over other words", http.StatusUnprocessableEntity, "consent-mismatch")
	jws = p.signed(claim, proof.Approve)
	parts := strings.Split(jws, ".")
	said := bytes.Replace(payload(t, jws), []byte(claim.Consent), []byte(base64.RawURLEncoding.EncodeToString(changed)), 1)
	parts[1] = base64.RawURLEncoding.EncodeToString(said)
	w.sendDecision(strings.Join(parts, ".")).wants(t, "changed on the way", http.StatusUnauthorized, "proof-invalid")
	w.wantState(started, api.ChallengeStateClaimed)
	p.decide(claim, proof.Approve)
}

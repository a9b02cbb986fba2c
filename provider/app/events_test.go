package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/identity"
)

// What an account's owner is told (RFC 10027 §6.1.4, §6.1.6).

// events is what this phone's account is told, the newest first, but for how the account began.
func (p rawPhone) events() []api.Event {
	p.w.t.Helper()
	var list api.EventList
	a := p.send(http.MethodGet, "/phone/events", nil)
	a.decode(p.w.t, &list)
	if n := len(list.Events); n == 0 || list.Events[n-1].Kind != api.DeviceEnrolled || list.Events[n-1].Address == nil {
		p.w.t.Fatalf("the first event is no enrolment: %s", a.Body)
	}
	return list.Events[:len(list.Events)-1]
}

// told is events in short: what, of which site, and whether a login and a browser are named.
func (p rawPhone) told() (all []string) {
	p.w.t.Helper()
	for _, e := range p.events() {
		text := string(e.Kind)
		if e.Client != nil {
			text += " " + e.Client.Id + " (" + e.Client.Name + ")"
		}
		if e.Login != nil {
			text += ", a login"
		}
		if e.Address != nil {
			text += ", at an address"
		}
		if e.Place != nil || e.Browser != nil {
			text += ", with words"
		}
		all = append(all, text)
	}
	return all
}

func (p rawPhone) wantTold(what string, want ...string) {
	p.w.t.Helper()
	if got := p.told(); !slices.Equal(got, want) {
		p.w.t.Errorf("%s is told %q, want %q", what, got, want)
	}
}

func TestEveryKindOfEventIsAWordOfTheContract(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kind := doc.Components.Schemas["EventKind"].Value
	var words []string
	for _, word := range kind.Enum {
		words = append(words, word.(string))
	}
	slices.Sort(words)
	if kinds := slices.Sorted(slices.Values(identity.OwnerEvents)); !slices.Equal(kinds, words) {
		t.Errorf("the contract has\n%q, owners are told\n%q", words, kinds)
	}
	for _, word := range words {
		if !strings.Contains(kind.Description, "`"+word+"`") {
			t.Errorf("the contract does not say what %s is", word)
		}
	}
}

// A code that another phone presents is told to both, and neither learns who the other is, nor a stranger of the login (SECURITY.md §1.6).
func TestAnAlarmIsToldToBothSidesAndNeitherLearnsOfTheOther(t *testing.T) {
	const shop, browser = "code.copied shop (The Shop)", ", at an address"
	for name, c := range map[string]struct {
		until           func(w *world, owner rawPhone, s api.DeviceAuthorization)
		status          int
		code            string
		stranger, owner string // "" for nothing
	}{
		"claimed":  {func(_ *world, p rawPhone, s api.DeviceAuthorization) { p.claim(s) }, 409, "claimed-by-another", "code.contested", shop + browser},
		"approved": {func(_ *world, p rawPhone, s api.DeviceAuthorization) { p.approve(s) }, 409, "claimed-by-another", "code.contested", shop + browser},
		"redeemed": {func(w *world, p rawPhone, s api.DeviceAuthorization) { p.approve(s); w.poll(s, "wait=5") }, 409, "claimed-by-another", "code.contested", shop + ", a login" + browser},
		"redeemed, and its window over": {func(w *world, p rawPhone, s api.DeviceAuthorization) {
			p.approve(s)
			w.poll(s, "wait=5")
			time.Sleep(10 * time.Second)
		}, 410, "gone", "code.reused", shop + ", a login" + browser},
		"redeemed long ago": {func(w *world, p rawPhone, s api.DeviceAuthorization) {
			p.approve(s)
			w.poll(s, "wait=5")
			time.Sleep(24 * time.Hour)
		}, 404, "code-unknown", "code.reused", shop + ", a login" + browser},
		"denied":    {func(_ *world, p rawPhone, s api.DeviceAuthorization) { p.decide(p.claim(s), proof.Deny) }, 410, "gone", "code.reused", ""},
		"expired":   {func(*world, rawPhone, api.DeviceAuthorization) { time.Sleep(5 * time.Minute) }, 410, "gone", "code.reused", ""},
		"forgotten": {func(*world, rawPhone, api.DeviceAuthorization) { time.Sleep(24 * time.Hour) }, 404, "code-unknown", "code.foreign", ""},
		"stale":     {func(*world, rawPhone, api.DeviceAuthorization) { time.Sleep(time.Minute) }, 422, "code-stale", "code.stale", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world) {
				owner, stranger := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
				started := w.start()
				frame := w.frame(started)
				c.until(w, owner, started)
				stranger.scan(frame).wants(t, "the stranger", c.status, c.code)
				stranger.wantTold("the stranger", c.stranger)
				if c.owner == "" {
					owner.wantTold("the owner")
				} else {
					owner.wantTold("the owner", c.owner)
				}
				for _, e := range owner.events() { // it is the owner's own browser that is named
					if *e.Address != "192.0.2.1" {
						t.Errorf("%+v", e)
					}
				}
			})
		})
	}
}

// Whoever scans a code of their own once more is told what became of it, once.
func TestACodeOfOnesOwnIsToldWithItsLogin(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := w.rawPhone().enrolled("+8613800138000")
		second := first.another("+8613800138000")
		started := w.start()
		frame := w.frame(started)
		claim := first.claimBy(frame)
		second.scan(frame).wants(t, "their other phone", http.StatusConflict, "claimed-by-another")
		first.decide(claim, proof.Approve)
		w.poll(started, "wait=5")
		time.Sleep(10 * time.Second)
		first.scan(frame).wants(t, "once more", http.StatusGone, "gone")
		if got, want := second.told(), []string{
			"code.reused shop (The Shop), a login, at an address", "code.contested shop (The Shop), at an address",
			"device.allowed, at an address", "device.enrolled, at an address",
		}; !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
	})
}

func TestACodeThatIsNotThisProvidersIsToldToWhoPresentsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	frame := w.frame(started)
	n := 0
	for code, want := range map[string][]string{
		"https://login.evil.example/q/" + started.ChallengeId: {"code.foreign"},
		"https://evil.example/":                               {"code.foreign"},
		w.issuer + "/q/nonsense":                              {"code.foreign"},
		w.issuer + "/q/" + strings.Repeat("A", 26):            {"code.foreign"},     // never made
		frame[:len(frame)-13] + strings.Repeat("A", 13):       {"code.foreign"},     // a MAC that is wrong
		w.issuer + "/q/" + started.ChallengeId:                {"code.not-allowed"}, // it does not move
		"BBBB-BBBB":                                           nil,                  // a slip of the finger
		"not a code":                                          nil,
	} {
		n++
		p := w.rawPhone().enrolled(fmt.Sprintf("+86138001380%02d", n))
		if a := p.scan(code); a.Status < 400 {
			t.Fatalf("%s: %d", code, a.Status)
		}
		p.wantTold(code, want...)
	}
	w.wantState(started, api.ChallengeStatePending)
}

// Who presents codes in a loop fills no table, and drowns nothing in the list.
func TestOfAKindOfAlarmAnAccountGetsTenInAnHour(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		for range 30 {
			p.scan(w.issuer+"/q/"+started.ChallengeId).wants(t, "a code that does not move", http.StatusForbidden, "not-allowed")
		}
		p.scan("https://evil.example/").wants(t, "another kind", http.StatusNotFound, "code-unknown")
		if all := p.told(); len(all) != 11 || all[0] != "code.foreign" {
			t.Errorf("told %q", all)
		}
		if n := strings.Count(w.logs.String(), `"msg":"alarm"`); n != 31 {
			t.Errorf("%d alarms in the log, which has all", n)
		}
		time.Sleep(time.Hour)
		p.scan("https://evil.example/")
		p.scan(w.issuer + "/q/" + w.start().ChallengeId)
		if all := p.told(); len(all) != 13 {
			t.Errorf("an hour later told %q", all)
		}
	}, withoutLimits)
}

func TestAnAlarmIsLoggedWithItsKindAndSiteAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner, stranger := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	frame := w.frame(w.start())
	owner.claimBy(frame)
	stranger.scan(frame)
	var lines []string
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, `"msg":"alarm"`) {
			line = line[strings.Index(line, `"kind"`):]
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if want := []string{`"kind":"code.contested","client":"shop"}`, `"kind":"code.copied","client":"shop"}`}; !slices.Equal(lines, want) {
		t.Errorf("logged %q", lines)
	}
}

func TestAnAuthorizationCodeOrRefreshTokenUsedAgainIsToldWithItsLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, v := w.phone("+8613800138000"), w.visitor()
	code := v.code(p, "scope", offline)
	first := w.read(w.redeem(code))
	w.redeem(code).wants(t, "the code again", http.StatusBadRequest, "invalid_grant")
	second := v.tokens(p, "scope", offline)
	w.read(w.refresh(*second.RefreshToken))
	w.refresh(*second.RefreshToken).wants(t, "the token again", http.StatusBadRequest, "invalid_grant")
	events, err := p.Events(t.Context())
	if err != nil || len(events) != 3 {
		t.Fatalf("%+v %v", events, err)
	}
	for i, want := range []struct {
		kind   api.EventKind
		tokens api.TokenResponse
	}{{api.RefreshTokenReused, second}, {api.AuthorizationCodeReused, first}} {
		if e := events[i]; e.Kind != want.kind || *e.Login != claimsOf(t, *want.tokens.IdToken)["sid"] || e.Client.Id != "wiki" || e.Address == nil {
			t.Errorf("told %+v, want %s", e, want.kind)
		}
	}
}

// RFC 10027 §6.1.6, from the word to all that follows of it.
func TestThisWasntMeEndsAllThatTheLoginGaveOutAndIsTold(t *testing.T) {
	t.Parallel()
	base, heard := backchannel(t, 0)
	wiki, _ := listening(base)
	w := newWorld(t, withPrivateNetworks, withClient(wiki))
	p, v := w.phone("+8613800138000"), w.visitor()
	tokens := v.tokens(p, "scope", offline)
	w.wantActive("before", tokens, true)
	sid := claimsOf(t, *tokens.IdToken)["sid"].(string)
	if err := p.Disown(t.Context(), sid); err != nil {
		t.Fatal(err)
	}
	w.wantActive("afterwards", tokens, false)
	w.userInfo(tokens.AccessToken).wants(t, "the access token", http.StatusUnauthorized, "invalid_token")
	w.refresh(*tokens.RefreshToken).wants(t, "the refresh token", http.StatusBadRequest, "invalid_grant")
	if told := <-heard; told.site != "wiki" || claimsOf(t, told.token)["sid"] != sid {
		t.Errorf("%s is told of %v", told.site, claimsOf(t, told.token))
	}
	events, err := p.Events(t.Context())
	if err != nil || len(events) != 2 || events[0].Kind != api.LoginDisowned || *events[0].Login != sid || events[0].Client.Id != "wiki" {
		t.Errorf("told %+v %v", events, err)
	}
	logins, err := p.Logins(t.Context())
	if err != nil || len(logins) != 1 || logins[0].EndedAt == nil {
		t.Errorf("listed %+v %v", logins, err)
	}
}

func TestAnotherAccountsEventsAreNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, other := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	one.scan("https://evil.example/")
	one.wantTold("the one", "code.foreign")
	other.wantTold("the other")
}

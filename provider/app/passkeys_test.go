package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// What matters on a phone with a passkey waits for its owner's finger, face or code (docs/adr/0015).

// authenticator is what makes and shows passkeys on a phone.
type authenticator struct {
	virtualwebauthn.Authenticator
	virtualwebauthn.Credential
	rp virtualwebauthn.RelyingParty
}

func (w *world) authenticator() *authenticator {
	w.t.Helper()
	u, err := url.Parse(w.issuer)
	if err != nil {
		w.t.Fatal(err)
	}
	return &authenticator{
		virtualwebauthn.NewAuthenticator(), newCredential(),
		virtualwebauthn.RelyingParty{ID: u.Hostname(), Name: u.Hostname(), Origin: w.issuer},
	}
}

// newCredential makes a key whose coordinates fill their 32 bytes: the library leaves out leading zeros, which COSE wants (RFC 9053
// §7.1.1).
func newCredential() virtualwebauthn.Credential {
	const whole = 77 // bytes of CBOR
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

func (k *authenticator) name() string { return base64.RawURLEncoding.EncodeToString(k.ID) }

// makes answers creation options.
func (k *authenticator) makes(t testing.TB, options []byte) string {
	t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatalf("%s: %v", options, err)
	}
	k.Options.UserHandle = []byte(o.UserID)
	return virtualwebauthn.CreateAttestationResponse(k.rp, k.Authenticator, k.Credential, *o)
}

// answers answers request options.
func (k *authenticator) answers(t testing.TB, options []byte) string {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatalf("%s: %v", options, err)
	}
	return virtualwebauthn.CreateAssertionResponse(k.rp, k.Authenticator, k.Credential, *o)
}

// over is the header that shows the passkey over a JWS.
func (k *authenticator) over(jws string) string {
	hash := sha256.Sum256([]byte(jws))
	answer := virtualwebauthn.CreateAssertionResponse(k.rp, k.Authenticator, k.Credential, virtualwebauthn.AssertionOptions{Challenge: hash[:]})
	return base64.RawURLEncoding.EncodeToString([]byte(answer))
}

// registers has the phone register the authenticator's passkey, which must succeed.
func (p rawPhone) registers(k *authenticator) rawPhone {
	p.w.t.Helper()
	p.register(k, nil).wants(p.w.t, "register", http.StatusCreated, "")
	return p
}

// register registers a passkey, showing another one where there is one.
func (p rawPhone) register(k, shown *authenticator) answer {
	p.w.t.Helper()
	options := p.send(http.MethodPost, "/phone/passkeys/options", nil)
	options.wants(p.w.t, "options", http.StatusOK, "")
	return p.showing(shown, http.MethodPost, "/phone/passkeys", credential(k.makes(p.w.t, options.Body)))
}

func credential(answer string) any { return map[string]any{"credential": json.RawMessage(answer)} }

// showing sends a request that shows a passkey over its proof; nil for none.
func (p rawPhone) showing(k *authenticator, method, path string, body any) answer {
	p.w.t.Helper()
	r := p.request(method, path, body)
	if k != nil {
		r.Header.Set("Passkey", k.over(r.Header.Get("DPoP")))
	}
	return p.w.do(r)
}

// sendShowing sends a decision with this Passkey header.
func (w *world) sendShowing(jws, header string) answer {
	w.t.Helper()
	r := w.decisionRequest(jws)
	r.Header.Set("Passkey", header)
	return w.do(r)
}

// recovers enrols the phone, which is new, by a passkey.
func (p rawPhone) recovers(k *authenticator) answer {
	p.w.t.Helper()
	options := p.send(http.MethodPost, "/phone/enrollments/passkey/options", nil)
	options.wants(p.w.t, "options", http.StatusOK, "")
	return p.send(http.MethodPost, "/phone/enrollments/passkey", credential(k.answers(p.w.t, options.Body)))
}

func (p rawPhone) account() api.PhoneAccount {
	p.w.t.Helper()
	var account api.PhoneAccount
	p.send(http.MethodGet, "/phone/account", nil).decode(p.w.t, &account)
	return account
}

func (p rawPhone) passkeys() []api.Passkey {
	p.w.t.Helper()
	var list api.PasskeyList
	p.send(http.MethodGet, "/phone/passkeys", nil).decode(p.w.t, &list)
	return list.Passkeys
}

// throughPasskeys sees all of their endpoints.
func throughPasskeys(t *testing.T, w *world) {
	t.Helper()
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138005").registers(k)
	p.showing(k, http.MethodPut, "/phone/passkeys/current", nil).wants(t, "use it", http.StatusOK, "")
	w.rawPhone().recovers(k).wants(t, "recover", http.StatusCreated, "")
	if len(p.passkeys()) != 1 {
		t.Error("it is not listed")
	}
	p.showing(k, http.MethodDelete, "/phone/passkeys/"+k.name(), nil).wants(t, "remove it", http.StatusNoContent, "")
}

func TestAPhoneWithAPasskeyShowsItForWhatMatters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000")
	if a := p.account(); !a.PasskeysAllowed || a.Device.Passkey {
		t.Errorf("before: %+v", a)
	}
	p.registers(k)
	if a := p.account(); !a.Device.Passkey {
		t.Errorf("after: %+v", a)
	}
	for what, request := range map[string]func(*authenticator) answer{
		"add another": func(shown *authenticator) answer { return p.register(w.authenticator(), shown) },
		"remove one": func(shown *authenticator) answer {
			return p.showing(shown, http.MethodDelete, "/phone/passkeys/AAAA", nil)
		},
		"use one": func(shown *authenticator) answer {
			return p.showing(shown, http.MethodPut, "/phone/passkeys/current", nil)
		},
	} {
		request(nil).wants(t, what+" without it", http.StatusForbidden, "passkey-required")
		request(w.authenticator()).wants(t, what+" with a stranger's", http.StatusForbidden, "passkey-wrong")
		if a := request(k); a.Status == http.StatusForbidden {
			t.Errorf("%s with it: %d %s", what, a.Status, a.Body)
		}
	}
	if n := len(p.passkeys()); n != 2 {
		t.Errorf("%d passkeys", n)
	}
	waits := w.rawPhone().enrolled("+8613800138000")
	device := "/phone/devices/" + waits.account().Device.Id
	for _, step := range []struct {
		what, method, path string
		done               func() answer // afterwards
		status             int
		code               string
	}{
		{"allow a phone", http.MethodPost, device + "/allow", func() answer { return waits.send(http.MethodGet, "/phone/devices", nil) }, http.StatusOK, ""},
		{"remove a phone", http.MethodDelete, device, func() answer { return waits.send(http.MethodGet, "/phone/account", nil) }, http.StatusUnauthorized, "device-unknown"},
		{"delete the account", http.MethodDelete, "/phone/account", func() answer { return p.send(http.MethodGet, "/phone/account", nil) }, http.StatusUnauthorized, "device-unknown"},
	} {
		p.showing(nil, step.method, step.path, nil).wants(t, step.what+" without it", http.StatusForbidden, "passkey-required")
		p.showing(w.authenticator(), step.method, step.path, nil).wants(t, step.what+" with a stranger's", http.StatusForbidden, "passkey-wrong")
		if a := step.done(); a.Status == step.status && a.error() == step.code {
			t.Errorf("%s: it was done without", step.what)
		}
		p.showing(k, step.method, step.path, nil).wants(t, step.what, http.StatusNoContent, "")
		step.done().wants(t, step.what+", afterwards", step.status, step.code)
	}
	w.rawPhone().recovers(k).wants(t, "recover an account that was deleted", http.StatusForbidden, "passkey-wrong")
}

// It may always leave: a phone that is broken or sold shows nothing.
func TestAPhoneRemovesItselfWithoutItsPasskeyWhichStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	p.send(http.MethodDelete, "/phone/devices/"+p.account().Device.Id, nil).wants(t, "remove itself", http.StatusNoContent, "")
	fresh := w.rawPhone()
	fresh.recovers(k).wants(t, "and the next", http.StatusCreated, "")
	if all := fresh.passkeys(); len(all) != 1 || !all[0].Current {
		t.Errorf("%+v", all)
	}
}

// Who holds the unlocked phone gets its messages, too: removing it must not be the way around its passkey.
func TestANumberAloneIsNoWayAroundAPasskeyOfAnAccountThatHasNoPhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	p.removes(p).wants(t, "remove itself", http.StatusNoContent, "")
	thief := w.rawPhone().enrolled("+8613800138000")
	thief.scan(w.frame(w.start())).wants(t, "by the number", http.StatusForbidden, "device-waiting")
	owner := w.rawPhone()
	owner.recovers(k).wants(t, "by the passkey", http.StatusCreated, "")
	owner.showing(k, http.MethodDelete, "/phone/devices/"+thief.id(), nil).wants(t, "refuse it", http.StatusNoContent, "")
	owner.claim(w.start())
}

// A phone that waits gets no passkey; by one it works at once.
func TestAPhoneThatWaitsMakesNoPasskeyAndByOneItWaitsNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	w.rawPhone().enrolled("+8613800138000").registers(k)
	waits := w.rawPhone().enrolled("+8613800138000")
	for _, path := range []string{"/phone/passkeys", "/phone/passkeys/options"} {
		waits.send(http.MethodPost, path, credential("{}")).wants(t, path, http.StatusForbidden, "device-waiting")
	}
	waits.showing(k, http.MethodPut, "/phone/passkeys/current", nil).wants(t, "use one", http.StatusForbidden, "device-waiting")
	waits.recovers(k).wants(t, "by a passkey", http.StatusCreated, "")
	started := w.start()
	jws := waits.signed(waits.claim(started), proof.Approve)
	w.sendShowing(jws, k.over(jws)).wants(t, "it works", http.StatusOK, "")
}

func TestAnApprovalOfAPhoneWithAPasskeyNeedsItAndADenialDoesNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	started := w.start()
	claim := p.claim(started)
	jws := p.signed(claim, proof.Approve)
	w.sendDecision(jws).wants(t, "without", http.StatusForbidden, "passkey-required")
	w.wantState(started, api.ChallengeStateClaimed)
	header := k.over(jws)
	w.sendShowing(jws, header).wants(t, "with it", http.StatusOK, "")
	w.wantState(started, api.ChallengeStateApproved)
	w.sendShowing(jws, header).wants(t, "the same again, for its answer was lost", http.StatusOK, "")
	w.sendDecision(jws).wants(t, "again without", http.StatusForbidden, "passkey-required")
	if a := w.poll(started, "wait=5"); a.Status != http.StatusOK {
		t.Errorf("the login does not go on: %d %s", a.Status, a.Body)
	}

	started = w.start()
	w.sendDecision(p.signed(p.claim(started), proof.Deny)).wants(t, "a denial", http.StatusOK, "")
}

func TestAPhoneWithoutAPasskeyIsNeverAskedForOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	w.sendShowing(p.signed(p.claim(started), proof.Approve), "of no use").wants(t, "approve", http.StatusOK, "")
}

// What is refused changes nothing, and the right answer counts afterwards.
func TestAnApprovalIsRefusedWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withoutLimits)
	k, other := w.authenticator(), w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	stranger := w.rawPhone().enrolled("+8613800138001").registers(other)
	started := w.start()
	claim := p.claim(started)
	jws := p.signed(claim, proof.Approve)
	odd := func(change func(*authenticator)) string {
		o := *k
		change(&o)
		return o.over(jws)
	}
	good := k.over(jws)
	answer, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	for what, header := range map[string]string{
		"an answer to another decision":       k.over(p.signed(p.claim(w.start()), proof.Approve)),
		"one to the same, signed again":       k.over(p.signed(claim, proof.Approve)),
		"one to the denial":                   k.over(p.signed(claim, proof.Deny)),
		"one to a proof":                      k.over(p.proof(http.MethodPost, "/phone/decisions")),
		"another account's passkey":           other.over(jws),
		"a passkey that nobody has":           w.authenticator().over(jws),
		"another key under the name":          odd(func(o *authenticator) { o.Key = other.Key }),
		"a name with this key":                odd(func(o *authenticator) { o.ID = other.ID }),
		"another account's handle":            odd(func(o *authenticator) { o.Options.UserHandle = other.Options.UserHandle }),
		"a person who was not verified":       odd(func(o *authenticator) { o.Options.UserNotVerified = true }),
		"a person who was not there":          odd(func(o *authenticator) { o.Options.UserNotPresent = true }),
		"another origin":                      odd(func(o *authenticator) { o.rp.Origin = "https://evil.example" }),
		"another port":                        odd(func(o *authenticator) { o.rp.Origin = "http://localhost:1" }),
		"another relying party":               odd(func(o *authenticator) { o.rp.ID = "evil.example" }),
		"nothing in it":                       "",
		"no base64url":                        "{}",
		"padding":                             good + "=",
		"JSON that is cut off":                base64.RawURLEncoding.EncodeToString(answer[:len(answer)-9]),
		"something behind it":                 base64.RawURLEncoding.EncodeToString(append(slices.Clone(answer), answer...)),
		"JSON that is something else":         base64.RawURLEncoding.EncodeToString([]byte(`{"id":[]}`)),
		"null":                                base64.RawURLEncoding.EncodeToString([]byte("null")),
		"so much that nobody should read it":  base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("[", 7000))),
		"an answer that is blown up with air": base64.RawURLEncoding.EncodeToString(append(slices.Clone(answer), strings.Repeat(" ", 6000)...)),
	} {
		w.sendShowing(jws, header).wants(t, what, http.StatusForbidden, "passkey-wrong")
	}
	r := w.decisionRequest(jws)
	r.Header["Passkey"] = []string{good, good}
	w.do(r).wants(t, "two answers", http.StatusForbidden, "passkey-wrong")
	w.wantState(started, api.ChallengeStateClaimed)
	stranger.w.sendShowing(jws, good).wants(t, "the right one", http.StatusOK, "")
	w.wantState(started, api.ChallengeStateApproved)
}

// An answer is over one proof, and a proof is good once: there is nothing to replay.
func TestAnAnswerBesideAProofIsGoodForThatRequestAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	const path = "/phone/passkeys/AAAA"
	first := p.request(http.MethodDelete, path, nil)
	header := k.over(first.Header.Get("DPoP"))
	first.Header.Set("Passkey", header)
	w.do(first).wants(t, "its own", http.StatusNotFound, "passkey-unknown")
	again := w.request(http.MethodDelete, path, nil)
	again.Header = first.Header.Clone()
	w.do(again).wants(t, "once more", http.StatusUnauthorized, "proof-invalid")
	for _, other := range []string{path, "/phone/passkeys/" + k.name()} {
		r := p.request(http.MethodDelete, other, nil)
		r.Header.Set("Passkey", header)
		w.do(r).wants(t, other, http.StatusForbidden, "passkey-wrong")
	}
}

func TestARegistrationIsGoodOnceForTheDeviceThatAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, other := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	k := w.authenticator()
	add := func(by rawPhone, answer string) answer {
		return by.send(http.MethodPost, "/phone/passkeys", credential(answer))
	}
	add(p, k.makes(t, []byte(`{"challenge":"AAAA","user":{"id":"AAAA"}}`))).wants(t, "not asked for", http.StatusForbidden, "passkey-wrong")
	options := func(by rawPhone) []byte { return by.send(http.MethodPost, "/phone/passkeys/options", nil).Body }
	made := k.makes(t, options(p))
	add(other, made).wants(t, "by another device", http.StatusForbidden, "passkey-wrong")
	options(other)
	add(other, made).wants(t, "by another that asked, too", http.StatusForbidden, "passkey-wrong")
	old := made
	made = k.makes(t, options(p))
	add(p, old).wants(t, "to older options", http.StatusForbidden, "passkey-wrong")
	add(p, made).wants(t, "to options that were answered wrongly since", http.StatusForbidden, "passkey-wrong")
	for what, change := range map[string]func(*authenticator){
		"a person who was not verified": func(o *authenticator) { o.Options.UserNotVerified = true },
		"another origin":                func(o *authenticator) { o.rp.Origin = "https://evil.example" },
		"another relying party":         func(o *authenticator) { o.rp.ID = "evil.example" },
	} {
		odd := *k
		change(&odd)
		add(p, odd.makes(t, options(p))).wants(t, what, http.StatusForbidden, "passkey-wrong")
	}
	p.send(http.MethodPost, "/phone/passkeys", credential(`"`+strings.Repeat("x", 33<<10)+`"`)).wants(t, "too much", http.StatusRequestEntityTooLarge, "too-large")
	for _, body := range []string{`1`, `"x"`, `[]`, `{}`, `null`, `{"id":1}`} {
		options(p)
		add(p, body).wants(t, body, http.StatusForbidden, "passkey-wrong")
	}
	if p.account().Device.Passkey || other.account().Device.Passkey {
		t.Error("something of that counted")
	}
	add(p, k.makes(t, options(p))).wants(t, "and otherwise", http.StatusCreated, "")
	add(other, k.makes(t, options(other))).wants(t, "one that is somebody's", http.StatusConflict, "wrong-state")
	if other.account().Device.Passkey {
		t.Error("and it is shown by the other now")
	}
}

func TestAnAccountHasTenPasskeysAtMost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withoutLimits)
	p, last := w.rawPhone().enrolled("+8613800138000"), (*authenticator)(nil)
	waiting := w.rawPhone().enrolled("+8613800138001")
	for range 10 {
		k := w.authenticator()
		p.register(k, last).wants(t, "one more", http.StatusCreated, "")
		last = k
	}
	p.send(http.MethodPost, "/phone/passkeys/options", nil).wants(t, "the eleventh", http.StatusConflict, "passkeys-full")
	if n := len(p.passkeys()); n != 10 {
		t.Errorf("%d passkeys", n)
	}
	waiting.registers(w.authenticator()) // another account's are its own
}

func TestAPasskeyIsRemovedByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, other := w.authenticator(), w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	stranger := w.rawPhone().enrolled("+8613800138001").registers(other)
	path := "/phone/passkeys/" + k.name()
	stranger.showing(other, http.MethodDelete, path, nil).wants(t, "by a stranger", http.StatusNotFound, "passkey-unknown")
	for _, name := range []string{"x", "AAAA", "%00", "options", "current", strings.Repeat("A", 4000)} {
		if a := p.showing(k, http.MethodDelete, "/phone/passkeys/"+name, nil); a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if len(p.passkeys()) != 1 {
		t.Fatal("it is gone")
	}
	p.showing(k, http.MethodDelete, path, nil).wants(t, "by its owner", http.StatusNoContent, "")
	if a := p.account(); a.Device.Passkey || len(p.passkeys()) != 0 {
		t.Errorf("it is still asked for: %+v", a)
	}
	p.approve(w.start())
	p.wantTold("its owner", "passkey.removed, at an address", "passkey.added, at an address")
}

// A new phone without SMS. It shows the passkey from then on, as the one that made it does.
func TestANewPhoneIsEnrolledByAPasskeyAndShowsItFromThenOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	name := "My new phone"
	fresh := w.rawPhone()
	options := fresh.send(http.MethodPost, "/phone/enrollments/passkey/options", nil)
	a := fresh.send(http.MethodPost, "/phone/enrollments/passkey", map[string]any{
		"credential": json.RawMessage(k.answers(t, options.Body)), "device_name": name,
	})
	a.wants(t, "recover", http.StatusCreated, "")
	var account api.PhoneAccount
	if a.decode(t, &account); account.PhoneNumber != "+8613800138000" || account.Device.Name != name || !account.Device.Passkey || !account.Device.Current {
		t.Errorf("%s", a.Body)
	}
	started := w.start()
	jws := fresh.signed(fresh.claim(started), proof.Approve)
	w.sendDecision(jws).wants(t, "without it", http.StatusForbidden, "passkey-required")
	w.sendShowing(jws, k.over(jws)).wants(t, "with it", http.StatusOK, "")
	p.wantTold("the owner", "device.enrolled, at an address", "passkey.added, at an address")

	var devices api.DeviceList
	if p.send(http.MethodGet, "/phone/devices", nil).decode(t, &devices); len(devices.Devices) != 2 {
		t.Errorf("%+v", devices)
	}
}

func TestARecoveryIsGoodOnceForTheKeyThatAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withoutLimits)
	k := w.authenticator()
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	fresh, other := w.rawPhone(), w.rawPhone()
	options := func(by rawPhone) []byte {
		return by.send(http.MethodPost, "/phone/enrollments/passkey/options", nil).Body
	}
	enrol := func(by rawPhone, answer string) answer {
		return by.send(http.MethodPost, "/phone/enrollments/passkey", credential(answer))
	}
	refused := func(what string, a answer) { t.Helper(); a.wants(t, what, http.StatusForbidden, "passkey-wrong") }
	refused("not asked for", enrol(fresh, k.answers(t, []byte(`{"challenge":"AAAA"}`))))
	answer := k.answers(t, options(fresh))
	refused("by another key", enrol(other, answer))
	options(other)
	refused("by another that asked, too", enrol(other, answer))
	odd := func(change func(*authenticator)) func() string {
		return func() string {
			o := *k
			change(&o)
			return o.answers(t, options(fresh))
		}
	}
	for what, answer := range map[string]func() string{
		"a person who was not verified": odd(func(o *authenticator) { o.Options.UserNotVerified = true }),
		"another origin":                odd(func(o *authenticator) { o.rp.Origin = "https://evil.example" }),
		"another relying party":         odd(func(o *authenticator) { o.rp.ID = "evil.example" }),
		"no handle":                     odd(func(o *authenticator) { o.Options.UserHandle = nil }),
		"another's handle":              odd(func(o *authenticator) { o.Options.UserHandle = []byte("other") }),
		"a passkey that nobody has":     odd(func(o *authenticator) { o.ID = []byte("nobody's passkey") }),
	} {
		refused(what, enrol(fresh, answer()))
	}
	answer = k.answers(t, options(fresh))
	options(fresh)
	refused("to older options", enrol(fresh, answer))
	answer = k.answers(t, options(fresh))
	enrol(fresh, answer).wants(t, "the right one", http.StatusCreated, "")
	refused("once more", enrol(fresh, answer))
	refused("by another key now", enrol(other, answer))

	// An answer to a request of the account's own phone enrols nobody, and the other way round.
	jws := p.proof(http.MethodPost, "/phone/enrollments/passkey")
	raw, err := base64.RawURLEncoding.DecodeString(k.over(jws))
	if err != nil {
		t.Fatal(err)
	}
	options(other)
	refused("over a proof", enrol(other, string(raw)))
	if a := other.send(http.MethodGet, "/phone/account", nil); a.error() != "device-unknown" {
		t.Errorf("it is enrolled: %d %s", a.Status, a.Body)
	}
	thief := w.rawPhone().enrolled("+8613800138001")
	answer = k.answers(t, options(thief))
	enrol(thief, answer).wants(t, "a key of another account", http.StatusConflict, "wrong-state")
	if got := thief.account().PhoneNumber; got != "+8613800138001" {
		t.Errorf("it has changed hands: %s", got)
	}
}

func TestAChallengeOfARegistrationOrRecoveryIsGoodForFiveMinutes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := w.authenticator()
		p := w.rawPhone().enrolled("+8613800138000")
		made := k.makes(t, p.send(http.MethodPost, "/phone/passkeys/options", nil).Body)
		time.Sleep(5*time.Minute + time.Second)
		p.send(http.MethodPost, "/phone/passkeys", credential(made)).wants(t, "too late", http.StatusForbidden, "passkey-wrong")
		p.registers(k)
		fresh := w.rawPhone()
		answer := k.answers(t, fresh.send(http.MethodPost, "/phone/enrollments/passkey/options", nil).Body)
		time.Sleep(5*time.Minute + time.Second)
		fresh.send(http.MethodPost, "/phone/enrollments/passkey", credential(answer)).wants(t, "too late", http.StatusForbidden, "passkey-wrong")
		fresh.recovers(k).wants(t, "in time", http.StatusCreated, "")
	})
}

// WebAuthn §7.2 step 22; most passkeys are synced, and do not count.
func TestAPasskeyWhoseCounterGoesBackIsRefusedAndItsOwnerTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	k.Counter = 7
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	approve := func(counter uint32) (string, string, answer) {
		k.Counter = counter
		jws := p.signed(p.claim(w.start()), proof.Approve)
		header := k.over(jws)
		return jws, header, w.sendShowing(jws, header)
	}
	jws, header, a := approve(8)
	a.wants(t, "the next", http.StatusOK, "")
	w.sendShowing(jws, header).wants(t, "the same again, for its answer was lost", http.StatusOK, "")
	for _, counter := range []uint32{8, 7, 0} {
		_, _, a = approve(counter)
		a.wants(t, fmt.Sprint(counter, " after 8"), http.StatusForbidden, "passkey-wrong")
	}
	_, _, a = approve(9)
	a.wants(t, "the next one", http.StatusOK, "")
	w.sendShowing(jws, header).wants(t, "one of long ago", http.StatusForbidden, "passkey-wrong")
	cloned := "passkey.cloned, at an address"
	p.wantTold("the owner", cloned, cloned, cloned, cloned, "passkey.added, at an address")
}

// A synced passkey is on the second phone already, whose authenticator makes no other beside it.
func TestASyncedPasskeyIsUsedByAnotherPhoneOfTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.authenticator()
	k.Options.BackupEligible, k.Options.BackupState = true, true
	p := w.rawPhone().enrolled("+8613800138000").registers(k)
	second := w.rawPhone()
	second.recovers(k).wants(t, "recover", http.StatusCreated, "")
	options := second.send(http.MethodPost, "/phone/passkeys/options", nil)
	if !strings.Contains(string(options.Body), `"id":"`+k.name()+`"`) {
		t.Errorf("a second one could be made: %s", options.Body)
	}
	another := w.authenticator()
	second.register(another, k).wants(t, "one of its own", http.StatusCreated, "")
	var used api.Passkey
	second.showing(k, http.MethodPut, "/phone/passkeys/current", nil).decode(t, &used)
	if used.Id != k.name() || !used.Current {
		t.Errorf("%+v", used)
	}
	// Any passkey of the account shows that its owner is there.
	jws := p.signed(p.claim(w.start()), proof.Approve)
	w.sendShowing(jws, another.over(jws)).wants(t, "the other phone's", http.StatusOK, "")
	// One that is removed is asked for by nobody.
	p.showing(k, http.MethodDelete, "/phone/passkeys/"+k.name(), nil).wants(t, "remove", http.StatusNoContent, "")
	if p.account().Device.Passkey || second.account().Device.Passkey {
		t.Error("it is still asked for")
	}
	jws = p.signed(p.claim(w.start()), proof.Approve)
	w.sendShowing(jws, k.over(jws)).wants(t, "no need", http.StatusOK, "")
	w.rawPhone().recovers(k).wants(t, "recover by the removed one", http.StatusForbidden, "passkey-wrong")
}

func TestWhereThereCanBeNoPasskeysTheEndpointsSaySo(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldAt(t, listener, "http://"+listener.Addr().String())
	p := w.rawPhone().enrolled("+8613800138000")
	if p.account().PasskeysAllowed {
		t.Error("they are said to be possible")
	}
	for _, e := range []struct{ method, path string }{
		{http.MethodGet, "/phone/passkeys"}, {http.MethodPost, "/phone/passkeys"}, {http.MethodPost, "/phone/passkeys/options"},
		{http.MethodPut, "/phone/passkeys/current"}, {http.MethodDelete, "/phone/passkeys/AAAA"},
		{http.MethodPost, "/phone/enrollments/passkey"}, {http.MethodPost, "/phone/enrollments/passkey/options"},
	} {
		p.send(e.method, e.path, nil).wants(t, e.path, http.StatusNotFound, "passkeys-not-possible")
	}
	p.approve(w.start())
}

func TestTheHandleOfAPasskeySaysNothingOfTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	options := p.send(http.MethodPost, "/phone/passkeys/options", nil)
	if strings.Contains(string(options.Body), "138001") || !strings.Contains(string(options.Body), "••• 8000 · localhost") {
		t.Errorf("%s", options.Body)
	}
}

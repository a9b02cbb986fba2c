package passkey

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"qrlogin/provider/internal/identity"
)

const issuer = "https://id.example"

var (
	here    = virtualwebauthn.RelyingParty{ID: "id.example", Name: "id.example", Origin: issuer}
	account = identity.Account{ID: "account", PhoneNumber: "+8613800138000"}
)

func verifier(t testing.TB) *Verifier {
	t.Helper()
	v := New(issuer, []byte("key"))
	if v == nil {
		t.Fatal("no passkeys here")
	}
	return v
}

func TestThereArePasskeysWhereABrowserMakesThem(t *testing.T) {
	for issuer, want := range map[string]bool{
		"https://id.example": true, "https://id.example:8443": true, "https://localhost:9000": true, "http://localhost:9000": true,
		"http://id.example": false, "http://127.0.0.1:9000": false, "https://127.0.0.1": false, "https://192.168.1.2:9000": false,
		"https://[::1]:9000": false, "https://[fe80::1]": false, "": false, "://": false,
	} {
		if got := New(issuer, nil) != nil; got != want {
			t.Errorf("%q: %t", issuer, got)
		}
	}
}

// options is what both sorts have of each other's members.
type options struct {
	Challenge        string
	RPID             string `json:"rpId"`
	RP               struct{ ID, Name string }
	User             struct{ ID, Name, DisplayName string }
	UserVerification string
	Attestation      string
	Timeout          int

	AuthenticatorSelection struct {
		AuthenticatorAttachment, ResidentKey, UserVerification string
		RequireResidentKey                                     bool
	}
	ExcludeCredentials, AllowCredentials []struct{ ID, Type string }
}

func read(t *testing.T, raw json.RawMessage, err error) options {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var o options
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestTheOptionsAskForAnUnlockAndSayNothingOfThePerson(t *testing.T) {
	v := verifier(t)
	raw, challenge, err := v.Creation(account, []identity.Passkey{{ID: "AAAA"}, {ID: "BBBB"}})
	o := read(t, raw, err)
	if o.Challenge != challenge || o.RP.ID != "id.example" || o.Attestation != "none" || o.Timeout >= 60_000 {
		t.Errorf("%s", raw)
	}
	if s := o.AuthenticatorSelection; s.UserVerification != "required" || s.ResidentKey != "required" || !s.RequireResidentKey || s.AuthenticatorAttachment != "platform" {
		t.Errorf("%s", raw)
	}
	if len(o.ExcludeCredentials) != 2 || o.ExcludeCredentials[0].ID != "AAAA" {
		t.Errorf("it may be made twice: %s", raw)
	}
	if bytes.Contains(raw, []byte("1380013")) || o.User.Name != "••• 8000 · id.example" || o.User.DisplayName != o.User.Name {
		t.Errorf("it shows %q, %q", o.User.Name, o.User.DisplayName)
	}
	again, next, err := v.Creation(account, nil)
	if a := read(t, again, err); a.User.ID != o.User.ID || next == challenge {
		t.Error("an account has two handles, or two registrations one challenge")
	}
	other, _, err := v.Creation(identity.Account{ID: "other", PhoneNumber: account.PhoneNumber}, nil)
	if a := read(t, other, err); a.User.ID == o.User.ID {
		t.Error("two accounts have one handle")
	}
	elsewhere, _, err := New(issuer, []byte("another key")).Creation(account, nil)
	if a := read(t, elsewhere, err); a.User.ID == o.User.ID {
		t.Error("a handle can be made without the key")
	}

	raw, challenge, err = v.Request()
	o = read(t, raw, err)
	if o.Challenge != challenge || o.RPID != "id.example" || o.UserVerification != "required" || len(o.AllowCredentials) != 0 {
		t.Errorf("%s", raw)
	}
}

// phone is an authenticator with one passkey.
type phone struct {
	virtualwebauthn.Authenticator
	virtualwebauthn.Credential
	rp virtualwebauthn.RelyingParty
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

// registered makes a passkey of the account. change may make the authenticator an odd one.
func registered(t testing.TB, v *Verifier, change ...func(*phone)) (phone, identity.Passkey) {
	t.Helper()
	p := phone{virtualwebauthn.NewAuthenticator(), newCredential(), here}
	for _, f := range change {
		f(&p)
	}
	made, err := register(t, v, p, func(s string) string { return s })
	if err != nil {
		t.Fatal(err)
	}
	return p, made
}

func register(t testing.TB, v *Verifier, p phone, tamper func(string) string) (identity.Passkey, error) {
	t.Helper()
	raw, challenge, err := v.Creation(account, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := virtualwebauthn.ParseAttestationOptions(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	return v.Register(account.ID, challenge, []byte(tamper(virtualwebauthn.CreateAttestationResponse(p.rp, p.Authenticator, p.Credential, *o))))
}

// shows is the phone's answer to a challenge.
func (p phone) shows(t testing.TB, challenge string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(challenge)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(p.rp, p.Authenticator, p.Credential,
		virtualwebauthn.AssertionOptions{Challenge: raw, RelyingPartyID: p.rp.ID}))
}

func verify(t testing.TB, v *Verifier, response []byte, challenge string, made identity.Passkey) (identity.Passkey, error) {
	t.Helper()
	a, err := Read(response)
	if err != nil {
		return made, err
	}
	if a.Passkey != made.ID {
		return made, identity.ErrUnknownPasskey // what the caller finds out
	}
	return v.Verify(a, challenge, made)
}

func TestAPasskeyAnswersToWhatItWasAsked(t *testing.T) {
	v := verifier(t)
	for _, synced := range []bool{false, true} {
		p, made := registered(t, v, func(p *phone) { p.Options.BackupEligible, p.Options.BackupState = synced, synced })
		if made.Account != account.ID || made.Synced != synced || made.ID != base64.RawURLEncoding.EncodeToString(p.ID) {
			t.Errorf("made %+v", made)
		}
		for _, jws := range []string{"a.b.c", "another"} {
			got, err := verify(t, v, p.shows(t, Over(jws)), Over(jws), made)
			if err != nil || got.Count != 0 || got.Counted != nil {
				t.Errorf("%+v, %v", got, err)
			}
		}
	}
}

func TestAnAnswerIsRefusedFor(t *testing.T) {
	v := verifier(t)
	p, made := registered(t, v)
	asked := Over("a.b.c")
	other, _ := registered(t, v)
	handle := v.user(identity.Account{ID: "other"}, nil).handle
	for name, change := range map[string]func(*phone){
		"another origin":             func(p *phone) { p.rp.Origin = "https://evil.example" },
		"another port":               func(p *phone) { p.rp.Origin = issuer + ":8443" },
		"the origin without TLS":     func(p *phone) { p.rp.Origin = "http://id.example" },
		"an origin below":            func(p *phone) { p.rp.Origin = "https://x.id.example" },
		"another relying party":      func(p *phone) { p.rp.ID = "example" },
		"a person not verified":      func(p *phone) { p.Options.UserNotVerified = true },
		"a person not there":         func(p *phone) { p.Options.UserNotPresent = true },
		"another account's handle":   func(p *phone) { p.Options.UserHandle = handle },
		"another key under its name": func(p *phone) { p.Key = other.Key },
		"a key that became synced":   func(p *phone) { p.Options.BackupEligible = true },
		"synced, and not to be":      func(p *phone) { p.Options.BackupState = true },
	} {
		odd := p
		change(&odd)
		if _, err := verify(t, v, odd.shows(t, asked), asked, made); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := p.shows(t, asked)
	for name, challenge := range map[string]string{"another challenge": Over("a.b.d"), "none": "", "a short one": "AAAA", "no base64url": "!"} {
		if _, err := verify(t, v, good, challenge, made); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, key := range map[string][]byte{"no key": nil, "a damaged key": made.Key[:10], "no CBOR": []byte("x")} {
		damaged := made
		damaged.Key = key
		if _, err := verify(t, v, good, asked, damaged); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := verify(t, v, good, asked, made); err != nil {
		t.Errorf("and otherwise: %v", err)
	}
}

func TestWhatIsNoAnswerIsRefused(t *testing.T) {
	v := verifier(t)
	p, made := registered(t, v)
	asked := Over("a.b.c")
	good := string(p.shows(t, asked))
	for name, response := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "empty": "{}", "a number": "1", "no response": `{"id":"AAAA","rawId":"AAAA","type":"public-key"}`,
		"cut off": good[:len(good)-5], "twice": good + good, "deep": strings.Repeat(`{"a":`, 100_000) + strings.Repeat("}", 100_000),
		"another type":     strings.Replace(good, "public-key", "password", 1),
		"a registration's": virtualwebauthn.CreateAttestationResponse(p.rp, p.Authenticator, p.Credential, virtualwebauthn.AttestationOptions{Challenge: []byte(asked)}),
		"no signature":     strings.Replace(good, `"signature":"`, `"x":"`, 1),
		"no base64":        strings.Replace(good, `"signature":"`, `"signature":"!`, 1),
	} {
		if _, err := verify(t, v, []byte(response), asked, made); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// WebAuthn §7.2 step 22.
func TestACounterThatGoesBackIsACopysAndTheLastAnswerMayComeAgain(t *testing.T) {
	v := verifier(t)
	p, made := registered(t, v, func(p *phone) { p.Counter = 5 })
	if made.Count != 5 {
		t.Fatalf("made %+v", made)
	}
	asked := Over("a.b.c")
	count := func(n uint32, want error) {
		t.Helper()
		p.Counter = n
		answer := p.shows(t, asked)
		got, err := verify(t, v, answer, asked, made)
		if !errors.Is(err, want) {
			t.Fatalf("%d after %d: %v", n, made.Count, err)
		}
		if err == nil && (got.Count != n || bytes.Equal(got.Counted, made.Counted)) {
			t.Errorf("%d was not counted: %+v", n, got)
		}
		made = got
		if again, err := verify(t, v, answer, asked, made); want == nil && (err != nil || again.Count != n || !bytes.Equal(again.Counted, made.Counted)) {
			t.Errorf("%d once more: %+v, %v", n, again, err)
		}
	}
	count(5, ErrCloned)
	count(4, ErrCloned)
	count(0, ErrCloned)
	count(6, nil)
	count(6, ErrCloned) // another answer with the same count
	count(9, nil)
	count(7, ErrCloned)
}

func TestARegistrationIsRefusedFor(t *testing.T) {
	v := verifier(t)
	p := phone{virtualwebauthn.NewAuthenticator(), newCredential(), here}
	same := func(s string) string { return s }
	for name, change := range map[string]func(*phone){
		"another origin":        func(p *phone) { p.rp.Origin = "https://evil.example" },
		"another relying party": func(p *phone) { p.rp.ID = "evil.example" },
		"a person not verified": func(p *phone) { p.Options.UserNotVerified = true },
		"a person not there":    func(p *phone) { p.Options.UserNotPresent = true },
		"synced, and not to be": func(p *phone) { p.Options.BackupState = true },
	} {
		odd := p
		change(&odd)
		if _, err := register(t, v, odd, same); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tamper := range map[string]func(string) string{
		"nothing":                     func(string) string { return "" },
		"an assertion":                func(string) string { return string(p.shows(t, Over("a"))) },
		"cut off":                     func(s string) string { return s[:len(s)-9] },
		"an attestation by a chip":    attestedBy("tpm", nil),
		"one that nobody knows":       attestedBy("x", nil),
		"two that were not asked for": attestedBy("compound", func(own map[string]any) any { return []any{own, own} }),
	} {
		if _, err := register(t, v, p, tamper); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, _, err := v.Creation(account, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := virtualwebauthn.ParseAttestationOptions(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	response := virtualwebauthn.CreateAttestationResponse(p.rp, p.Authenticator, p.Credential, *o)
	if _, err := v.Register(account.ID, Over("another"), []byte(response)); !errors.Is(err, ErrWrong) {
		t.Errorf("another challenge: %v", err)
	}
	if _, err := register(t, v, p, same); err != nil {
		t.Errorf("and otherwise: %v", err)
	}
}

// attestedBy changes the attestation: to what it is said to be, or to what is made of its statement.
func attestedBy(format string, statement func(own map[string]any) any) func(string) string {
	return func(response string) string {
		var all map[string]any
		if err := json.Unmarshal([]byte(response), &all); err != nil {
			panic(err)
		}
		inner := all["response"].(map[string]any)
		raw, err := base64.RawURLEncoding.DecodeString(inner["attestationObject"].(string))
		if err != nil {
			panic(err)
		}
		var object map[string]any
		if err := webauthncbor.Unmarshal(raw, &object); err != nil {
			panic(err)
		}
		if statement != nil {
			own := map[string]any{"fmt": object["fmt"], "attStmt": object["attStmt"]}
			object["attStmt"] = statement(own)
		}
		object["fmt"] = format
		if raw, err = webauthncbor.Marshal(object); err != nil {
			panic(err)
		}
		inner["attestationObject"] = base64.RawURLEncoding.EncodeToString(raw)
		out, err := json.Marshal(all)
		if err != nil {
			panic(err)
		}
		return string(out)
	}
}

// Whatever is read is this passkey's answer to this challenge, or is refused.
func FuzzRead(f *testing.F) {
	v := verifier(f)
	p, made := registered(f, v)
	asked := Over("a.b.c")
	good := p.shows(f, asked)
	f.Add(good, uint(0), byte(0))
	f.Add(good, uint(40), byte(1))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`), uint(0), byte(0))
	f.Fuzz(func(t *testing.T, response []byte, at uint, flip byte) {
		if len(response) > 0 {
			response = slices.Clone(response)
			response[at%uint(len(response))] ^= flip
		}
		a, err := Read(response)
		if err != nil {
			return
		}
		got, err := v.Verify(a, asked, made)
		if err == nil && (a.Passkey != made.ID || got.ID != made.ID) {
			t.Fatal("another passkey's")
		}
		if _, err := v.Verify(a, Over("a.b.d"), made); err == nil {
			t.Fatal("good for something else")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v := verifier(b)
	p, made := registered(b, v)
	asked := Over("a.b.c")
	good := p.shows(b, asked)
	for b.Loop() {
		if _, err := verify(b, v, good, asked, made); err != nil {
			b.Fatal(err)
		}
	}
}

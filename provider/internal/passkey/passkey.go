package passkey

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"qrlogin/provider/internal/identity"
)

var (
	// ErrWrong is an answer that is malformed, or not to what was asked, or not by who was asked.
	ErrWrong = errors.New("passkey: this is no answer by a passkey of the account to what was asked")
	// ErrCloned is a right answer whose counter went back (WebAuthn §7.2 step 22): there may be a copy of the authenticator.
	ErrCloned = errors.New("passkey: its counter went back; there may be a copy of it")
)

// shown is how long a person has in the system's dialogue. It is less than a DPoP proof is good for.
const shown = 50 * time.Second

// Verifier makes and judges passkeys for one issuer.
type Verifier struct {
	rp        *webauthn.WebAuthn
	handleKey []byte
}

// New answers nil where there can be no passkeys: a relying party has a DNS name, and a browser does WebAuthn over https, and for
// localhost alone also without. handleKey makes user handles of account ids.
func New(issuer string, handleKey []byte) *Verifier {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil
	}
	if protocol.ValidateRPID(u.Hostname()) != nil {
		return nil
	}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: u.Hostname(), RPOrigins: []string{issuer},
		AttestationPreference: protocol.PreferNoAttestation, // which make of phone it is, is nobody's business here
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// The unlock of this phone. A discoverable one finds its account on the next.
			AuthenticatorAttachment: protocol.Platform,
			RequireResidentKey:      protocol.ResidentKeyRequired(), ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: shown},
			Registration: webauthn.TimeoutConfig{Timeout: shown},
		},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore, // some password managers say more than they were asked
	})
	if err != nil {
		return nil
	}
	return &Verifier{rp, handleKey}
}

// Creation is the options for a new passkey of an account, as PublicKeyCredential.parseCreationOptionsFromJSON takes them, and the
// challenge in them. known is the ones that it has: no authenticator makes a second beside one of them.
func (v *Verifier) Creation(a identity.Account, known []identity.Passkey) (options json.RawMessage, challenge string, err error) {
	user := v.user(a, known)
	exclude := make([]protocol.CredentialDescriptor, 0, len(known))
	for _, c := range user.WebAuthnCredentials() {
		exclude = append(exclude, c.Descriptor())
	}
	made, session, err := v.rp.BeginRegistration(user,
		webauthn.WithExclusions(exclude), webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(made.Response)
	return options, session.Challenge, err
}

// Register judges an authenticator's answer (a RegistrationResponseJSON) to the options with this challenge. [ErrWrong].
func (v *Verifier) Register(account, challenge string, response []byte) (identity.Passkey, error) {
	answer, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return identity.Passkey{}, ErrWrong
	}
	// None was asked for. What a browser then lets through is none, or one by the passkey itself; nothing here need read the others.
	switch protocol.AttestationFormat(answer.Response.AttestationObject.Format) {
	case protocol.AttestationFormatNone, protocol.AttestationFormatPacked:
	default:
		return identity.Passkey{}, ErrWrong
	}
	user := v.user(identity.Account{ID: account}, nil)
	made, err := v.rp.CreateCredential(user, webauthn.SessionData{
		Challenge: challenge, UserID: user.WebAuthnID(), UserVerification: protocol.VerificationRequired,
		CredParams: webauthn.CredentialParametersRecommendedL3(),
	}, answer)
	if err != nil {
		return identity.Passkey{}, ErrWrong
	}
	return identity.Passkey{
		ID: base64.RawURLEncoding.EncodeToString(made.ID), Account: account, Key: made.PublicKey,
		Synced: made.Flags.BackupEligible, Count: made.Authenticator.SignCount,
	}, nil
}

// Request is the options by which anybody may show a passkey of whatever account, as PublicKeyCredential.parseRequestOptionsFromJSON
// takes them, and the challenge in them.
func (v *Verifier) Request() (options json.RawMessage, challenge string, err error) {
	made, session, err := v.rp.BeginDiscoverableLogin()
	if err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(made.Response)
	return options, session.Challenge, err
}

// Over is the challenge of an assertion that stands beside this JWS (docs/adr/0015).
func Over(jws string) string {
	hash := sha256.Sum256([]byte(jws))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

// Assertion is an authenticator's answer to a request, read and not yet judged.
type Assertion struct {
	Passkey string // which one it says that it is by
	Named   bool   // it says whose it is, as one must that nobody was named for (WebAuthn §7.2 step 6)
	answer  *protocol.ParsedCredentialAssertionData
	hash    []byte
}

// Read reads an AuthenticationResponseJSON. [ErrWrong].
func Read(response []byte) (Assertion, error) {
	answer, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Assertion{}, ErrWrong
	}
	hash := sha256.Sum256(answer.Raw.AssertionResponse.Signature)
	return Assertion{base64.RawURLEncoding.EncodeToString(answer.RawID), len(answer.Response.UserHandle) > 0, answer, hash[:]}, nil
}

// Verify judges an assertion by a passkey over a challenge: the person was there and was verified, at this issuer's page, and it is
// this passkey's signature. It answers the passkey with its new count. [ErrWrong], [ErrCloned].
func (v *Verifier) Verify(a Assertion, challenge string, p identity.Passkey) (identity.Passkey, error) {
	user := v.user(identity.Account{ID: p.Account}, []identity.Passkey{p})
	if len(user.WebAuthnCredentials()) == 0 {
		return p, ErrWrong
	}
	got, err := v.rp.ValidateLogin(user, webauthn.SessionData{
		Challenge: challenge, UserID: user.WebAuthnID(), UserVerification: protocol.VerificationRequired,
	}, a.answer)
	switch {
	case err != nil:
		return p, ErrWrong
	case !got.Authenticator.CloneWarning:
	case !bytes.Equal(a.hash, p.Counted): // the last one may come again: its answer may have been lost
		return p, ErrCloned
	}
	if got.Authenticator.SignCount != p.Count {
		p.Count, p.Counted = got.Authenticator.SignCount, a.hash
	}
	return p, nil
}

// user is an account as the library wants it.
func (v *Verifier) user(a identity.Account, passkeys []identity.Passkey) user {
	h := hmac.New(sha256.New, v.handleKey)
	h.Write([]byte("qrlogin passkey user " + a.ID))
	u := user{handle: h.Sum(nil), name: masked(a.PhoneNumber) + " · " + v.rp.Config.RPID}
	for _, p := range passkeys {
		if id, err := base64.RawURLEncoding.DecodeString(p.ID); err == nil {
			u.credentials = append(u.credentials, webauthn.Credential{
				ID: id, PublicKey: p.Key, Flags: webauthn.CredentialFlags{BackupEligible: p.Synced},
				Authenticator: webauthn.Authenticator{SignCount: p.Count},
			})
		}
	}
	return u
}

// masked is what a person knows their number by, and another does not: it stays in the phone's list of passkeys.
func masked(number string) string { return "••• " + number[max(0, len(number)-4):] }

type user struct {
	handle      []byte // made of the account's id, not of the number, and told by nothing else (WebAuthn §14.6.1)
	name        string
	credentials []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return u.handle }
func (u user) WebAuthnName() string                       { return u.name }
func (u user) WebAuthnDisplayName() string                { return u.name }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

package phone

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

const maxCurrencyDigits = 4 // openapi.yaml, Consent

// ErrNotEnrolled says that the home folder holds no enrolled phone.
var ErrNotEnrolled = errors.New("no phone is enrolled here")

// Phone is one enrolled device of one account at one provider. Its methods may be called at the same time.
type Phone struct {
	issuer string
	number string
	active time.Time
	key    *ecdsa.PrivateKey
	api    *api.ClientWithResponses
}

// Claim is a challenge that this phone has claimed: the holder now sees the consent and decides. Until then nothing is
// approved.
type Claim struct {
	Challenge    string
	Consent      api.Consent
	ConsentBytes []byte        // the bytes of Consent as the provider sent them; the decision signs them unchanged
	ExpiresIn    time.Duration // from the scan; a decision is accepted as long
}

// Open loads the phone that was enrolled in a home folder. It returns ErrNotEnrolled when there is none, and refuses
// files that other users may read.
func Open(home string) (*Phone, error) {
	r, err := load(home, enrolledFile)
	if err != nil {
		return nil, err
	}
	key, err := r.key()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", home, err)
	}
	p, err := newPhone(r.Issuer, key, nil)
	if err != nil {
		return nil, err
	}
	p.number = r.Number
	return p, nil
}

func newPhone(issuer string, key *ecdsa.PrivateKey, client *http.Client) (*Phone, error) {
	c, err := api.NewClientWithResponses(issuer, api.WithHTTPClient(newTransport(issuer, key, client)))
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", issuer, err)
	}
	return &Phone{issuer: issuer, key: key, api: c}, nil
}

// Issuer returns the provider's issuer, the only one whose codes this phone scans.
func (p *Phone) Issuer() string { return p.issuer }

// Number returns the phone number that was proven at enrolment, in E.164.
func (p *Phone) Number() string { return p.number }

// ID returns the id of this device, the thumbprint of its key.
func (p *Phone) ID() string { return proof.Thumbprint(&p.key.PublicKey) }

// ActiveAt returns from when on this phone works, as its enrolment said: another phone of the account may have allowed it since. It is
// zero for a phone that was opened; Account says it of any.
func (p *Phone) ActiveAt() time.Time { return p.active }

// Scan claims the challenge that a code names: the text of a QR code of this phone's provider, or a typed user_code. Any
// other code is refused with ErrForeignCode, and nothing is sent. Scanning again gives the same claim.
//
// What stands behind the # of a code is the page's, for this phone alone, and is not sent. For a handoff it must be the thumbprint of
// the key in the consent; where it is not, the code is given back, and the error is ErrHandoffKey or ErrHandoffNeedsScan.
func (p *Phone) Scan(ctx context.Context, code string) (*Claim, error) {
	code, thumbprint, err := p.ownCode(code)
	if err != nil {
		return nil, err
	}
	return p.claim(ctx, code, thumbprint, func() (*api.ScanResponse, error) {
		return p.api.ScanWithResponse(ctx, api.ScanRequest{Code: code})
	})
}

// ScanPicture claims the challenge whose code is in a picture (PNG, JPEG or WebP, at most 4 MB), which the provider reads. A handoff
// is refused with ErrHandoffNeedsScan: a picture that the provider reads tells this phone nothing of the page's key.
func (p *Phone) ScanPicture(ctx context.Context, picture io.Reader) (*Claim, error) {
	data, err := io.ReadAll(io.LimitReader(picture, maxUpload+1))
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	if len(data) > maxUpload {
		return nil, ErrUploadTooBig
	}
	return p.claim(ctx, "", "", func() (*api.ScanResponse, error) {
		return p.api.ScanWithBodyWithResponse(ctx, http.DetectContentType(data), bytes.NewReader(data))
	})
}

// claim scans; code is "" when only the provider knows what it is, and so is the thumbprint where the code had none.
func (p *Phone) claim(ctx context.Context, code, thumbprint string, scan func() (*api.ScanResponse, error)) (*Claim, error) {
	var got *api.Claim
	_, err := persist(ctx, func() error {
		resp, err := scan()
		if err != nil {
			return err
		}
		got, err = answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	claim, err := p.readClaim(code, got)
	if err == nil {
		err = claim.isOf(thumbprint)
	}
	if err != nil {
		// Nobody can decide on what cannot be shown; let the code be scanned by a phone that can.
		_ = p.release(ctx, got.ChallengeId)
		return nil, fmt.Errorf("scan: %w", err)
	}
	return claim, nil
}

// readClaim decodes the consent and checks that it is about the challenge that was scanned.
func (p *Phone) readClaim(code string, got *api.Claim) (*Claim, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(got.Consent)
	if err != nil {
		return nil, fmt.Errorf("the provider's consent is not base64url: %w", err)
	}
	c := &Claim{
		Challenge:    got.ChallengeId,
		ConsentBytes: text,
		ExpiresIn:    time.Duration(got.ExpiresIn) * time.Second,
	}
	if err := json.Unmarshal(text, &c.Consent); err != nil {
		return nil, fmt.Errorf("the provider's consent: %w", err)
	}
	if id := p.challengeOf(code); c.Consent.Challenge != c.Challenge || id != "" && id != c.Challenge {
		return nil, errors.New("the provider's consent is about another challenge")
	}
	// Without them an amount would be shown a hundredfold, or a hundredth of it.
	if digits := c.Consent.CurrencyDigits; c.Consent.Order != nil && (digits == nil || *digits < 0 || *digits > maxCurrencyDigits) {
		return nil, errors.New("the provider's consent does not say how many digits of an amount are decimals")
	}
	return c, nil
}

// Approval is with what a holder approves.
type Approval struct {
	Session bool     // "this is my computer": the browser may be kept signed in. The provider refuses it where none is on offer
	PIN     bool     // the holder has just passed [CheckPIN]; the decision says so
	Send    *Content // for a consent that asks for a handoff, and for no other
}

// Approve signs and sends the holder's approval of what the claim's consent says. Where it counts only once the page that shows
// the code has been given digits, it returns them, otherwise "" (RFC 10027 §6.1.16). They are for the holder to type there.
//
// What is handed off is encrypted for the page and sent first. When that or the approval fails, the claim is given back, and what was
// sent goes with it.
func (p *Phone) Approve(ctx context.Context, c *Claim, with Approval) (digits string, err error) {
	if err := c.Takes(with.Send); err != nil {
		return "", err
	}
	decision := proof.Statement{Verdict: proof.Approve, Session: with.Session, PIN: with.PIN}
	if with.Send != nil {
		defer func() {
			if err != nil {
				_ = p.release(context.WithoutCancel(ctx), c.Challenge)
			}
		}()
		if decision.Handoff, err = p.send(ctx, c, with.Send); err != nil {
			return "", fmt.Errorf("send: %w", err)
		}
	}
	digits, _, err = p.decide(ctx, c, decision)
	return digits, err
}

// Deny signs and sends the holder's refusal.
func (p *Phone) Deny(ctx context.Context, c *Claim) error {
	_, tries, err := p.decide(ctx, c, proof.Statement{Verdict: proof.Deny})
	// A denied challenge is gone at once: when an answer was lost, 410 to the next try is that denial.
	if problem, ok := errors.AsType[*Problem](err); ok && tries > 1 && problem.Status == http.StatusGone {
		return nil
	}
	return err
}

// decide signs a decision on a claim and sends it.
func (p *Phone) decide(ctx context.Context, c *Claim, s proof.Statement) (digits string, tries int, err error) {
	s.Audience, s.Challenge, s.Consent = p.issuer, c.Challenge, c.ConsentBytes
	jws, err := proof.SignDecision(p.key, s, time.Now())
	if err != nil {
		return "", 0, err
	}
	v := s.Verdict
	want := map[proof.Verdict]api.DecisionResultState{proof.Approve: api.DecisionResultStateApproved, proof.Deny: api.DecisionResultStateDenied}[v]
	tries, err = persist(ctx, func() error {
		resp, err := p.api.DecideWithResponse(ctx, nil, api.DecisionRequest{Decision: jws})
		if err != nil {
			return err
		}
		got, err := answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		switch {
		case err != nil:
			return err
		case v == proof.Approve && got.State == api.DecisionResultStateConfirming && got.ConfirmationCode != nil:
			digits = *got.ConfirmationCode
		case got.State != want:
			return fmt.Errorf("the provider answered %q", got.State)
		}
		return nil
	})
	if err != nil {
		return "", tries, fmt.Errorf("%s: %w", v, err)
	}
	return digits, tries, nil
}

// Release gives the claim back without a decision, so that the code may be scanned again.
func (p *Phone) Release(ctx context.Context, c *Claim) error {
	return p.release(ctx, c.Challenge)
}

func (p *Phone) release(ctx context.Context, challenge string) error {
	_, err := persist(ctx, func() error {
		resp, err := p.api.ReleaseScanWithResponse(ctx, challenge)
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// Account returns whose phone this is, as the provider has it.
func (p *Phone) Account(ctx context.Context) (api.PhoneAccount, error) {
	var got *api.PhoneAccount
	_, err := persist(ctx, func() error {
		resp, err := p.api.GetPhoneAccountWithResponse(ctx)
		if err != nil {
			return err
		}
		got, err = answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		return err
	})
	if err != nil {
		return api.PhoneAccount{}, fmt.Errorf("account: %w", err)
	}
	return *got, nil
}

// Devices returns all devices of this phone's account, the oldest first.
func (p *Phone) Devices(ctx context.Context) ([]api.Device, error) {
	var got *api.DeviceList
	_, err := persist(ctx, func() error {
		resp, err := p.api.ListDevicesWithResponse(ctx)
		if err != nil {
			return err
		}
		got, err = answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	return got.Devices, nil
}

package phone

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"qrlogin/api"
)

// ErrCodeLater is for Enrollment.Code to return when the code is not known yet. What was begun stays in the home folder
// for a later Enroll with Resume.
var ErrCodeLater = errors.New("the code is to come later")

// Enrollment says which phone number to enrol with which provider.
type Enrollment struct {
	Home     string // folder of key and state, made if missing; "" keeps them in memory
	Provider string // URL of the provider, which must be its issuer
	Number   string // phone number, international
	Name     string // of the device, as the account's owner will see it in lists; may be ""
	// Code returns the code that was sent to the number. It is called once, when the code is on its way.
	Code func(context.Context) (string, error)
	// Resume confirms an enrolment of the same number that Home holds and that still waits for its code, instead of
	// beginning another. Without one it begins.
	Resume bool
	HTTP   *http.Client // default: one with a timeout; redirects are never followed
}

// Enroll makes a device key, proves the number by the code that is sent to it, and keeps the enrolled phone in the home
// folder, in place of an earlier one. Until the code is confirmed an earlier phone stays as it is.
func Enroll(ctx context.Context, e Enrollment) (*Phone, error) {
	issuer, err := e.discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	if e.Home != "" {
		if err := os.MkdirAll(e.Home, 0o700); err != nil {
			return nil, fmt.Errorf("enrol: %w", err)
		}
	}
	p, r, err := e.begin(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	code, err := e.Code(ctx)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	account, err := p.confirm(ctx, r.Enrollment, strings.TrimSpace(code))
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	p.number, p.active = account.PhoneNumber, account.Device.ActiveAt
	if e.Home != "" {
		r.Number, r.Enrollment, r.Expires = p.number, "", time.Time{}
		if err := save(e.Home, enrolledFile, r); err != nil {
			return nil, fmt.Errorf("enrol: keep the key: %w", err)
		}
		_ = os.Remove(filepath.Join(e.Home, pendingFile)) // it expires by itself
	}
	return p, nil
}

// begin asks for a code, or takes up an enrolment that waits for one.
func (e *Enrollment) begin(ctx context.Context, issuer string) (*Phone, *record, error) {
	if e.Resume && e.Home != "" {
		r, err := load(e.Home, pendingFile)
		if err == nil && r.Issuer == issuer && r.Number == e.Number && time.Now().Before(r.Expires) {
			key, err := r.key()
			if err != nil {
				return nil, nil, err
			}
			p, err := newPhone(issuer, key, e.HTTP)
			return p, r, err
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	p, err := newPhone(issuer, key, e.HTTP)
	if err != nil {
		return nil, nil, err
	}
	request := api.EnrollmentRequest{PhoneNumber: e.Number}
	if e.Name != "" {
		request.DeviceName = &e.Name
	}
	// Not sent again when the connection drops: each request sends a message to the number.
	resp, err := p.api.StartEnrollmentWithResponse(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	got, err := answer(resp.JSON201, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	r := &record{
		Issuer: issuer, Number: e.Number, Key: der,
		Enrollment: got.EnrollmentId, Expires: time.Now().Add(time.Duration(got.ExpiresIn) * time.Second),
	}
	if e.Home != "" {
		err = save(e.Home, pendingFile, r)
	}
	return p, r, err
}

// confirm sends the code. A code counts once, so when the answer is lost it asks whether the phone is enrolled by now.
func (p *Phone) confirm(ctx context.Context, enrollment, code string) (*api.PhoneAccount, error) {
	resp, err := p.api.ConfirmEnrollmentWithResponse(ctx, enrollment, api.EnrollmentConfirmation{Code: code})
	if err == nil {
		return answer(resp.JSON201, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	}
	if dropped(err) {
		if account, e := p.Account(ctx); e == nil {
			return &account, nil
		}
	}
	return nil, err
}

// discover learns the issuer from the provider's metadata (OpenID Connect Discovery section 4) and insists that it is
// the URL that was asked for: a provider that speaks for another is an impostor (section 4.3).
func (e *Enrollment) discover(ctx context.Context) (issuer string, err error) {
	given := strings.TrimRight(e.Provider, "/")
	if err := checkProvider(given); err != nil {
		return "", err
	}
	c, err := api.NewClientWithResponses(given, api.WithHTTPClient(newTransport(given, nil, e.HTTP)))
	if err != nil {
		return "", err
	}
	var got *api.Metadata
	_, err = persist(ctx, func() error {
		resp, err := c.GetOpenIDConfigurationWithResponse(ctx)
		if err != nil {
			return err
		}
		got, err = answer(resp.JSON200, resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("find the provider: %w", err)
	}
	if got.Issuer != given {
		return "", fmt.Errorf("the provider at %s calls itself %s; use that URL if you trust it", given, got.Issuer)
	}
	return got.Issuer, nil
}

// checkProvider wants https, and allows http where nobody can listen.
func checkProvider(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("provider %q is not a plain URL such as https://id.example", text)
	}
	if !secure(u) {
		return fmt.Errorf("provider %s: https is needed, save on the loopback", text)
	}
	return nil
}

// secure tells a URL by which nobody else can listen.
func secure(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && onLoopback(u)
}

func onLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

package faults

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

// enrol makes a phone, by the code that a node writes.
func (c *cluster) enrol(t *testing.T, number string) *phone.Phone {
	t.Helper()
	p, err := phone.Enroll(t.Context(), phone.Enrollment{Provider: c.issuer, Number: number, Code: func(context.Context) (string, error) {
		text, err := os.ReadFile(c.codes)
		if err != nil {
			return "", err
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		var message struct{ Code string }
		err = json.Unmarshal([]byte(lines[len(lines)-1]), &message)
		return message.Code, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// site is a client, and how it speaks to a node.
type site struct{ id, secret string }

// register makes one.
func (c *cluster) register(t *testing.T, metadata string) site {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.issuer+"/register", strings.NewReader(metadata))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+registrationToken)
	r.Header.Set("Content-Type", "application/json")
	var got struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if status, body := do(t, r, &got); status != http.StatusCreated {
		t.Fatalf("register: %d %s", status, body)
	}
	return site{got.ID, got.Secret}
}

// deviceSite is a site that shows codes itself.
func (c *cluster) deviceSite(t *testing.T) site {
	t.Helper()
	return c.register(t, `{"client_name":"Faults","grant_types":["urn:ietf:params:oauth:grant-type:device_code"],`+
		`"token_endpoint_auth_method":"client_secret_basic","scope":"openid"}`)
}

// post is a form that the site sends to a node.
func (s site) post(t *testing.T, n *node, path string, form url.Values, into any) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(s.id, s.secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, r, into)
}

func do(t *testing.T, r *http.Request, into any) (status int, body string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode < 300 {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// redeem asks for a login's tokens, once. With no tokens, code is the error.
func (s site) redeem(t *testing.T, n *node, deviceCode string) (tokens api.TokenResponse, code string) {
	t.Helper()
	status, body := s.post(t, n, "/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode},
	}, &tokens)
	if status == http.StatusOK {
		return tokens, ""
	}
	var refused api.OAuthError
	if err := json.Unmarshal([]byte(body), &refused); err != nil {
		t.Fatalf("%d %s", status, body)
	}
	return tokens, refused.Error
}

// approved is a login that a phone has approved, and that has not been redeemed.
func (s site) approved(t *testing.T, n *node, p *phone.Phone) (deviceCode string) {
	t.Helper()
	var begun api.DeviceAuthorization
	if status, body := s.post(t, n, "/device_authorization", url.Values{"scope": {"openid"}}, &begun); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/challenges/"+begun.ChallengeId+"?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+begun.Watch)
	r.Header.Set("User-Agent", "faults")
	var view api.ChallengeView
	if status, body := do(t, r, &view); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	claim, err := p.Scan(t.Context(), (*view.Frames)[0].Code)
	if err == nil {
		_, err = p.Approve(t.Context(), claim, phone.Approval{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return begun.DeviceCode
}

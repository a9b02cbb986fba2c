package typescript

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

const (
	number   = "+8613800138000"
	callback = "https://shop.example/callback"
	verifier = "a-code-verifier-of-forty-three-characters-or-more"
)

// apis is what the shop may get access tokens for.
var apis = []string{"https://api.shop.example/orders", "https://api.shop.example/prices"}

// provider is one that listens, its only site's secret, and a phone that is enrolled with it.
type provider struct {
	t              *testing.T
	issuer, secret string
	phone          *phone.Phone
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, issuer: "http://" + listener.Addr().String(), secret: rand.Text()}
	sms := t.TempDir() + "/sms"
	served, err := app.New(t.Context(), app.Config{
		Issuer: p.issuer, SMS: "file:" + sms, Log: slog.New(slog.DiscardHandler),
		Clients: []app.Client{{
			ID: "shop", Secret: p.secret, Origins: []string{"https://shop.example"}, RedirectURIs: []string{callback}, Resources: apis,
			DetailTypes: []string{"order"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- served.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		served.Close()
	})
	p.phone, err = phone.Enroll(t.Context(), phone.Enrollment{Provider: p.issuer, Number: number, Code: func(context.Context) (string, error) {
		message, err := os.ReadFile(sms)
		return regexp.MustCompile(`"code":"(\d+)"`).FindStringSubmatch(string(message) + `"code":"0"`)[1], err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// environment is what the programs take.
func (p *provider) environment() []string {
	return append(os.Environ(), "ISSUER="+p.issuer, "CLIENT_ID=shop", "CLIENT_SECRET="+p.secret)
}

func (p *provider) approve(code string) {
	p.t.Helper()
	claim, err := p.phone.Scan(p.t.Context(), code)
	if err == nil {
		_, err = p.phone.Approve(p.t.Context(), claim, phone.Approval{})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// code is what a browser brings back from /authorize, once the phone has approved at the hosted page.
func (p *provider) code(resources string) string {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	hosted, err := api.NewClientWithResponses(p.issuer, api.WithHTTPClient(&http.Client{
		Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}), api.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return nil
	}))
	if err != nil {
		p.t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(verifier))
	asked, err := hosted.AuthorizeWithResponse(p.t.Context(), &api.AuthorizeParams{
		ClientId: new("shop"), ResponseType: new("code"), RedirectUri: new(callback), Scope: new("openid phone"),
		CodeChallenge: new(base64.RawURLEncoding.EncodeToString(digest[:])), CodeChallengeMethod: new("S256"),
		Resource: new(strings.Fields(resources)),
	})
	if err != nil || asked.Headers303 == nil {
		p.t.Fatalf("authorize: %v %s", err, asked.Body)
	}
	transaction := path.Base(asked.Headers303.Location)
	started, err := hosted.StartHostedChallengeWithResponse(p.t.Context(), transaction)
	if err != nil || started.JSON200 == nil {
		p.t.Fatalf("challenge: %v %s", err, started.Body)
	}
	view, err := hosted.WatchChallengeWithResponse(p.t.Context(), started.JSON200.ChallengeId, nil, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+started.JSON200.Watch)
		return nil
	})
	if err != nil || view.JSON200 == nil {
		p.t.Fatalf("watch: %v %s", err, view.Body)
	}
	p.approve((*view.JSON200.Frames)[0].Code)
	back, err := hosted.GetHostedPageWithResponse(p.t.Context(), transaction)
	if err != nil || back.Headers303 == nil {
		p.t.Fatalf("back: %v %s", err, back.Body)
	}
	to, err := url.Parse(back.Headers303.Location)
	if err != nil || to.Query().Get("code") == "" {
		p.t.Fatalf("no code: %v %s", err, back.Headers303.Location)
	}
	return to.Query().Get("code")
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"time"

	"qrlogin/mobile-sim/phone"
)

const (
	playTime   = time.Minute // after which a login that plays itself has failed
	playNumber = "+8613800138000"
)

// play runs a whole login: the demo on free ports, a phone in memory, a plain HTTP client as the browser.
func play(ctx context.Context, o options, out, errOut io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, playTime)
	defer cancel()
	o.Listen, o.ProviderListen = "localhost:0", "localhost:0"
	sms := make(smsConsole, 1)
	d, err := start(ctx, o, sms, errOut)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- d.run(running) }()

	p := &player{demo: d, out: out, began: time.Now(), sms: sms}
	err = p.play(ctx)
	stop()
	err = errors.Join(err, <-stopped)
	if err == nil {
		p.say("everything is stopped and removed")
	}
	return err
}

// smsConsole takes the place of the terminal on which SMS codes appear, and reads them.
type smsConsole chan string

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

func (c smsConsole) Write(b []byte) (int, error) {
	if code := sixDigits.Find(b); code != nil {
		select {
		case c <- string(code):
		default: // one code is enough for one phone
		}
	}
	return len(b), nil
}

type player struct {
	*demo
	out     io.Writer
	began   time.Time
	sms     smsConsole
	browser *http.Client
	phone   *phone.Phone
}

func (p *player) say(format string, values ...any) {
	fmt.Fprintf(p.out, "%7.3f s  %s\n", time.Since(p.began).Seconds(), fmt.Sprintf(format, values...))
}

// play goes through the login; an error names the step that failed.
func (p *player) play(ctx context.Context) (err error) {
	p.say("the shop is at %s, the provider at %s", p.url, p.issuer)
	if err := p.enroll(ctx); err != nil {
		return err
	}
	picture, err := p.openLoginPage(ctx)
	if err != nil {
		return err
	}
	c, err := p.startChallenge(ctx)
	if err != nil {
		return err
	}
	version, err := p.watch(ctx, c, 0, "pending")
	if err != nil {
		return err
	}
	p.say("browser: watches it at the provider; it is pending, and the page shows the code")

	scanned := make(chan error, 1)
	go func() {
		var err error
		version, err = p.watch(ctx, c, version, "claimed")
		scanned <- err
	}()
	claim, err := p.scan(ctx, picture)
	if err != nil {
		return err
	}
	if err := <-scanned; err != nil {
		return err
	}
	p.say("browser: has learned that a phone scanned, and not whose")

	type finished struct {
		location string
		err      error
	}
	done := make(chan finished, 1)
	go func() {
		location, err := p.finish(ctx)
		done <- finished{location, err}
	}()
	digits, err := p.phone.Approve(ctx, claim, phone.Approval{})
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	approved := time.Now()
	p.say("phone: approves, with a signature over what was shown")
	if digits != "" {
		if approved, err = p.confirm(ctx, c, version, digits); err != nil {
			return err
		}
	}
	end := <-done
	if end.err != nil {
		return end.err
	}
	p.say("browser: the shop has redeemed the challenge, %d ms after the approval counted; on to %s", time.Since(approved).Milliseconds(), end.location)
	return p.openAccountPage(ctx, end.location)
}

func (p *player) enroll(ctx context.Context) (err error) {
	p.phone, err = phone.Enroll(ctx, phone.Enrollment{
		Provider: p.issuer, Number: playNumber, Name: "The playing phone",
		Code: func(ctx context.Context) (string, error) {
			select {
			case code := <-p.sms:
				p.say("phone: the SMS has come, its code is %s", code)
				return code, nil
			case <-ctx.Done():
				return "", errors.New("no SMS came")
			}
		},
	})
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	p.say("phone: enrolled with %s by a key of its own", p.phone.Number())
	return nil
}

var scanCommand = regexp.MustCompile(`go run \./mobile-sim scan (http://[^\s<]+\.png)`)

// openLoginPage returns the address of the live picture, as the page shows it.
func (p *player) openLoginPage(ctx context.Context) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	p.browser = &http.Client{Jar: jar}
	page, err := p.call(ctx, http.MethodGet, p.url+"/login", nil)
	if err != nil {
		return "", err
	}
	found := scanCommand.FindSubmatch(page)
	if found == nil || !bytes.Contains(page, []byte("<qr-login ")) {
		return "", errors.New("browser: the login page shows no code and no scan command")
	}
	p.say("browser: opens %s/login", p.url)
	return string(found[1]), nil
}

type started struct {
	ID    string `json:"challenge_id"`
	Watch string `json:"watch"`
}

func (p *player) startChallenge(ctx context.Context) (c started, err error) {
	body, err := p.call(ctx, http.MethodPost, p.url+"/login/challenge", nil)
	if err == nil {
		err = json.Unmarshal(body, &c)
	}
	if err != nil {
		return c, err
	}
	p.say("browser: has a challenge, %s", c.ID)
	return c, nil
}

// watch asks the provider, as the page's script does, for the state after a version, which has to be want.
func (p *player) watch(ctx context.Context, c started, after int64, want string) (version int64, err error) {
	body, err := p.call(ctx, http.MethodGet, fmt.Sprintf("%s/challenges/%s?after=%d", p.issuer, c.ID, after),
		http.Header{"Authorization": {"Bearer " + c.Watch}, "Origin": {p.url}})
	if err != nil {
		return 0, err
	}
	var view struct {
		State   string `json:"state"`
		Version int64  `json:"version"`
	}
	if err := json.Unmarshal(body, &view); err != nil || view.State != want {
		return 0, fmt.Errorf("browser: the challenge should be %s and is %q", want, view.State)
	}
	return view.Version, nil
}

// confirm types the phone's digits into the page, as its person would, and returns when the approval counted.
func (p *player) confirm(ctx context.Context, c started, after int64, digits string) (time.Time, error) {
	if _, err := p.watch(ctx, c, after, "confirming"); err != nil {
		return time.Time{}, err
	}
	p.say("browser: asks for the digits that the phone shows: %s", digits)
	_, err := p.send(ctx, http.MethodPost, p.issuer+"/challenges/"+c.ID+"/confirm", fmt.Sprintf(`{"code":%q}`, digits),
		http.Header{"Authorization": {"Bearer " + c.Watch}, "Origin": {p.url}, "Content-Type": {"application/json"}})
	return time.Now(), err
}

// scan looks at the picture as a camera would, and claims the challenge.
func (p *player) scan(ctx context.Context, picture string) (*phone.Claim, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, picture, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req) // without the browser's cookies
	if err != nil {
		return nil, fmt.Errorf("phone: look at the picture: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("phone: look at the picture: %s", resp.Status)
	}
	text, err := phone.ReadPicture(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("phone: read the picture: %w", err)
	}
	p.say("phone: reads the picture: %s", text)
	claim, err := p.phone.Scan(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	consent := claim.Consent
	from := "nobody watches"
	if consent.Browser.Address != nil && consent.Browser.UserAgent != nil {
		from = *consent.Browser.UserAgent + " at " + *consent.Browser.Address
	}
	p.say("phone: %s (%s) asks, from %s, for: %s", consent.Client.Name, strings.Join(consent.Client.Domains, ", "), from, strings.Join(consent.Scopes, ", "))
	return claim, nil
}

// finish waits for the shop to say where the logged-in page is.
func (p *player) finish(ctx context.Context) (string, error) {
	for {
		body, err := p.call(ctx, http.MethodPost, p.url+"/login/finish", nil)
		if err != nil {
			return "", err
		}
		var got struct{ Location, Status string }
		if err := json.Unmarshal(body, &got); err != nil || got.Location == "" && got.Status != "pending" {
			return "", fmt.Errorf("browser: the shop's answer to finish is %s", body)
		}
		if got.Location != "" {
			return got.Location, nil
		}
	}
}

// openAccountPage says whether the page that was served is that of the phone's account.
func (p *player) openAccountPage(ctx context.Context, location string) error {
	page, err := p.call(ctx, http.MethodGet, p.url+location, nil)
	if err != nil {
		return err
	}
	text := html.UnescapeString(string(page))
	for _, want := range []string{p.phone.Number(), p.issuer, `action="/logout"`} {
		if !strings.Contains(strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(want, " ", "")) {
			return fmt.Errorf("browser: the account page lacks %s", want)
		}
	}
	p.say("browser: is logged in; the page shows the account of %s, newly made", p.phone.Number())
	return nil
}

// call is one request of the browser that has no body.
func (p *player) call(ctx context.Context, method, url string, header http.Header) ([]byte, error) {
	return p.send(ctx, method, url, "", header)
}

// send is one request of the browser; an answer outside 2xx is an error. A redirect of a page that should be there is too:
// it leads to a page without what is looked for.
func (p *player) send(ctx context.Context, method, url, body string, header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "relyingparty-demo --play")
	resp, err := p.browser.Do(req)
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("browser: %s %s: %w", method, req.URL.Path, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("browser: %s %s: %s %s", method, req.URL.Path, resp.Status, answer)
	}
	return answer, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

type scanCmd struct {
	Code    string `arg:"" optional:"" help:"Picture of a QR code (PNG, JPEG or WebP): a file, a URL, or - for standard input. Or the code itself: its text, or the user code that the page shows."`
	Upload  string `env:"-" placeholder:"FILE" help:"In place of a code: a picture (a file, or - for standard input) for the provider to read, PNG, JPEG or WebP of at most 4 MB."`
	Approve bool   `xor:"verdict" env:"-" help:"Approve without asking."`
	Deny    bool   `xor:"verdict,computer" env:"-" help:"Decline without asking."`

	MyComputer bool `xor:"computer" env:"-" help:"If approved: this is your own computer. Where the site's login offers it, the computer stays signed in for 8 hours."`
}

func (scanCmd) Help() string {
	return `Shows who asks, from where and for what, and asks you. Enter declines. Without a terminal to ask at it declines,
unless --approve or --deny is given. Only codes of this phone's own provider are scanned; what any other code names is
never opened. Ctrl-C at the question gives the code back.

Where a site wants it, an approval is answered by four digits (with --json: result confirming, confirmation_code). It counts
once you have typed them into the page that shows the code. Whoever asks you for them is not the site.

Examples:

  mobile-sim scan screenshot.png
  mobile-sim scan http://localhost:8080/login/qr.png
  import png:- | mobile-sim scan -
  mobile-sim scan WDJB-MJHT
  mobile-sim scan --upload photograph.jpg
  mobile-sim scan --json --approve qr.png
  mobile-sim scan --my-computer qr.png

Exit status: 0 approved (also with digits to type), 3 declined, 4 refused or expired, 1 anything else.`
}

// Validate is kong's hook.
func (c *scanCmd) Validate() error {
	if (c.Code == "") == (c.Upload == "") {
		return errors.New("name one code, or one picture with --upload")
	}
	return nil
}

// scanned is what --json prints of a decision.
type scanned struct {
	Result    string      `json:"result"` // approved, confirming (once the page has the digits) or declined
	Challenge string      `json:"challenge"`
	Session   bool        `json:"session,omitempty"` // approved with one
	Digits    string      `json:"confirmation_code,omitempty"`
	Consent   api.Consent `json:"consent"`
}

func (c *scanCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	claim, err := c.claim(a, p)
	if err != nil {
		return err
	}
	approve, session, err := c.decide(a, claim)
	if err != nil {
		return a.giveBack(p, claim, err)
	}
	site := safe(claim.Consent.Client.Name)
	if !approve {
		if err := p.Deny(a, claim); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(a.view(), a.words.declined+"\n", site)
		a.printJSON(scanned{"declined", claim.Challenge, false, "", claim.Consent})
		return errDeclined
	}
	digits, err := p.Approve(a, claim, phone.Approval{Session: session})
	if err != nil {
		return err
	}
	result := "approved"
	if digits != "" {
		result = "confirming"
	}
	_, _ = fmt.Fprintln(a.view(), a.words.said(site, digits, session, c.MyComputer))
	a.printJSON(scanned{result, claim.Challenge, session, digits, claim.Consent})
	return nil
}

// said tells what an approval has brought; asked is that a session was asked for, which not every site's login has. Digits stand
// apart, to be read from a distance.
func (t *words) said(site, digits string, session, asked bool) string {
	text := fmt.Sprintf(t.approved, site)
	switch {
	case digits != "":
		text = fmt.Sprintf(t.confirming, strings.Join(strings.Split(safe(digits), ""), " "), site)
		if session {
			text += " " + t.thenStays
		}
	case session:
		text = fmt.Sprintf(t.staying, site)
	}
	if asked && !session {
		text += "\n" + t.noSession
	}
	return text
}

// claim scans, or has the provider do so.
func (c *scanCmd) claim(a *app, p *phone.Phone) (*phone.Claim, error) {
	switch c.Upload {
	case "":
		code, err := a.readCode(c.Code)
		if err != nil {
			return nil, err
		}
		return p.Scan(a, code)
	case "-":
		return p.ScanPicture(a, a.stdin)
	}
	f, err := os.Open(c.Upload)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return p.ScanPicture(a, f)
}

// decide shows the consent and finds out what its reader wants: to approve, and with a session.
func (c *scanCmd) decide(a *app, claim *phone.Claim) (approve, session bool, err error) {
	offered := claim.Consent.SessionOffered != nil && *claim.Consent.SessionOffered
	session = offered && c.MyComputer
	if c.Approve || c.Deny {
		a.words.showConsent(a.view(), &claim.Consent)
		return c.Approve && !c.Deny, session, nil
	}
	t := a.terminal(c.Code == "-" || c.Upload == "-")
	if t == nil {
		a.words.showConsent(a.view(), &claim.Consent)
		_, _ = fmt.Fprintln(a.view(), a.words.noTerminal)
		return false, false, nil
	}
	// Where the question is, there must be what it is about.
	a.words.showConsent(t.out, &claim.Consent)
	began := time.Now()
	approve, err = t.choose(a, a.words, claim.ExpiresIn)
	if approve && offered && !c.MyComputer {
		session, err = t.mine(a, a.words, claim.ExpiresIn-time.Since(began))
	}
	return approve, session, err
}

// giveBack releases a claim on which nobody decided, even when the program is being ended.
func (a *app) giveBack(p *phone.Phone, claim *phone.Claim, cause error) error {
	if errors.Is(cause, errExpired) {
		return cause // and so did the challenge
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a), 5*time.Second)
	defer cancel()
	if err := p.Release(ctx, claim); err != nil {
		return fmt.Errorf("%w, and the code was not given back: %w", cause, err)
	}
	return errReleased
}

// qrText is what the text of a QR code looks like, whoever's it is.
var qrText = regexp.MustCompile(`^https?://[^?#]*/q/[A-Z2-7]{26}(\.[^/?#]*)?$`)

// readCode finds the code that an argument names. A code's own text is taken as it is and never fetched: opening what a
// code says is what a phisher hopes for.
func (a *app) readCode(arg string) (string, error) {
	_, typed := phone.UserCode(arg)
	isURL := strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://")
	switch {
	case arg == "-":
		return phone.ReadPicture(a.stdin)
	case typed, qrText.MatchString(arg), !isURL && strings.Contains(arg, "://"):
		return arg, nil
	case isURL:
		return a.fetchPicture(arg)
	}
	f, err := os.Open(arg)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	return phone.ReadPicture(f)
}

// fetchPicture gets a picture that the user named.
func (a *app) fetchPicture(url string) (string, error) {
	ctx, cancel := context.WithTimeout(a, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "image/png, image/jpeg, image/webp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("get the picture: the server answered %s", resp.Status)
	}
	return phone.ReadPicture(resp.Body) // which reads no more than it may
}

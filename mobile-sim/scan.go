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

	PIN       string `name:"pin" placeholder:"N" help:"For programs: the PIN that an order is approved with. Asked for when not given."`
	Send      string `env:"-" placeholder:"FILE" help:"For a code that asks for something, such as bookmarks: the file to send."`
	MediaType string `env:"-" placeholder:"TYPE" help:"What is in that file. Found out when not given: by its name, or by what it begins with."`

	MyComputer bool `xor:"computer" env:"-" help:"If approved: this is your own computer. Where the site's login offers it, the computer stays signed in for 8 hours."`
}

func (scanCmd) Help() string {
	return `Shows who asks, from where and for what, and asks you. Enter declines. Without a terminal to ask at it declines,
unless --approve or --deny is given. Only codes of this phone's own provider are scanned; what any other code names is
never opened. Ctrl-C at the question gives the code back.

Where a site wants it, an approval is answered by four digits (with --json: result confirming, confirmation_code). It counts
once you have typed them into the page that shows the code. Whoever asks you for them is not the site.

An order is shown as it will be signed, and approved with the PIN of this phone (mobile-sim pin). Then pay it: mobile-sim pay.

Where a page asks for something that the phone has, --send names the file. It is encrypted for that page alone, by a key that is in
the code: the code must be a picture, or the text of one; a typed user code and --upload will not do.

Examples:

  mobile-sim scan screenshot.png
  mobile-sim scan http://localhost:8080/login/qr.png
  import png:- | mobile-sim scan -
  mobile-sim scan WDJB-MJHT
  mobile-sim scan --upload photograph.jpg
  mobile-sim scan --json --approve qr.png
  mobile-sim scan --my-computer qr.png
  MOBILE_SIM_PIN=4711 mobile-sim scan --approve order.png
  mobile-sim scan import.png --send bookmarks.html

Exit status: 0 approved (also with digits to type), 3 declined, 4 refused or expired, 1 anything else.`
}

// Validate is kong's hook.
func (c *scanCmd) Validate() error {
	if (c.Code == "") == (c.Upload == "") {
		return errors.New("name one code, or one picture with --upload")
	}
	if c.MediaType != "" && c.Send == "" {
		return errors.New("--media-type is of what is sent with --send")
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
	var file *os.File
	if c.Send != "" {
		if file, err = os.Open(c.Send); err != nil {
			return err
		}
		defer file.Close() //nolint:errcheck // only read
	}
	claim, err := c.claim(a, p)
	if err != nil {
		return err
	}
	approve, with, err := c.decide(a, claim, file)
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
	digits, err := p.Approve(a, claim, with)
	if err != nil {
		return err
	}
	result := "approved"
	if digits != "" {
		result = "confirming"
	}
	_, _ = fmt.Fprintln(a.view(), a.words.said(&claim.Consent, digits, with.Session, c.MyComputer))
	a.keepBill(claim.Consent.Order)
	a.printJSON(scanned{result, claim.Challenge, with.Session, digits, claim.Consent})
	return nil
}

// keepBill remembers what is to be paid, and says how. That it cannot makes no approval undone.
func (a *app) keepBill(o *api.Order) {
	if o == nil || o.PaymentUri == nil {
		return
	}
	if err := phone.KeepBill(a.home, o); err != nil {
		_, _ = fmt.Fprintf(a.stderr, "mobile-sim: %s\n", safe(err.Error()))
		return
	}
	_, _ = fmt.Fprintf(a.view(), a.words.toPay+"\n", payee(*o.PaymentUri))
}

// said tells what an approval has brought; asked is that a session was asked for, which not every site's login has. Digits stand
// apart, to be read from a distance.
func (t *words) said(c *api.Consent, digits string, session, asked bool) string {
	purpose, site := t.purpose(c), safe(c.Client.Name)
	text := fmt.Sprintf(purpose.approved, site)
	if digits != "" {
		text = fmt.Sprintf(t.confirming, strings.Join(strings.Split(safe(digits), ""), " "), fmt.Sprintf(purpose.then, site))
	}
	switch {
	case session:
		text += " " + t.thenStays
	case asked:
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

// decide shows the consent, with the file that would be sent, nil for none, and finds out what its reader wants: to approve, and with
// what.
func (c *scanCmd) decide(a *app, claim *phone.Claim, file *os.File) (approve bool, with phone.Approval, err error) {
	began := time.Now()
	left := func() time.Duration { return claim.ExpiresIn - time.Since(began) }
	var send *sending
	if file != nil {
		if send, err = read(file, c.MediaType, claim.SendLimit()); err != nil {
			return false, with, err
		}
		with.Send = &send.Content
	}
	offered := claim.Consent.SessionOffered != nil && *claim.Consent.SessionOffered
	with.Session = offered && c.MyComputer
	approve = c.Approve
	asked := !c.Approve && !c.Deny

	var t *terminal
	if !c.Deny {
		t = a.terminal(c.Code == "-" || c.Upload == "-")
	}
	view := a.view()
	if asked && t != nil {
		view = t.out // where the question is, there must be what it is about
	}
	a.words.showConsent(view, &claim.Consent, send)
	if !c.Deny {
		err = claim.Takes(with.Send)
	}
	switch {
	case err != nil:
		return false, with, err
	case asked && t == nil:
		_, _ = fmt.Fprintln(view, a.words.noTerminal)
	case asked:
		approve, err = t.choose(a, a.words, left())
		if approve && offered && !c.MyComputer {
			with.Session, err = t.mine(a, a.words, left())
		}
	}
	if err == nil && approve && claim.Consent.Order != nil {
		err = a.unlock(t, c.PIN, left)
		with.PIN = err == nil
	}
	return approve, with, err
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
	if a.Err() != nil {
		return errReleased
	}
	_, _ = fmt.Fprintln(a.view(), a.words.givenBack)
	return cause
}

// qrText is what the text of a QR code looks like, whoever's it is.
var qrText = regexp.MustCompile(`^https?://[^?#]*/q/[A-Z2-7]{26}(\.[^/?#]*)?(#.*)?$`)

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

package main

import (
	"context"
	"fmt"
	"time"

	"qrlogin/mobile-sim/phone"
)

type enrollCmd struct {
	Provider string `required:"" placeholder:"URL" help:"The provider: its issuer, as its sites name it."`
	Phone    string `required:"" placeholder:"NUMBER" help:"Your phone number, with + and the country's code."`
	Code     string `env:"-" placeholder:"N" help:"The code that was sent to your number. Asked for when not given."`
	Name     string `default:"mobile-sim" help:"What to call this device in lists of your devices."`
}

func (enrollCmd) Help() string {
	return `Makes a key that stays in --home, proves your number by the code that is sent to it, and replaces a phone that was
enrolled there before. The code is read from the terminal or standard input. Where there is none, the enrolment waits:
run the same command again with --code.

Beside a phone that you have already, a new one waits for a day, unless that one allows it (mobile-sim devices allow).

Examples:

  mobile-sim enroll --provider http://localhost:9000 --phone +8613800138000
  mobile-sim enroll --provider http://localhost:9000 --phone +8613800138000 --code 493021`
}

// enrolled is what --json prints of an enrolment.
type enrolled struct {
	Result string `json:"result"`
	Issuer string `json:"issuer"`
	Number string `json:"phone_number"`
	Active string `json:"active_at"` // it works from then on
}

func (c *enrollCmd) Run(a *app) error {
	p, err := phone.Enroll(a, phone.Enrollment{
		Home:     a.home,
		Provider: c.Provider,
		Number:   c.Phone,
		Name:     c.Name,
		Resume:   c.Code != "", // who knows a code was sent one
		Code: func(ctx context.Context) (string, error) {
			if c.Code != "" {
				return c.Code, nil
			}
			_, _ = fmt.Fprintf(a.stderr, a.words.codeSent, safe(c.Phone))
			code, err := readLine(ctx, a.stdin)
			_, _ = fmt.Fprintln(a.stderr)
			if err == nil && code == "" {
				err = phone.ErrCodeLater
			}
			return code, err
		},
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(a.view(), a.words.enrolled+"\n", safe(p.Number()), safe(p.Issuer()))
	if waits(p.ActiveAt()) {
		_, _ = fmt.Fprintf(a.view(), a.words.waits+"\n", moment(p.ActiveAt()))
	}
	a.printJSON(enrolled{"enrolled", p.Issuer(), p.Number(), p.ActiveAt().UTC().Format(time.RFC3339)})
	return nil
}

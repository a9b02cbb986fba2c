package main

import (
	"fmt"
	"time"

	"qrlogin/mobile-sim/phone"
)

type whoamiCmd struct{}

func (whoamiCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	account, err := p.Account(a)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(account)
		return nil
	}
	d := account.Device
	_, _ = fmt.Fprintf(a.stdout, a.words.whoami+"\n",
		safe(account.PhoneNumber), safe(account.Issuer), safe(d.Name), safe(d.Id), moment(d.CreatedAt))
	if waits(d.ActiveAt) {
		_, _ = fmt.Fprintf(a.stdout, a.words.waits+"\n", moment(d.ActiveAt))
	}
	return nil
}

type exportCmd struct{}

func (exportCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	all, err := p.Export(a)
	if err != nil {
		return err
	}
	a.json = true // it is nothing else
	a.printJSON(all)
	return nil
}

type accountCmd struct {
	Delete deleteCmd `cmd:"" help:"End all your logins, and have everything forgotten that is kept of you."`
}

type deleteCmd struct {
	Yes bool `env:"-" help:"Do not ask."`
}

func (deleteCmd) Help() string {
	return `Nothing stays: no phone, no login, no event. Every site will take you for somebody new. It asks before, at a terminal alone.`
}

// deleted is what --json prints of a deletion.
type deleted struct {
	Result string `json:"result"` // deleted or kept
}

// timeToThink is how long the question before a deletion is open.
const timeToThink = 5 * time.Minute

func (c *deleteCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	sure := c.Yes
	if t := a.terminal(false); !sure && t != nil {
		if sure, err = t.ask(a, fmt.Sprintf(a.words.deleteAll, safe(p.Number()), safe(p.Issuer())), a.words.surely, timeToThink); err != nil {
			return err
		}
	}
	if !sure {
		_, _ = fmt.Fprintln(a.view(), a.words.kept)
		a.printJSON(deleted{"kept"})
		return errDeclined
	}
	if err := p.DeleteAccount(a); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(a.view(), a.words.deleted)
	a.printJSON(deleted{"deleted"})
	return phone.Forget(a.home)
}

func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

package main

import (
	"fmt"
	"time"

	"qrlogin/api"
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
	return nil
}

type devicesCmd struct{}

// devices is what --json prints of them.
type devices struct {
	Devices []api.Device `json:"devices"`
}

func (devicesCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	list, err := p.Devices(a)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(devices{list})
		return nil
	}
	for _, d := range list {
		line := fmt.Sprintf(a.words.device, safe(d.Name), moment(d.CreatedAt), moment(d.LastSeenAt))
		if d.Current {
			line += " (" + a.words.thisDevice + ")"
		}
		_, _ = fmt.Fprintln(a.stdout, line)
	}
	return nil
}

func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

package main

import (
	"fmt"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

type eventsCmd struct{}

func (eventsCmd) Help() string {
	return `At most the newest 100 of the last 90 days, the newest first. What you did not do yourself, somebody else did: end a login that was
not you with mobile-sim logout --login=ID --not-me.`
}

// events is what --json prints of them.
type events struct {
	Events []api.Event `json:"events"`
}

func (eventsCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	list, err := p.Events(a)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(events{list})
		return nil
	}
	if len(list) == 0 {
		_, _ = fmt.Fprintln(a.stdout, a.words.noEvents)
		return nil
	}
	rows := [][]string{a.words.headings}
	for _, e := range list {
		rows = append(rows, a.words.event(e))
	}
	printTable(a.stdout, rows)
	return nil
}

// event is a line of the table, every text of the site or the provider made safe.
func (t *words) event(e api.Event) []string {
	what, known := t.events[e.Kind]
	if !known {
		what = cell(safe(string(e.Kind)))
	}
	if e.Device != nil {
		what += ": " + cell(safe(*e.Device))
	}
	if e.ActiveAt != nil && waits(*e.ActiveAt) {
		what += ", " + fmt.Sprintf(t.deviceWaits, moment(*e.ActiveAt))
	}
	site, login := "", ""
	if e.Client != nil {
		site = safe(e.Client.Name)
	}
	if e.Login != nil {
		login = safe(*e.Login)
	}
	return []string{moment(e.At), what, cell(site), cell(t.browser(e.Browser, nil)), cell(where(e.Address, e.Place)), cell(login)}
}

package main

import (
	"fmt"
	"strings"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

type loginsCmd struct{}

func (loginsCmd) Help() string {
	return `At most the newest 100, the newest first. To end one: mobile-sim logout --login=ID.`
}

// logins is what --json prints of them.
type logins struct {
	Logins []api.Login `json:"logins"`
}

func (loginsCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	list, err := p.Logins(a)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(logins{list})
		return nil
	}
	if len(list) == 0 {
		_, _ = fmt.Fprintln(a.stdout, a.words.noLogins)
		return nil
	}
	rows := [][]string{a.words.columns}
	for _, l := range list {
		rows = append(rows, a.words.login(l))
	}
	printTable(a.stdout, rows)
	return nil
}

// login is a line of the table, every text of the site or the provider made safe.
func (t *words) login(l api.Login) []string {
	domains := make([]string, 0, len(l.Client.Domains))
	for _, d := range l.Client.Domains {
		domains = append(domains, safeHost(d))
	}
	state := t.active
	switch {
	case l.EndedAt != nil:
		state = fmt.Sprintf(t.endedAt, moment(*l.EndedAt))
	case l.Session:
		state = t.inSession
	}
	return []string{
		safe(l.Client.Name), strings.Join(domains, ", "), cell(t.browser(l.Browser, l.UserAgent)), cell(where(l.Address, l.Place)),
		moment(l.At), state, safe(l.Id),
	}
}

// cell is a text in a table. Whoever logged in wrote it, and it must not push the rest away.
func cell(text string) string {
	r := []rune(text)
	switch {
	case len(r) == 0:
		return "-"
	case len(r) > 48:
		return string(r[:47]) + "…"
	default:
		return text
	}
}

type logoutCmd struct {
	Login string `required:"" xor:"which" env:"-" placeholder:"ID" help:"End this login, and with it the session that it belongs to."`
	All   bool   `required:"" xor:"which" env:"-" help:"End all logins."`
	NotMe bool   `env:"-" help:"Say that it was not you who logged in."`
}

func (logoutCmd) Help() string {
	return `Ends what the login gave out, and has the site told. mobile-sim logins has the IDs.

Examples:

  mobile-sim logout --login=4F2ZC6YH3V7Q5K5SYO2MBW4JXE
  mobile-sim logout --login=4F2ZC6YH3V7Q5K5SYO2MBW4JXE --not-me
  mobile-sim logout --all`
}

// loggedOut is what --json prints of a logout.
type loggedOut struct {
	Result string   `json:"result"` // ended or disowned
	Logins []string `json:"logins"`
}

func (c *logoutCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	names, ids := []string{c.Login}, []string{c.Login}
	if c.All {
		if names, ids, err = active(a, p); err != nil {
			return err
		}
	}
	if c.All && !c.NotMe {
		err := p.EndLogins(a) // more than a list has, too
		if err == nil {
			a.sayEnded(a.words.loggedOut, "ended", names, ids)
		}
		return err
	}
	end, said, result := p.EndLogin, a.words.loggedOut, "ended"
	if c.NotMe {
		end, said, result = p.Disown, a.words.disowned, "disowned"
	}
	for _, id := range ids {
		if err := end(a, id); err != nil {
			return err
		}
	}
	a.sayEnded(said, result, names, ids)
	return nil
}

func (a *app) sayEnded(said, result string, names, ids []string) {
	for _, name := range names {
		_, _ = fmt.Fprintf(a.view(), said+"\n", safe(name))
	}
	if len(ids) == 0 {
		_, _ = fmt.Fprintln(a.view(), a.words.noLogins)
	}
	a.printJSON(loggedOut{result, ids})
}

// active is the logins that have not ended, by their sites' names and by their ids.
func active(a *app, p *phone.Phone) (names, ids []string, err error) {
	list, err := p.Logins(a)
	ids = []string{} // never null
	for _, l := range list {
		if l.EndedAt == nil {
			names, ids = append(names, l.Client.Name), append(ids, l.Id)
		}
	}
	return names, ids, err
}

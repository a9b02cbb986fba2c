package main

import (
	"fmt"
	"io"
	"strings"

	"qrlogin/api"
)

// showConsent says who asks, from where and for what (RFC 10027 §6.1.14), every text of the site or the provider made
// safe. Only what it says is approved.
func (t *words) showConsent(w io.Writer, c *api.Consent) {
	name := safe(c.Client.Name)
	var b strings.Builder
	fmt.Fprintf(&b, "\n"+t.question+"\n\n", name)

	// The domains are on lines of their own: nothing in a name can pass for one.
	domains := []string{t.noDomain}
	if len(c.Client.Domains) > 0 {
		domains = nil
	}
	for _, d := range c.Client.Domains {
		domains = append(domains, safeHost(d))
	}
	t.field(&b, t.site, append([]string{name}, domains...))
	t.field(&b, t.from, t.origin(c))

	gets := []string{t.nothing}
	if len(c.Scopes) > 0 {
		gets = nil
	}
	for _, s := range c.Scopes {
		text, ok := t.scopes[s]
		if !ok {
			text = fmt.Sprintf(t.otherScope, safe(s))
		}
		gets = append(gets, text)
	}
	if c.Resources != nil {
		for _, r := range *c.Resources {
			gets = append(gets, fmt.Sprintf(t.resource, safe(r)))
		}
	}
	t.field(&b, t.gets, gets)
	if c.BindingMessage != nil && *c.BindingMessage != "" {
		t.field(&b, t.says, []string{safe(*c.BindingMessage)})
	}
	fmt.Fprintf(&b, "\n%s\n\n", t.warning)
	_, _ = io.WriteString(w, b.String())
}

// origin describes the browser that shows the code.
func (t *words) origin(c *api.Consent) (lines []string) {
	if ua := c.Browser.UserAgent; ua != nil && *ua != "" {
		lines = append(lines, t.browserWords(*ua))
	}
	if address := c.Browser.Address; address != nil && *address != "" {
		lines = append(lines, fmt.Sprintf(t.at, safe(*address)))
	}
	if len(lines) == 0 {
		lines = append(lines, t.noBrowser)
	}
	return lines
}

func (t *words) field(b *strings.Builder, label string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			label = "    " // as wide as every label
		}
		fmt.Fprintf(b, "  %s  %s\n", label, line)
	}
}

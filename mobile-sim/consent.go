package main

import (
	"fmt"
	"io"
	"strings"

	"qrlogin/api"
)

// showConsent says what speaks against it, then who asks, from where and for what (RFC 10027 §6.1.14), every text of the site or
// the provider made safe. Only what it says is approved. With a handoff it says what would be sent, nil for nothing.
func (t *words) showConsent(w io.Writer, c *api.Consent, s *sending) {
	purpose := t.purpose(c)
	name := safe(c.Client.Name)
	var b strings.Builder
	b.WriteString("\n")
	for _, warning := range t.warned(c) {
		fmt.Fprintf(&b, "  !!  %s\n\n", warning)
	}
	fmt.Fprintf(&b, purpose.question+"\n\n", name)

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

	if c.Order != nil {
		t.showOrder(&b, c.Order, *c.CurrencyDigits)
	}
	if c.Handoff != nil {
		t.showHandoff(&b, c, s)
	}

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
	fmt.Fprintf(&b, "\n%s\n", purpose.education)
	if c.Order != nil && c.Order.Kiosk != nil {
		b.WriteString(t.thisMachine + "\n")
	}
	if c.Confirmation != nil && *c.Confirmation {
		b.WriteString(t.willAsk + "\n")
	}
	b.WriteString("\n")
	_, _ = io.WriteString(w, b.String())
}

// purpose has the words of what a consent is for.
func (t *words) purpose(c *api.Consent) *purpose {
	switch {
	case c.Order != nil:
		return &t.buying
	case c.Handoff != nil:
		return &t.handingOff
	default:
		return &t.loggingIn
	}
}

// warned is what the person must have read before anything else.
func (t *words) warned(c *api.Consent) (lines []string) {
	if c.Warnings == nil {
		return nil
	}
	for _, warning := range *c.Warnings {
		text, ok := t.warnings[warning]
		if !ok {
			text = fmt.Sprintf(t.otherAlarm, safe(string(warning)))
		}
		if warning == api.ConsentWarningsElsewhere && c.Phone != nil {
			if code, phone := where(nil, c.Browser.Place), where(nil, c.Phone.Place); code != "" && phone != "" {
				text = fmt.Sprintf(t.elsewhere, code, phone)
			}
		}
		lines = append(lines, text)
	}
	return lines
}

// origin describes the browser that shows the code, and how near it is.
func (t *words) origin(c *api.Consent) (lines []string) {
	if browser := t.browser(c.Browser.Name, c.Browser.UserAgent); browser != "" {
		lines = append(lines, browser)
	}
	if at := where(c.Browser.Address, c.Browser.Place); at != "" {
		lines = append(lines, fmt.Sprintf(t.at, at))
	}
	if len(lines) == 0 {
		return []string{t.noBrowser}
	}
	if c.Proximity != nil {
		near, ok := t.near[*c.Proximity]
		if !ok {
			near = t.near[api.ConsentProximityUnknown]
		}
		lines = append(lines, near)
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

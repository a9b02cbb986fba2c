package webphone_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// Nothing is made up in this one: a computer, and what a person does with the phones of an account.
func TestPhonesOfOnePersonAndAComputerGoThroughTheWholeStory(t *testing.T) {
	d := newDesk(t)
	first := withCamera(t, d.w)
	film(t, d.recorded(3, 3)...)
	first.press("home.scan")
	first.on("consent")
	first.press("consent.approve")
	first.on("approved")
	d.await("location.pathname === '/account'")

	// From afar.
	first.menu("home.logins", "logins")
	first.press("logins.end")
	first.await("document.querySelector('dialog[open]')")
	first.press("logins.end")
	first.says(first.word("logins.past"))
	first.eventually("the site is told", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return !d.inside })
	d.do(chromedp.Navigate(d.site.URL + "/account"))
	d.await("location.pathname === '/login'")

	login := d.w.start("shop")
	joins := func(n int) *handset { // another phone, by the same number
		p := newHandset(t, d.w)
		p.open(d.w.issuer + "/phone")
		p.fill("code", p.askForCode(number, n))
		p.on("waiting")
		p.follow(login.frame())
		p.says(p.word("waiting.title"))
		if state := login.state(); state != "pending" {
			t.Errorf("scanned by a phone that waits: %s", state)
		}
		return p
	}
	answer := func(button string) {
		first.home()
		first.press("home.newphone.look")
		first.on("phones")
		first.press(button)
		first.await("document.querySelector('dialog[open]')")
		first.press(button)
		first.await("!document.querySelector('dialog, .asks')")
	}
	stranger := joins(1)
	answer("phones.refuse")
	stranger.press("waiting.check")
	stranger.says(stranger.word("removed.title"))

	second := joins(2)
	answer("phones.allow")
	second.press("waiting.check")
	second.says("Log in to Kiln Lane?")
	second.press("consent.approve")
	second.on("approved")
	if !login.tokens() {
		t.Error("the site gets no tokens")
	}
	for _, p := range []*handset{first, stranger, second} {
		p.close("status of 403", "status of 401", "404")
	}
}

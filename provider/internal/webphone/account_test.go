package webphone_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestPhoneThatIsTheSecondWaitsAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138020", 0)
	w.answer("GET /phone/account", http.StatusOK, account(ago(-23*time.Hour)))
	for _, name := range []string{"devices", "logins", "events"} {
		w.answer("GET /phone/"+name, http.StatusForbidden, "device-waiting")
	}
	w.answer("POST /phone/scans", http.StatusForbidden, "device-waiting")
	for _, open := range []func(){
		func() { p.open(w.issuer + "/phone") },
		func() { p.follow(w.issuer + "/phone?q=" + challengeID + ".1.AEBAGBAFAYDQQ") },
	} {
		open()
		p.says("This phone must wait")
		p.says("Pixel 8")
	}
	// Allowed by now.
	w.answer("GET /phone/account", http.StatusOK, account(ago(time.Minute)))
	p.press("waiting.check")
	p.says(p.word("ready.title"))
	p.close("status of 403")
}

func TestPhoneThatWaitsMayLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138021", 0)
	w.answer("GET /phone/account", http.StatusOK, account(ago(-23*time.Hour)))
	w.answer("DELETE /phone/devices/this", http.StatusNoContent, nil)
	p.open(w.issuer + "/phone")
	p.press("waiting.remove")
	p.press("phones.remove")
	p.on("welcome")
	if w.times("DELETE /phone/devices/this") != 1 {
		t.Error("it did not say so")
	}
	p.wantNoKey()
	p.close("status of 403")
}

func TestPhoneAllowsAndRefusesANewOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138022", 0)
	p.made()
	w.answer("GET /phone/devices", http.StatusOK, devices(true))
	w.answer("POST /phone/devices/new/allow", http.StatusNoContent, nil)
	w.answer("DELETE /phone/devices/new", http.StatusNoContent, nil)
	for button, request := range map[string]string{"phones.allow": "POST /phone/devices/new/allow", "phones.refuse": "DELETE /phone/devices/new"} {
		p.home()
		p.says("Tablet in the kitchen")
		p.press("home.newphone.look")
		p.on("phones")
		p.press(button)
		p.says(strings.ReplaceAll(p.word(button+".title"), "{name}", "Tablet in the kitchen"))
		p.press("cancel")
		p.await("!document.querySelector('dialog')")
		if n := w.times(request); n != 0 {
			t.Errorf("%s: cancelled, and asked %d times", button, n)
		}
		p.press(button)
		p.await("document.querySelector('dialog[open]')")
		p.press(button)
		p.eventually(button, func() bool { return w.times(request) == 1 })
	}
	p.close()
}

func TestPhoneEndsOneLoginAndAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138023", 0)
	p.made()
	w.answer("DELETE /phone/logins/l1", http.StatusNoContent, nil)
	w.answer("DELETE /phone/logins", http.StatusNoContent, nil)
	p.menu("home.logins", "logins")
	for button, request := range map[string]string{"logins.end": "DELETE /phone/logins/l1", "logins.all": "DELETE /phone/logins"} {
		p.press(button)
		p.await("document.querySelector('dialog[open]')")
		p.press(button)
		p.eventually(button, func() bool { return w.times(request) == 1 })
		p.await("!document.querySelector('dialog')")
	}
	p.close()
}

func TestPhoneSavesWhatIsKeptOfTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138024", 0)
	p.made()
	w.answer("GET /phone/account/export", http.StatusOK, object{"phone_number": "+8613800138024", "logins": []object{}})
	p.menu("home.account", "account")
	js[bool](p, `(() => { window.__saved = new Promise((then) => {
		addEventListener('click', async (e) => { if (e.target.download) { e.preventDefault(); then([e.target.download, e.target.href.split(':')[0]]); } }, true);
		const click = HTMLAnchorElement.prototype.click;
		HTMLAnchorElement.prototype.click = function () { then([this.download, this.href.split(':')[0]]); };
	}); return true; })()`)
	p.press("account.export")
	if saved := js[[]string](p, "__saved"); fmt.Sprint(saved) != "[localhost-account.json blob]" {
		t.Errorf("saved as %v", saved)
	}
	p.close()
}

func TestPhoneDeletesTheAccountOnlyWhenItIsMeant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138025", 0)
	p.made()
	w.answer("DELETE /phone/account", http.StatusNoContent, nil)
	p.menu("home.account", "account")
	p.press("account.delete")
	p.on("delete")
	p.fill("last", "1234")
	p.press("delete.button")
	p.says(p.word("delete.wrong"))
	p.fill("last", "8000")
	p.press("delete.button")
	p.says(p.word("delete.sure.text"))
	if w.times("DELETE /phone/account") != 0 {
		t.Error("deleted before it was meant")
	}
	p.press("delete.button")
	p.on("deleted")
	p.wantNoKey()
	p.press("done")
	p.on("welcome")
	p.close()
}

func TestPhoneThatWasRemovedSaysSoAndBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138026", 0)
	w.answer("GET /phone/account", http.StatusUnauthorized, "device-unknown")
	p.open(w.issuer + "/phone")
	p.says("This phone is no longer in your account")
	p.press("removed.button")
	p.on("welcome")
	p.wantNoKey()
	p.close("status of 401")
}

// wantNoKey looks that nothing of the key is left.
func (p *handset) wantNoKey() {
	p.t.Helper()
	if kept := js[[]string](p, kept+".then(({ database }) => Object.keys(database))"); len(kept) > 0 {
		p.t.Errorf("still kept: %v", kept)
	}
}

func TestPhoneTakesUpAnEnrolmentThatWaitsForItsCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.fill("number", "12")
	p.press("welcome.send")
	p.says(p.word("problem.phone-number-invalid"))
	p.fill("number", "+86 138 0013 8027")
	if region := js[string](p, "document.querySelector('select').value"); region != "CN" {
		t.Errorf("the prefix is of %s", region)
	}
	p.press("welcome.send")
	p.on("code")
	p.open(w.issuer + "/phone") // the page was thrown out while the person read the message
	p.on("code")
	code := w.console.code(t, 0)
	wrong := "111111"
	if code == wrong {
		wrong = "222222"
	}
	p.fill("code", wrong)
	p.says(p.word("problem.enrollment-code-wrong"))
	p.fill("code", code)
	p.on("ready")
	p.close("status of 422", "status of 401")
}

// RFC 9449 §8: the provider's nonce stands in for a clock.
func TestPhoneWithAWrongClockWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.inject("Date.now = ((now) => () => now() + 26 * 3600_000)(Date.now);")
	p.enrol("+8613800138028", 0)
	login := w.start("shop")
	p.follow(login.frame())
	p.on("consent")
	p.press("consent.approve")
	p.on("approved")
	if !login.tokens() {
		t.Error("the site gets no tokens")
	}
	p.close("status of 401")
}

func TestPhoneSpeaksTheLanguageThatThePersonChose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.look("light", "zh-CN")
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.says("把它设为你的手机")
	p.press("language.other")
	p.says("Make this your phone")
	if lang := js[string](p, "document.documentElement.lang + ' ' + document.title"); lang != "en Make this your phone · Phone" {
		t.Errorf("the document's language and title: %s", lang)
	}
	p.open(w.issuer + "/phone")
	p.says("Make this your phone")
	p.close()
}

func TestPhoneMovesTheFocusToWhatIsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138029", 0)
	p.press("home.type")
	p.on("type")
	if at := js[string](p, "document.activeElement.textContent"); at != "Type the code" {
		t.Errorf("the focus is on %q", at)
	}
	p.do(chromedp.KeyEvent("\t"))
	if at := js[string](p, "document.activeElement.name"); at != "code" {
		t.Errorf("after that on %q", at)
	}
	p.close()
}

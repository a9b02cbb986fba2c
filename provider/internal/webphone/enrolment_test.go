package webphone_test

import (
	"net/http"
	"strings"
	"testing"
)

// key names the device key that the browser keeps.
func (p *handset) key() string {
	p.t.Helper()
	return js[string](p, kept+".then(({ database }) => database.device.keys.jwk.x)")
}

// pathOfConfirm is where the code of the enrolment that waits in this browser is sent.
func (p *handset) pathOfConfirm() string {
	p.t.Helper()
	return "POST /phone/enrollments/" + js[string](p, kept+".then(({ database }) => database.pending.id)") + "/confirm"
}

// The provider knows the key by then, and the key is nowhere else.
func TestPhoneKeepsAKeyThatWasEnrolledWhileTheNetworkWasLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n, goOn := range []func(p *handset, code string){
		func(p *handset, code string) { p.fill("code", code); p.on("ready"); p.press("ready.continue") },
		func(p *handset, _ string) { p.open(w.issuer + "/phone") },
		func(p *handset, _ string) { p.press("code.other") },
	} {
		p := newHandset(t, w)
		p.open(w.issuer + "/phone")
		number := "+861380013805" + string(rune('0'+n))
		code := p.askForCode(number, n)
		confirm := p.pathOfConfirm()
		w.lose(confirm)
		w.lose("GET /phone/account")
		p.fill("code", code)
		p.says(p.word("problem.offline"))
		w.intercept(confirm, nil)
		w.intercept("GET /phone/account", nil)
		goOn(p, code)
		p.on("home")
		p.says(number)
		p.close("net::ERR_", "status of 422")
	}
}

func TestPhoneKeepsAKeyThatAPasskeyEnrolledWhileTheNetworkWasLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, u := unlocked(t, w, number)
	p := newHandset(t, w)
	p.unlocks().sync(u)
	w.lose("POST /phone/enrollments/passkey")
	w.lose("GET /phone/account")
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.press("passkey.have")
	p.says(p.word("problem.offline"))
	w.intercept("GET /phone/account", nil)
	p.open(w.issuer + "/phone")
	p.on("home")
	p.approves("shop") // with the passkey
	p.close("net::ERR_", "404")
}

func TestPhoneIsSetUpOnceHoweverManyTabsBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := newHandset(t, w)
	second, third := first.tab(), first.tab()
	for _, tab := range []*handset{first, second, third} {
		tab.open(w.issuer + "/phone")
		tab.on("welcome")
	}
	code := first.askForCode("+8613800138060", 0)
	other := second.askForCode("+8613800138061", 1)
	first.fill("code", code)
	first.says(first.word("problem.enrollment-replaced"))
	second.fill("code", other)
	second.on("ready")
	key := second.key()

	// The tabs that were not as fast come to the same phone.
	first.fill("code", code)
	first.on("ready")
	first.press("ready.continue")
	first.says("+8613800138061")
	third.fill("number", "+8613800138062")
	third.press("welcome.send")
	third.on("home")
	third.says("+8613800138061")
	if third.key() != key {
		t.Error("the key is another one")
	}
	if n := w.times("POST /phone/enrollments"); n != 2 {
		t.Errorf("%d codes were sent", n)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	confirmed := 0
	for _, name := range w.asked {
		if strings.HasSuffix(name, "/confirm") {
			confirmed++
		}
	}
	if confirmed != 1 {
		t.Errorf("%d codes were taken to the provider", confirmed)
	}
}

func TestPhoneForgetsNoKeyThatAnotherTabHasMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := newHandset(t, w)
	old.enrol("+8613800138063", 0)
	p := old.tab()
	p.menu("home.phones", "phones")
	p.press("phones.remove")
	p.await("document.querySelector('dialog[open]')")
	p.press("phones.remove")
	p.enrolHere("+8613800138064", 1)
	key := p.key()
	old.enter("home.logins")
	old.says(old.word("removed.title"))
	old.press("removed.button")
	old.on("home")
	old.says("+8613800138064")
	if old.key() != key {
		t.Error("the key is another one")
	}
	old.close("status of 401")
}

func TestPhoneThatIsNotSetUpHasNoHome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.open(w.issuer + "/phone")
	p.on("welcome")
	w.answer("POST /phone/enrollments", http.StatusInternalServerError, "internal")
	p.fill("number", number)
	p.press("welcome.send")
	p.says(p.word("problem.internal"))
	p.press("home")
	p.on("welcome")
	p.close("status of 500")
}

package webphone_test

import "testing"

func TestPhoneThatIsEnrolledLogsInByALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+86 138 0013 8000", 0)

	login := w.start("shop")
	p.open(login.link())
	p.on("consent")
	p.says("Log in to Kiln Lane?")
	p.says("kiln-lane.example")
	p.says("Firefox on Windows")
	p.says("Your whole phone number")
	if state := login.state(); state != "claimed" {
		t.Errorf("after the scan: %s", state)
	}
	p.tap("Approve")
	p.on("approved")
	if !login.tokens() {
		t.Error("the site gets no tokens")
	}
	p.close("404")
}

package phone

import (
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/internal/fakeprovider"
)

func TestAPhoneListsLoginsEndsThemAndDisownsThem(t *testing.T) {
	fake, p := start(t)
	ended := time.Now().UTC().Truncate(time.Second)
	first := fake.Login(func(l *api.Login) { l.EndedAt = &ended })
	second, third := fake.Login(nil), fake.Login(nil)
	for id, end := range map[string]func(string) error{
		first:  func(id string) error { return p.EndLogin(t.Context(), id) },
		second: func(id string) error { return p.EndLogin(t.Context(), id) },
		third:  func(id string) error { return p.Disown(t.Context(), id) },
	} {
		if err := end(id); err != nil {
			t.Error(err)
		}
	}
	list, err := p.Logins(t.Context())
	if err != nil || len(list) != 3 || list[0].Id != third || list[2].Id != first {
		t.Fatalf("logins %+v, %v", list, err)
	}
	for id, want := range map[string]string{first: "ended", second: "ended", third: "disowned"} {
		if got := fake.LoginState(id); got != want {
			t.Errorf("the login is %s, want %s", got, want)
		}
	}
	wantProblem(t, p.EndLogin(t.Context(), "nobody's"), "login-unknown")
	wantProblem(t, p.Disown(t.Context(), "nobody's"), "login-unknown")
}

func TestADroppedConnectionStillEndsALogin(t *testing.T) {
	fake, p := start(t)
	ended, disowned := fake.Login(nil), fake.Login(nil)
	fake.Drop("DELETE /phone/logins/…", 1)
	fake.Drop("POST /phone/logins/…", 1)
	fake.Drop("GET /phone/logins", 1)
	if err := p.EndLogin(t.Context(), ended); err != nil || fake.LoginState(ended) != "ended" {
		t.Errorf("%s, %v", fake.LoginState(ended), err)
	}
	if err := p.Disown(t.Context(), disowned); err != nil || fake.LoginState(disowned) != "disowned" {
		t.Errorf("%s, %v", fake.LoginState(disowned), err)
	}
	if list, err := p.Logins(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestAPhoneApprovesWithASessionWhereOneIsOffered(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Challenge(func(c *fakeprovider.Challenge) { c.Consent.SessionOffered = new(true) })
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	fake.Drop("POST /phone/decisions", 1)
	if _, err := p.Approve(t.Context(), claim, Approval{Session: true}); err != nil || !fake.Session(c.ID) {
		t.Errorf("session %t, %v", fake.Session(c.ID), err)
	}

	c, frame = fake.Challenge(nil)
	if claim, err = p.Scan(t.Context(), frame); err != nil {
		t.Fatal(err)
	}
	_, err = p.Approve(t.Context(), claim, Approval{Session: true})
	wantProblem(t, err, "not-allowed")
	if _, err := p.Approve(t.Context(), claim, Approval{}); err != nil || fake.Session(c.ID) {
		t.Errorf("session %t, %v", fake.Session(c.ID), err)
	}
}

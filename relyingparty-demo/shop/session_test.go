package shop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func aLogin() *login { return newLogin(challenge{DeviceCode: "d", ChallengeID: "c", Interval: 5}, "n") }

func TestASessionEndsAnHourAfterItsLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ss := newSessions(10)
		s := ss.visit()
		time.Sleep(50 * time.Minute)
		if ss.find(s.id) == nil {
			t.Fatal("gone after 50 minutes")
		}
		time.Sleep(50 * time.Minute)
		if ss.find(s.id) == nil {
			t.Fatal("gone 50 minutes after its last use")
		}
		time.Sleep(time.Hour)
		if ss.find(s.id) != nil || ss.findPicture(s.picture) != nil {
			t.Fatal("still there an hour after its last use")
		}
	})
}

func TestASessionEndsAfterTwelveHoursHoweverOftenUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ss := newSessions(10)
		s := ss.logIn(ss.visit(), 1, 1, proof{})
		for range 23 {
			time.Sleep(30 * time.Minute)
			if ss.find(s.id) == nil {
				t.Fatal("gone too early")
			}
		}
		s = ss.begin(s, aLogin()) // a new id is not a new beginning
		time.Sleep(30 * time.Minute)
		if ss.find(s.id) != nil {
			t.Fatal("still there after twelve hours")
		}
	})
}

func TestTheNumberOfSessionsIsBoundedAndMembersGoLast(t *testing.T) {
	ss := newSessions(100)
	member := ss.logIn(ss.begin(nil, aLogin()), 1, 1, proof{})
	first := ss.visit()
	for range 1000 {
		ss.visit()
	}
	if n := len(ss.byID); n != 100 {
		t.Fatalf("%d sessions, want 100", n)
	}
	if n := len(ss.byPicture); n != 100 {
		t.Fatalf("%d pictures, want 100", n)
	}
	if ss.find(first.id) != nil {
		t.Fatal("the longest unused visitor is still there")
	}
	if ss.find(member.id) == nil {
		t.Fatal("a crowd of visitors logged a member out")
	}
	for i := range int64(1000) {
		ss.logIn(ss.visit(), i+2, 1, proof{})
	}
	if n := len(ss.byID); n != 100 {
		t.Fatalf("%d sessions, want 100", n)
	}
}

func TestEndedSessionsAreSweptWhenOthersBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ss := newSessions(100)
		for range 50 {
			ss.visit()
		}
		time.Sleep(2 * time.Hour)
		ss.visit()
		if n := len(ss.byID); n != 1 {
			t.Fatalf("%d sessions, want 1", n)
		}
	})
}

func TestBeginningALoginForgetsTheOldIDAndItsLogin(t *testing.T) {
	ss := newSessions(10)
	first := ss.begin(ss.visit(), aLogin())
	second := ss.begin(first, aLogin())
	if ss.find(first.id) != nil || second.id == first.id {
		t.Fatal("the old id still works")
	}
	if first.login.replaced.Err() != context.Canceled || second.login.replaced.Err() != nil {
		t.Fatal("the old login is not abandoned, or the new one is")
	}
	if ss.findPicture(first.picture) != second {
		t.Fatal("the address of the picture has changed")
	}
}

func TestTheIDThatLoggedInKeepsOnlyTheFinishedLoginAndOnlyForTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ss := newSessions(10)
		before := ss.begin(nil, aLogin())
		member := ss.logIn(before, 7, 1, proof{})
		if member.id == before.id {
			t.Fatal("the id is the same after the login")
		}
		for range 9 {
			time.Sleep(time.Second)
			tail := ss.find(before.id)
			if tail == nil || tail.account != 0 || tail.login != before.login {
				t.Fatalf("the old id holds %+v", tail)
			}
		}
		time.Sleep(time.Second)
		if ss.find(before.id) != nil {
			t.Fatal("the old id still works after ten seconds")
		}
		if ss.find(member.id) == nil || ss.findPicture(before.picture) != nil {
			t.Fatal("the new id does not work, or the picture is still there")
		}
	})
}

func TestTheCookieIsHostBoundAndSecureOverHTTPS(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"http://localhost:8080", "shop_session=v; Path=/; HttpOnly; SameSite=Lax"},
		{"https://shop.example", "__Host-shop_session=v; Path=/; HttpOnly; Secure; SameSite=Lax"},
	} {
		s, err := New(Config{URL: test.url, Issuer: "https://id.example", ClientID: "c"})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.setSession(w, "v")
		if got := w.Header().Get("Set-Cookie"); got != test.want {
			t.Errorf("%s: %s, want %s", test.url, got, test.want)
		}
		w = httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, test.url+"/?lang=zh", nil))
		if got := w.Header().Get("Set-Cookie"); strings.Contains(got, "Secure") != strings.HasPrefix(test.url, "https") {
			t.Errorf("%s: the language cookie is %s", test.url, got)
		}
		if got := w.Header().Get("Strict-Transport-Security"); (got != "") != strings.HasPrefix(test.url, "https") {
			t.Errorf("%s: Strict-Transport-Security %q", test.url, got)
		}
		s.Close()
	}
}

func TestTheShopRefusesAddressesThatAreNotSafe(t *testing.T) {
	good := Config{URL: "http://127.0.0.1:8080", Issuer: "http://[::1]:9000", ClientID: "c"}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, address := range []string{
		"", "localhost:8080", "http://shop.example", "http://192.168.1.2", "ftp://localhost", "https://shop.example/", "https://a@b.example",
		"https://b.example?x", "https://b.example#x", "https://b.example;script-src", "https://*.example", "https://",
	} {
		for _, c := range []Config{{URL: address, Issuer: good.Issuer, ClientID: "c"}, {URL: good.URL, Issuer: address, ClientID: "c"}} {
			if s, err := New(c); err == nil {
				t.Errorf("%q is taken", address)
				s.Close()
			}
		}
	}
	if _, err := New(Config{URL: good.URL, Issuer: good.Issuer}); err == nil {
		t.Error("no client id is taken")
	}
}

package shop

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTheFirstLoginMakesAnAccountAndTheNextFindsIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.isNobody()
	first := b.logIn(w)
	for _, want := range []string{"Welcome, your account is new.", "+86 ••• •••• 8000", "+86 138 0013 8000", w.provider.URL, "pairwise-1", "hwk, user", "urn:qrlogin:acr:qr"} {
		if !strings.Contains(first, want) {
			t.Errorf("the account page lacks %q", want)
		}
	}
	if second := w.browser(t).logIn(w); !strings.Contains(second, "Welcome back, visit 2.") {
		t.Error("the second visit is not welcomed back")
	}
	if again := b.get("/account").body; !strings.Contains(again, "Welcome, your account is new.") {
		t.Error("the first session forgot which visit it is")
	}
}

func TestAccountsAreKeyedByIssuerAndSubjectNotByNumber(t *testing.T) {
	subject, number, verified := "a", "+8613800138000", true
	w := newWorld(t, func(f *fakeProvider) {
		f.claims = func(c map[string]any) {
			c["sub"], c["phone_number"], c["phone_number_verified"] = subject, number, verified
		}
	})
	w.browser(t).logIn(w)
	subject = "b"
	if page := w.browser(t).logIn(w); !strings.Contains(page, "your account is new") {
		t.Error("another subject with the same number got the account")
	}
	subject, number = "a", "+8613800138001"
	if page := w.browser(t).logIn(w); !strings.Contains(page, "visit 2") || !strings.Contains(page, "8001") {
		t.Error("the same subject with another number is not the same account")
	}
	verified = false
	if page := w.browser(t).logIn(w); strings.Contains(page, "800") || !strings.Contains(page, "not told") {
		t.Error("a number that nobody verified is shown")
	}
}

// SECURITY.md §1, flaw 1; RFC 10027 B5 and B7: the token delivered to another browser.
func TestAnotherBrowserNeverGetsTheLogin(t *testing.T) {
	w := newWorld(t)
	a, b, stranger := w.browser(t), w.browser(t), w.browser(t)
	b.challenge()
	id := a.challenge()
	w.provider.decide(id, "approve")

	// B names A's challenge, which is public; a stranger has no session at all.
	for _, other := range []*browser{b, stranger} {
		req, _ := http.NewRequest(http.MethodPost, w.url+"/login/finish", strings.NewReader(`{"challenge_id":"`+id+`"}`))
		req.Header.Set("Content-Type", "application/json")
		if r := other.send(req); r.StatusCode != http.StatusGone || r.Header.Get("Set-Cookie") != "" {
			t.Fatalf("another browser got %d %s %q", r.StatusCode, r.body, r.Header.Get("Set-Cookie"))
		}
		other.isNobody()
	}
	// B's own finish waits for B's own challenge.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/login/finish", nil)
	if resp, err := b.client.Do(req); err == nil {
		t.Fatalf("B's finish answered %d", resp.StatusCode)
	}
	a.finish(http.StatusOK, "/account")
	b.isNobody()
	stranger.isNobody()
}

func TestAPlantedSessionIDGetsNothing(t *testing.T) {
	w := newWorld(t)
	attacker, victim := w.browser(t), w.browser(t)
	attacker.get("/login")
	attacker.challenge()
	planted := attacker.cookie()
	victim.plant(planted)

	id := victim.challenge()
	if victim.cookie() == planted {
		t.Fatal("the victim's login runs under the planted id")
	}
	w.provider.decide(id, "approve")
	attacker.finish(http.StatusGone, "expired")
	victim.finish(http.StatusOK, "/account")
	attacker.finish(http.StatusGone, "expired")
	attacker.isNobody()
}

func TestTheSessionIDIsANewOneAfterTheLoginAndTheOldOneIsNobody(t *testing.T) {
	w := newWorld(t)
	b, old := w.browser(t), w.browser(t)
	w.provider.decide(b.challenge(), "approve")
	before := b.cookie()
	b.finish(http.StatusOK, "/account")
	if b.cookie() == before || len(b.cookie()) < 43 {
		t.Fatalf("the session id after the login is %q", b.cookie())
	}
	old.plant(before)
	old.isNobody()
	made := w.browser(t)
	made.plant("an-id-of-my-own")
	made.get("/login")
	if made.cookie() == "an-id-of-my-own" {
		t.Fatal("an id from outside was taken over")
	}
}

func TestABrowserThatLostTheAnswerAsksAgain(t *testing.T) {
	w := newWorld(t)
	b, again := w.browser(t), w.browser(t)
	w.provider.decide(b.challenge(), "approve")
	before := b.cookie()
	b.finish(http.StatusOK, "/account")
	again.plant(before)
	again.finish(http.StatusOK, "/account")
	if again.cookie() != b.cookie() {
		t.Fatal("the second answer is another session")
	}
	if page := again.get("/account").body; !strings.Contains(page, "your account is new") {
		t.Fatal("the login was counted twice")
	}
}

func TestConcurrentFinishCallsOfOneSessionLogInOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	id := b.challenge()
	session := b.cookie()
	ids := make(chan string, 32)
	var wg sync.WaitGroup
	for range cap(ids) {
		wg.Go(func() {
			req, _ := http.NewRequest(http.MethodPost, w.url+"/login/finish", nil)
			req.AddCookie(&http.Cookie{Name: "shop_session", Value: session})
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
				t.Errorf("a finish call answered %d", resp.StatusCode)
				return
			}
			ids <- resp.Cookies()[0].Value
		})
	}
	for polls := 0; polls == 0; polls, _ = w.provider.counted() {
		time.Sleep(time.Millisecond)
	}
	w.provider.decide(id, "approve")
	wg.Wait()
	close(ids)
	b.plant(<-ids)
	for other := range ids {
		if other != b.cookie() {
			t.Fatal("two sessions came of one login")
		}
	}
	if page := b.get("/account").body; !strings.Contains(page, "your account is new") {
		t.Error("the login was counted more than once")
	}
	if polls, redeemed := w.provider.counted(); polls != 1 || redeemed != 1 {
		t.Errorf("the provider was asked %d times and redeemed %d", polls, redeemed)
	}
}

func TestANewChallengeTakesThePlaceOfTheEarlierOne(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	first := b.challenge()
	waiting := make(chan reply)
	req, _ := http.NewRequest(http.MethodPost, w.url+"/login/finish", nil)
	go func() { waiting <- b.send(req) }()
	for polls := 0; polls == 0; polls, _ = w.provider.counted() {
		time.Sleep(time.Millisecond)
	}
	second := b.challenge()
	// The shop gives the wait up and has the provider end the challenge: what of it is heard of first is chance.
	if r := <-waiting; r.StatusCode != http.StatusAccepted && r.StatusCode != http.StatusGone {
		t.Fatalf("the wait for the first challenge ended with %d %s", r.StatusCode, r.body)
	}
	w.provider.decide(first, "approve")
	named, _ := http.NewRequest(http.MethodPost, w.url+"/login/finish", strings.NewReader(`{"challenge_id":"`+first+`"}`))
	if r := b.send(named); r.StatusCode != http.StatusGone {
		t.Fatalf("the replaced challenge answered %d %s", r.StatusCode, r.body)
	}
	b.isNobody()
	w.provider.decide(second, "approve")
	b.finish(http.StatusOK, "/account")
}

func TestADeclinedAndAnExpiredLoginSaySo(t *testing.T) {
	for verdict, want := range map[string]string{
		"access_denied": `{"status":"denied"}`, "expired_token": `{"status":"expired"}`, "invalid_grant": `{"status":"expired"}`,
	} {
		w := newWorld(t)
		b := w.browser(t)
		w.provider.decide(b.challenge(), verdict)
		b.finish(http.StatusGone, want)
		b.finish(http.StatusGone, want)
		b.isNobody()
		if polls, _ := w.provider.counted(); polls != 1 {
			t.Errorf("%s: the provider was asked %d times", verdict, polls)
		}
		b.logIn(w) // and the next challenge works
	}
}

func TestAFinishCallEndsWithItsClientAndTheNextOneGetsTheLogin(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	id := b.challenge()
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/login/finish", nil)
	gone := make(chan error)
	go func() {
		_, err := b.client.Do(req)
		gone <- err
	}()
	for polls := 0; polls == 0; polls, _ = w.provider.counted() {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if <-gone == nil {
		t.Fatal("the call was answered")
	}
	// The turn is free again: otherwise this would wait for the whole hold of the first.
	w.provider.decide(id, "approve")
	b.finish(http.StatusOK, "/account")
	if polls, _ := w.provider.counted(); polls != 2 {
		t.Errorf("the provider was asked %d times, want 2", polls)
	}
}

func TestSigningOutEndsTheSessionOnTheServer(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	kept := b.cookie()
	if r := b.post("/logout"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/" {
		t.Fatalf("POST /logout: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	b.isNobody()
	b.plant(kept)
	b.isNobody()
	if r := b.get("/logout"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /logout: %d", r.StatusCode)
	}
}

func TestFinishRefusesABodyThatIsNotWhatItExpects(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.challenge()
	for body, want := range map[string]int{
		`{"challenge_id":`: 400, `[]`: 400, `{"challenge_id":7}`: 400, "\xff\xfe": 400, `{"challenge_id":"x"}`: 410,
		`"` + strings.Repeat("x", 5000) + `"`: 413,
	} {
		req, _ := http.NewRequest(http.MethodPost, w.url+"/login/finish", strings.NewReader(body))
		if r := b.send(req); r.StatusCode != want {
			t.Errorf("%.20q: %d %s, want %d", body, r.StatusCode, r.body, want)
		}
	}
}

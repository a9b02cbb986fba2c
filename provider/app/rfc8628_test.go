package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
)

// What RFC 8628 implementers get wrong (SECURITY.md §4), each checked. Typed codes: user_code_test.go.

func TestADeviceCodeIsGoodForTheClientThatGotItAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(app.Client{ID: "tv2"}))
	p := w.rawPhone().enrolled("+8613800138000")
	type client struct{ id, secret string }
	shop, other, tv, tv2 := client{"shop", shopSecret}, client{"other", otherSecret}, client{"tv", ""}, client{"tv2", ""}
	for _, owner := range []client{shop, tv} {
		started := w.startAs(owner.id, owner.secret)
		refused := func(when string) {
			for _, thief := range []client{shop, other, tv, tv2} {
				for _, wait := range []string{"", "wait=25"} {
					if thief != owner {
						a := w.pollAs(thief.id, thief.secret, started, wait)
						a.wants(t, when+": "+thief.id+" with the code of "+owner.id+" "+wait, http.StatusBadRequest, "invalid_grant")
					}
				}
			}
		}
		refused("pending")
		p.approve(started)
		refused("approved")
		if a := w.pollAs(owner.id, owner.secret, started, ""); a.Status != http.StatusOK {
			t.Fatalf("%s itself: %d %s", owner.id, a.Status, a.Body)
		}
		refused("redeemed")
		w.receipt(started)
		refused("gone")
	}
}

func TestAPollWithAWrongSecretHalfIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	p.approve(started)
	for _, guess := range []string{
		started.ChallengeId + "." + strings.Repeat("A", 43),
		started.DeviceCode[:len(started.DeviceCode)-1],
		started.DeviceCode + "A",
		strings.ToLower(started.DeviceCode),
		started.DeviceCode + "\n",
		" " + started.DeviceCode,
	} {
		w.ask("shop", shopSecret, url.Values{"device_code": {guess}}).wants(t, guess, http.StatusBadRequest, "invalid_grant")
	}
}

func TestTheFirstPollIsNotRefusedAndTheThirdIsTooFast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start()
	for i, want := range []string{"authorization_pending", "authorization_pending", "slow_down", "slow_down", "slow_down"} {
		w.poll(started, "").wants(t, "poll "+string(rune('1'+i)), http.StatusBadRequest, want)
	}
	w.poll(w.start(), "").wants(t, "another challenge", http.StatusBadRequest, "authorization_pending")
}

func TestAClientThatHeedsTheIntervalIsNeverTooFast(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		for range 50 {
			for range 2 { // as x/oauth2 does, to find out how to authenticate
				w.poll(started, "").wants(t, time.Now().String(), http.StatusBadRequest, "authorization_pending")
			}
			time.Sleep(time.Duration(started.Interval) * time.Second)
		}
	})
}

func TestSlowDownIsNotForgottenAtTheInterval(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		for range 3 {
			w.poll(started, "")
		}
		time.Sleep(5 * time.Second)
		w.poll(started, "").wants(t, "after the old interval", http.StatusBadRequest, "slow_down")
	})
}

func TestAClientThatSlowsDownAsItIsToldRecovers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		interval := time.Second // too fast at first
		var slowed int
		for began := time.Now(); time.Since(began) < 4*time.Minute; time.Sleep(interval) {
			switch a := w.poll(started, ""); a.error() {
			case "slow_down":
				slowed++
				interval += 5 * time.Second // RFC 8628 §3.5
			case "authorization_pending":
			default:
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		if slowed == 0 || slowed > 3 {
			t.Errorf("%d times slow_down", slowed)
		}
		w.poll(started, "").wants(t, "at its new pace", http.StatusBadRequest, "authorization_pending")
	})
}

func TestSlowDownNeverStandsInForAResult(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		act    func(*world, rawPhone, api.DeviceAuthorization)
		status int
		code   string
	}{
		"approved":  {func(_ *world, p rawPhone, s api.DeviceAuthorization) { p.approve(s) }, http.StatusOK, ""},
		"denied":    {func(_ *world, p rawPhone, s api.DeviceAuthorization) { p.decide(p.claim(s), proof.Deny) }, http.StatusBadRequest, "access_denied"},
		"cancelled": {func(w *world, _ rawPhone, s api.DeviceAuthorization) { w.cancel(s) }, http.StatusBadRequest, "access_denied"},
		"expired":   {func(_ *world, _ rawPhone, _ api.DeviceAuthorization) { time.Sleep(5 * time.Minute) }, http.StatusBadRequest, "expired_token"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.rawPhone().enrolled("+8613800138000")
				started := w.start()
				for range 20 {
					w.poll(started, "")
				}
				w.poll(started, "").wants(t, "before", http.StatusBadRequest, "slow_down")
				end.act(w, p, started)
				w.poll(started, "").wants(t, "after", end.status, end.code)
			})
		})
	}
}

func TestAHeldPollIsNeverTooFast(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		for range 10 {
			began := time.Now()
			a := w.poll(started, "wait=25")
			a.wants(t, "held", http.StatusBadRequest, "authorization_pending")
			if waited := time.Since(began); waited != 25*time.Second || a.Header.Get("Preference-Applied") != "wait=25" {
				t.Fatalf("held for %s: %v", waited, a.Header)
			}
		}
	})
}

func TestShortHoldsArePolls(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		for _, want := range []string{"authorization_pending", "authorization_pending", "slow_down"} {
			w.poll(started, "wait=1").wants(t, "wait=1", http.StatusBadRequest, want)
		}
	})
}

func TestAnApprovalThatNobodyFetchedExpires(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		p.approve(started)
		time.Sleep(5*time.Minute - time.Millisecond)
		w.wantState(started, api.ChallengeStateApproved)
		time.Sleep(time.Millisecond)
		for _, wait := range []string{"", "wait=25"} {
			w.poll(started, wait).wants(t, "after 5 minutes "+wait, http.StatusBadRequest, "expired_token")
		}
		w.wantOutcome(started, api.OutcomeExpired)
	})
}

func TestWhoeverWaitsLearnsOfTheExpiryWhenItComes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		time.Sleep(4*time.Minute + 50*time.Second)
		began := time.Now()
		w.poll(started, "wait=25").wants(t, "the site", http.StatusBadRequest, "expired_token")
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("it learned after %s", waited)
		}
	})
}

func TestTheTokensAreHandedOutToOneRedemption(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		p.approve(started)
		first := w.poll(started, "")
		if first.Status != http.StatusOK {
			t.Fatalf("%d %s", first.Status, first.Body)
		}
		time.Sleep(10*time.Second - time.Millisecond)
		if again := w.poll(started, ""); again.Status != http.StatusOK || string(again.Body) != string(first.Body) {
			t.Errorf("within the window: %d %s", again.Status, again.Body)
		}
		time.Sleep(time.Millisecond)
		for range 3 {
			w.poll(started, "").wants(t, "after the window", http.StatusBadRequest, "invalid_grant")
			time.Sleep(3 * time.Minute)
		}
		if n := loginRows(t, folder); n != 1 {
			t.Errorf("%d login rows", n)
		}
	}, kept)
}

func TestWithoutRedeliveryTheTokensAreHandedOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRedelivery(0))
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	p.approve(started)
	if a := w.poll(started, ""); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	w.poll(started, "").wants(t, "the second time", http.StatusBadRequest, "invalid_grant")
}

func TestEachLoginIsAskedForAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	p.approve(started)
	w.poll(started, "")

	second := w.start()
	p.claim(second)
	w.poll(second, "").wants(t, "the same person at the same site", http.StatusBadRequest, "authorization_pending")
	w.wantState(second, api.ChallengeStateClaimed)
}

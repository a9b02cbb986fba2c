package app_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// The phones of an account (SECURITY.md §5).

// wantDevices is how many of an account's devices work, and how many wait.
func (p rawPhone) wantDevices(working, waiting int) {
	p.w.t.Helper()
	var list api.DeviceList
	p.send(http.MethodGet, "/phone/devices", nil).decode(p.w.t, &list)
	n := map[bool]int{}
	for _, d := range list.Devices {
		n[d.ActiveAt.After(time.Now())]++
	}
	if n[false] != working || n[true] != waiting {
		p.w.t.Errorf("%d work and %d wait", n[false], n[true])
	}
}

// Who gets hold of a number's messages has a phone that does nothing for a day, in which the owner is told of it.
func TestASecondPhoneWaitsForADay(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := w.rawPhone().enrolled("+8613800138000")
		second := w.rawPhone().enrolled("+8613800138000")
		began := time.Now()
		first.wantDevices(1, 1)
		started := w.start()
		for range 2 {
			a := second.scan(w.frame(started))
			a.wants(t, "a scan", http.StatusForbidden, "device-waiting")
			if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || s < 86390 || s > 86400 {
				t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
			}
		}
		second.allows(second).wants(t, "itself", http.StatusForbidden, "device-waiting")
		second.removes(first).wants(t, "the first", http.StatusForbidden, "device-waiting")
		w.wantState(started, api.ChallengeStatePending)
		e := first.events()[0]
		if e.Kind != api.DeviceEnrolled || e.ActiveAt == nil || e.ActiveAt.Sub(began).Round(time.Second) != 24*time.Hour || e.Device == nil || e.Address == nil {
			t.Errorf("the owner is told %+v", e)
		}
		second.enrolled("+8613800138000") // it does not start to wait anew, nor is it through
		time.Sleep(23*time.Hour + 58*time.Minute)
		second.scan(w.frame(w.start())).wants(t, "too early", http.StatusForbidden, "device-waiting")
		time.Sleep(2 * time.Minute)
		second.approve(w.start())
		second.wantDevices(2, 0)
	})
}

func TestAPhoneThatIsAllowedWorksAtOnceAndOneThatIsRefusedNever(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.rawPhone().enrolled("+8613800138000")
	good, bad := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138000")
	for range 2 {
		first.allows(good).wants(t, "allow", http.StatusNoContent, "")
	}
	good.approve(w.start())
	good.removes(bad).wants(t, "refuse", http.StatusNoContent, "")
	bad.send(http.MethodGet, "/phone/account", nil).wants(t, "the one that was refused", http.StatusUnauthorized, "device-unknown")
	first.allows(bad).wants(t, "too late", http.StatusNotFound, "no-such-device")
	first.wantDevices(2, 0)
	first.wantTold("the owner", "device.refused, at an address", "device.allowed, at an address", "device.enrolled, at an address", "device.enrolled, at an address")
}

func TestARemovedPhoneIsUnknownAtOnceAlsoForWhatItHasClaimed(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		w := newWorld(t, withStore(store))
		first := w.rawPhone().enrolled("+8613800138000")
		lost := first.another("+8613800138000")
		tokens := w.login(lost)
		claimed, approved := w.start(), w.start()
		claim := lost.claim(claimed)
		lost.approve(approved)
		first.removes(lost).wants(t, "remove", http.StatusNoContent, "")

		w.sendDecision(lost.signed(claim, proof.Approve)).wants(t, "its decision", http.StatusUnauthorized, "device-unknown")
		w.wantState(claimed, api.ChallengeStateClaimed)
		lost.scan(w.frame(w.start())).wants(t, "its scan", http.StatusUnauthorized, "device-unknown")
		w.poll(approved, "").wants(t, "what it had approved and nobody redeemed", http.StatusBadRequest, "invalid_grant")
		w.userInfo(tokens.AccessToken).wants(t, "what it had logged in goes on", http.StatusOK, "")
		first.removes(lost).wants(t, "again", http.StatusNotFound, "no-such-device")
		first.approve(w.start())
	})
}

func TestOfManyThatAllowOrRemoveAtOnceOneDoes(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept, withoutLimits)
	first := w.rawPhone().enrolled("+8613800138000")
	other := first.another("+8613800138000")
	phones := []rawPhone{first, other}
	third := w.rawPhone().enrolled("+8613800138000")
	path := "/phone/devices/" + third.id()
	answers := atOnce(w, many, func(i int) *http.Request { return phones[i%2].request(http.MethodPost, path+"/allow", nil) })
	if got := tally(answers); got["No Content "] != many {
		t.Errorf("%v", got)
	}
	answers = atOnce(w, many, func(i int) *http.Request { return phones[i%2].request(http.MethodDelete, path, nil) })
	if got := tally(answers); got["No Content "] != 1 || got["Not Found no-such-device"] != many-1 {
		t.Errorf("%v", got)
	}
	if a, r := audited(t, folder, "device.allowed"), audited(t, folder, "device.removed"); len(a) != 2 || len(r) != 1 {
		t.Errorf("kept %d and %d", len(a), len(r))
	}
	// And both at once that remove each other: at most one is left.
	answers = atOnce(w, many, func(i int) *http.Request {
		return phones[i%2].request(http.MethodDelete, "/phone/devices/"+phones[1-i%2].id(), nil)
	})
	for status := range tally(answers) {
		if status != "No Content " && status != "Not Found no-such-device" && status != "Unauthorized device-unknown" {
			t.Errorf("%s", status)
		}
	}
	next := w.rawPhone().enrolled("+8613800138000")
	if a := next.send(http.MethodGet, "/phone/account", nil); a.Status != http.StatusOK {
		t.Errorf("the account is broken: %d %s", a.Status, a.Body)
	}
}

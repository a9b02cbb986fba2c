package phone

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
)

func (p device) id() string { return proof.Thumbprint(&p.key.PublicKey) }

// waiting enrols a phone that has to wait for so long.
func (k *kit) waiting(account string, wait time.Duration) device {
	p := k.phoneOf(account)
	k.waits[p.id()] = time.Now().Add(wait)
	return p
}

// SECURITY.md §5: what a phone may do that waits, of all that the door has.
func TestAPhoneThatWaitsSeesItsAccountAndRemovesItselfAndNothingElse(t *testing.T) {
	k := withLogins(t)
	first, p := k.phoneOf("ann"), k.waiting("ann", time.Hour)
	for _, route := range []struct{ method, path string }{
		{http.MethodDelete, "/phone/account"},
		{http.MethodGet, "/phone/account/export"},
		{http.MethodGet, "/phone/devices"},
		{http.MethodDelete, "/phone/devices/" + first.id()},
		{http.MethodDelete, "/phone/devices/nobodys"},
		{http.MethodPost, "/phone/devices/" + first.id() + "/allow"},
		{http.MethodPost, "/phone/devices/" + p.id() + "/allow"},
		{http.MethodGet, "/phone/logins"},
		{http.MethodDelete, "/phone/logins"},
		{http.MethodDelete, "/phone/logins/L3"},
		{http.MethodPost, "/phone/logins/L3/disown"},
		{http.MethodGet, "/phone/events"},
		{http.MethodPost, "/phone/scans"},
		{http.MethodDelete, "/phone/scans/AAAAAAAAAAAAAAAAAAAAAAAAAA"},
	} {
		if status, code := p.send(route.method, route.path, api.ScanRequest{Code: "x"}, nil); status != http.StatusForbidden || code != "device-waiting" {
			t.Errorf("%s %s: %d %s", route.method, route.path, status, code)
		}
	}
	if len(k.out)+len(k.events) > 0 || len(k.phones) != 2 {
		t.Errorf("signed out %q, kept %q, %d phones", k.out, k.kinds(), len(k.phones))
	}
	var account api.PhoneAccount
	if status, _ := p.send(http.MethodGet, "/phone/account", nil, &account); status != http.StatusOK || !account.Device.ActiveAt.Equal(k.waits[p.id()]) {
		t.Errorf("%d, works at %v", status, account.Device.ActiveAt)
	}
	if status, code := p.send(http.MethodDelete, "/phone/devices/"+p.id(), nil, nil); status != http.StatusNoContent || len(k.phones) != 1 {
		t.Errorf("%d %s, %d phones", status, code, len(k.phones))
	}
	if want := []string{"device.removed ann  "}; !slices.Equal(k.kinds(), want) {
		t.Errorf("kept %q", k.kinds())
	}
}

// A decision bears no proof, so it has a way of its own to be refused: of a claim from before the phone was removed and came again.
func TestTheDecisionOfAPhoneThatWaitsOrWasRemovedIsRefused(t *testing.T) {
	k := newKit(t)
	p := k.phoneOf("ann")
	claim, _ := p.claimed(challenge.Request{})
	k.waits[p.id()] = time.Now().Add(time.Hour)
	if status, code := p.approve(claim, false); status != http.StatusForbidden || code != "device-waiting" {
		t.Errorf("of one that waits: %d %s", status, code)
	}
	delete(k.phones, p.id())
	if status, code := p.approve(claim, false); status != http.StatusUnauthorized || code != "device-unknown" {
		t.Errorf("of one that was removed: %d %s", status, code)
	}
	if r := k.record(claim); r.State != challenge.Claimed {
		t.Errorf("the challenge is %v", r.State)
	}
}

func TestAPhoneIsToldHowLongItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		p := k.waiting("ann", time.Hour)
		ask := func() *httptest.ResponseRecorder {
			jws, err := proof.SignDPoP(p.key, http.MethodGet, issuer+"/phone/events", "", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			r, w := httptest.NewRequest(http.MethodGet, "/phone/events", nil), httptest.NewRecorder()
			r.Header.Set("DPoP", jws)
			k.handler.ServeHTTP(w, r)
			return w
		}
		if w := ask(); w.Code != http.StatusForbidden || w.Header().Get("Retry-After") != "3600" || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		time.Sleep(time.Hour - 2*time.Minute)
		if w := ask(); w.Code != http.StatusForbidden || w.Header().Get("Retry-After") != "120" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		time.Sleep(time.Minute) // the clocks of nodes may differ by the other one
		if w := ask(); w.Code != http.StatusOK {
			t.Errorf("after its time: %d", w.Code)
		}
	})
}

func TestAPhoneAllowsAnotherOnceAndRefusesIt(t *testing.T) {
	k := newKit(t)
	first := k.phoneOf("ann")
	good, bad, old := k.waiting("ann", time.Hour), k.waiting("ann", time.Hour), k.phoneOf("ann")
	for _, step := range []struct{ method, path string }{
		{http.MethodPost, "/phone/devices/" + good.id() + "/allow"},
		{http.MethodPost, "/phone/devices/" + good.id() + "/allow"},
		{http.MethodDelete, "/phone/devices/" + bad.id()},
		{http.MethodDelete, "/phone/devices/" + old.id()},
		{http.MethodDelete, "/phone/devices/" + first.id()},
	} {
		if status, code := first.send(step.method, step.path, nil, nil); status != http.StatusNoContent {
			t.Errorf("%s %s: %d %s", step.method, step.path, status, code)
		}
	}
	if want := []string{"device.allowed ann  ", "device.refused ann  ", "device.removed ann  ", "device.removed ann  "}; !slices.Equal(k.kinds(), want) {
		t.Errorf("kept %q", k.kinds())
	}
	if e := k.events[0]; e.Device != "Phone" || e.Address == "" || !strings.Contains(e.Detail, good.id()) {
		t.Errorf("kept %+v", e)
	}
	if status, code := first.send(http.MethodGet, "/phone/account", nil, nil); status != http.StatusUnauthorized || code != "device-unknown" {
		t.Errorf("the one that removed itself: %d %s", status, code)
	}
	if status, _ := good.send(http.MethodGet, "/phone/events", nil, nil); status != http.StatusOK {
		t.Errorf("the one that was allowed: %d", status)
	}
}

func TestAnotherAccountsDeviceLooksLikeNone(t *testing.T) {
	k := newKit(t)
	p, theirs := k.phoneOf("ann"), k.waiting("bob", time.Hour)
	for _, id := range []string{theirs.id(), "nobodys", strings.Repeat("d", 64), strings.Repeat("d", 65), "%00", "%ff", "%20"} {
		for method, path := range map[string]string{http.MethodDelete: "/phone/devices/" + id, http.MethodPost: "/phone/devices/" + id + "/allow"} {
			status, code := p.send(method, path, nil, nil)
			if status != http.StatusNotFound || code != "no-such-device" || len(k.phones) != 2 || len(k.waits) != 1 || len(k.events) > 0 {
				t.Errorf("%s %s: %d %s, kept %q", method, path, status, code, k.kinds())
			}
		}
	}
}

func TestAllLoginsEndAtOnceAndThatIsKeptOnce(t *testing.T) {
	k := withLogins(t)
	p := k.phoneOf("ann")
	if status, code := p.send(http.MethodDelete, "/phone/logins", nil, nil); status != http.StatusNoContent || !slices.Equal(k.out, []string{"L3"}) {
		t.Errorf("%d %s, signed out %q", status, code, k.out)
	}
	k.rows = nil
	if status, code := p.send(http.MethodDelete, "/phone/logins", nil, nil); status != http.StatusNoContent {
		t.Errorf("again: %d %s", status, code)
	}
	if want := []string{"login.ended ann  "}; !slices.Equal(k.kinds(), want) {
		t.Errorf("kept %q", k.kinds())
	}
}

func TestAnAccountIsDeletedForItsOwnPhone(t *testing.T) {
	k := withLogins(t)
	if status, code := k.phoneOf("ann").send(http.MethodDelete, "/phone/account", nil, nil); status != http.StatusNoContent || !slices.Equal(k.out, []string{"account ann"}) {
		t.Errorf("%d %s, signed out %q", status, code, k.out)
	}
	if len(k.events) > 0 {
		t.Errorf("kept %q", k.kinds())
	}
}

package storetest

import (
	"reflect"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

// end is a way in which a challenge goes: what happens to it, and then how long nothing does.
type end struct {
	name    string
	events  func(id challenge.ID) []challenge.Event
	idle    time.Duration
	outcome challenge.State
}

var ends = []end{
	{"Denied", events(scanned, fixed(challenge.Deny{Device: device, Consent: consent})), 0, challenge.Denied},
	{"CancelledWhilePending", events(fixed(challenge.Cancel{})), 0, challenge.Cancelled},
	{"CancelledWhileClaimed", events(scanned, fixed(challenge.Cancel{})), 0, challenge.Cancelled},
	{"CancelledWhileApproved", events(scanned, fixed(approve()), fixed(challenge.Cancel{})), 0, challenge.Cancelled},
	{"ExpiredWhilePending", events(), challenge.Lifetime, challenge.Expired},
	{"ExpiredWhileClaimed", events(scanned), challenge.Lifetime, challenge.Expired},
	{"ExpiredWhileApproved", events(scanned, fixed(approve())), challenge.Lifetime, challenge.Expired},
	{"RedeemedWithoutWindow", events(scanned, fixed(approve()), fixed(challenge.Redeem{Sealed: sealed})), 0, challenge.Purged},
	{"RedeemedItsWindowOver", events(scanned, fixed(approve()), redeem(10*time.Second)), 10 * time.Second, challenge.Purged},
	{"RedeemedItsWindowPastTheExpiry", events(scanned, fixed(approve()), redeem(2*challenge.Lifetime)), 2 * challenge.Lifetime, challenge.Purged},
	{"Received", events(scanned, fixed(approve()), redeem(time.Minute), fixed(challenge.Receipt{})), 0, challenge.Purged},
}

func scanned(id challenge.ID) challenge.Event { return scan(id) }

func fixed(e challenge.Event) func(challenge.ID) challenge.Event {
	return func(challenge.ID) challenge.Event { return e }
}

func redeem(window time.Duration) func(challenge.ID) challenge.Event {
	return fixed(challenge.Redeem{Sealed: sealed, Window: window})
}

func events(makers ...func(challenge.ID) challenge.Event) func(challenge.ID) []challenge.Event {
	return func(id challenge.ID) []challenge.Event {
		list := []challenge.Event{challenge.Visit{Browser: browser}}
		for _, maker := range makers {
			list = append(list, maker(id))
		}
		return list
	}
}

func ending() []test {
	var tests []test
	for _, e := range ends {
		tests = append(tests, test{e.name + "LeavesATombstoneAlone", e.leavesATombstoneAlone})
	}
	return tests
}

// leavesATombstoneAlone is SECURITY.md §1.2 and the promise of a purge: when a challenge is gone, the store holds hashes
// and the outcome, and after a while nothing.
func (e end) leavesATombstoneAlone(t *testing.T, b Backend) {
	c := start(t, b)
	secrets := map[string][]byte{
		"the id": []byte(c.ID.String()), "the id's bytes": c.ID[:],
		"the device_code's secret": []byte(c.deviceCode.Secret), "the watch capability's secret": []byte(c.watch.Secret),
		"the user code": []byte(c.UserCode), "the frame key": c.FrameKey,
		"the client": []byte(client), "the device": []byte(device), "the account": []byte(account),
		"the consent": consent, "the sealed answer": sealed,
		"the browser's address": []byte(browser.Address), "the browser's name": []byte(browser.UserAgent),
		"the nonce": []byte(request.Nonce), "the binding message": []byte(request.BindingMessage), "the details": request.Details,
	}
	hash := c.ID.Hash()

	// Unless a live challenge shows in the dump, its absence later would prove nothing.
	dump := b.Dump()
	for _, name := range []string{"the id's bytes", "the frame key", "the client"} {
		if !shows(dump, secrets[name]) && !(name == "the id's bytes" && shows(dump, secrets["the id"])) {
			t.Fatalf("the dump of a live challenge does not show %s: the dump is of no use", name)
		}
	}

	apply(t, b, c.ID, e.events(c.ID)...)
	b.Advance(e.idle)

	dump = b.Dump() // before anything asks for the challenge again
	for name, secret := range secrets {
		if shows(dump, secret) {
			t.Errorf("the dump still shows %s", name)
		}
	}
	if !shows(dump, hash[:]) {
		t.Error("the dump does not show the tombstone")
	}

	r := get(t, b, c.ID)
	if r.State != e.outcome {
		t.Errorf("the tombstone says %v, want %v", r.State, e.outcome)
	}
	if !reflect.DeepEqual(r.Challenge, r.Tombstone()) || r.ID != (challenge.ID{}) {
		t.Errorf("more than a tombstone is left: %+v", r.Challenge)
	}
	if !r.IssuedTo(client) || r.IssuedTo("another") || !r.DeviceCode.Matches(c.deviceCode.Secret) || !r.Watch.Matches(c.watch.Secret) {
		t.Error("the tombstone does not know its own parties")
	}
	_, err := b.Store.Find(t.Context(), c.UserCode)
	want(t, "find", err, challenge.ErrNotFound)
	_, err = do(t.Context(), b, c.ID, scan(c.ID))
	want(t, "a second scan", err, challenge.Error{Kind: challenge.Gone, Outcome: e.outcome})

	b.Advance(r.TombstoneEnd().Sub(r.Now) - 10*time.Second)
	if r := get(t, b, c.ID); r.State != e.outcome {
		t.Errorf("ten seconds before its end the tombstone says %v", r.State)
	}
	b.Advance(10 * time.Second)
	if shows(b.Dump(), hash[:]) {
		t.Error("the tombstone has not gone")
	}
	_, err = b.Store.Get(t.Context(), c.ID)
	want(t, "get after the tombstone's end", err, challenge.ErrNotFound)
}

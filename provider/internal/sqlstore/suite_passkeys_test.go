package sqlstore

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"qrlogin/provider/internal/identity"
)

// owner makes an account with a device.
func owner(t *testing.T, db *DB, number, id string) identity.Account {
	t.Helper()
	a, _ := enrolled(t, db, number, id, at(1))
	return a
}

// key has every field another value, so that none is mistaken for another.
func key(id string, of identity.Account, second int) identity.Passkey {
	return identity.Passkey{
		ID: id, Account: of.ID, Name: "Phone " + id, Key: []byte("key " + id), Synced: true, Count: 1<<32 - 2, Counted: hash(id), CreatedAt: at(second),
	}
}

// wantShown tells which passkey a device has to show.
func wantShown(t *testing.T, db *DB, device, want string) {
	t.Helper()
	d, err := db.Device(t.Context(), device)
	must(t, err)
	same(t, d.Passkey, want)
}

var passkeySuite = map[string]func(*testing.T, *DB){
	"APasskeyIsTheAccountsAndShownByTheDeviceThatMadeIt": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a := owner(t, db, number, "one")
		wantShown(t, db, "one", "")
		late, early := key("late", a, 2), key("early", a, 1)
		early.Synced, early.Count, early.Counted = false, 0, nil
		must(t, db.AddPasskey(ctx, late, "one", 10))
		wantShown(t, db, "one", "late")
		must(t, db.AddPasskey(ctx, early, "one", 10))
		wantShown(t, db, "one", "early")
		got, err := db.Passkey(ctx, "late")
		must(t, err)
		same(t, got, late)
		all, err := db.Passkeys(ctx, a.ID)
		must(t, err)
		same(t, all, []identity.Passkey{early, late}) // oldest first
		all, err = db.Passkeys(ctx, "nobody")
		must(t, err)
		same(t, len(all), 0)
		_, err = db.Passkey(ctx, "nobodys")
		same(t, err, identity.ErrUnknownPasskey)
		must(t, db.UsePasskey(ctx, "one", "late"))
		wantShown(t, db, "one", "late")
		same(t, db.UsePasskey(ctx, "nobody", "late"), identity.ErrUnknownDevice)
	},

	"APasskeyThatIsKnownIsRefusedWhoseverItIs": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a, other := owner(t, db, number, "one"), owner(t, db, otherNumber, "other")
		must(t, db.AddPasskey(ctx, key("key", a, 1), "one", 10))
		for device, of := range map[string]identity.Account{"one": a, "other": other} {
			same(t, db.AddPasskey(ctx, key("key", of, 2), device, 10), identity.ErrPasskeyTaken)
		}
		wantShown(t, db, "other", "")
		got, err := db.Passkey(ctx, "key")
		must(t, err)
		same(t, got, key("key", a, 1))
	},

	"OfManyPasskeysAtOnceAnAccountGetsAsManyAsItMay": func(t *testing.T, db *DB) {
		a := owner(t, db, number, "one")
		var added atomic.Int32
		atOnce(64, func(i int) {
			err := db.AddPasskey(t.Context(), key(fmt.Sprint(i), a, i), "one", 10)
			if err == nil {
				added.Add(1)
			} else if !errors.Is(err, identity.ErrPasskeysFull) {
				t.Error(err)
			}
		})
		same(t, added.Load(), 10)
	},

	"OfSixtyFourAccountsThatBringOnePasskeyAtOnceOneHasIt": func(t *testing.T, db *DB) {
		owners := make([]identity.Account, 64)
		for i := range owners {
			owners[i] = owner(t, db, fmt.Sprint(number, i), fmt.Sprint("device ", i))
		}
		var added atomic.Int32
		atOnce(64, func(i int) {
			err := db.AddPasskey(t.Context(), key("key", owners[i], i%32), fmt.Sprint("device ", i), 10)
			if err == nil {
				added.Add(1)
			} else if !errors.Is(err, identity.ErrPasskeyTaken) {
				t.Error(err)
			}
		})
		same(t, added.Load(), 1)
	},

	"NoPhoneThatComesByAPasskeyWhileItIsRemovedShowsItAfterwards": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a := owner(t, db, number, "one")
		for round := range 3 {
			must(t, db.AddPasskey(ctx, key("key", a, 1), "one", 10))
			var removed atomic.Int32
			atOnce(64, func(i int) {
				var err error
				if i > 20 && i < 30 {
					if err = db.RemovePasskey(ctx, a.ID, "key"); err == nil {
						removed.Add(1)
					}
				} else {
					_, _, err = db.EnrollByPasskey(ctx, "key", device(fmt.Sprint(round, i), 2))
				}
				if err != nil && !errors.Is(err, identity.ErrUnknownPasskey) {
					t.Error(err)
				}
			})
			same(t, removed.Load(), 1)
			devices, err := db.Devices(ctx, a.ID)
			must(t, err)
			for _, d := range devices {
				same(t, d.Passkey, "")
			}
		}
	},

	"AnUnknownDeviceGetsNoPasskeyAndNoneIsLeft": func(t *testing.T, db *DB) {
		a := owner(t, db, number, "one")
		same(t, db.AddPasskey(t.Context(), key("key", a, 1), "nobody", 10), identity.ErrUnknownDevice)
		_, err := db.Passkey(t.Context(), "key")
		same(t, err, identity.ErrUnknownPasskey)
	},

	"ACountGoesForwardsOnlyAndOfManyAtOnceTheHighestStays": func(t *testing.T, db *DB) {
		ctx := t.Context()
		p := key("key", owner(t, db, number, "one"), 1)
		p.Count = 5
		must(t, db.AddPasskey(ctx, p, "one", 10))
		count := func(n uint32) error {
			next := p
			next.Count, next.Counted = n, hash(fmt.Sprint(n))
			return db.CountPasskey(ctx, next)
		}
		same(t, count(5), identity.ErrUnknownPasskey)
		same(t, count(4), identity.ErrUnknownPasskey)
		var counted atomic.Int32
		atOnce(32, func(i int) {
			if count(9) == nil {
				counted.Add(1)
			}
		})
		same(t, counted.Load(), 1)
		atOnce(32, func(i int) { _ = count(10 + uint32(i)) })
		got, err := db.Passkey(ctx, "key")
		must(t, err)
		same(t, got.Count, 41)
		same(t, got.Counted, hash("41"))
	},

	"APasskeyIsRemovedFromItsAccountAloneAndNobodyHasToShowItAnyMore": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a, other := owner(t, db, number, "one"), owner(t, db, otherNumber, "other")
		must(t, db.AddPasskey(ctx, key("key", a, 1), "one", 10))
		_, _, err := db.EnrollByPasskey(ctx, "key", device("two", 2))
		must(t, err)
		same(t, db.RemovePasskey(ctx, other.ID, "key"), identity.ErrUnknownPasskey)
		wantShown(t, db, "one", "key")
		must(t, db.RemovePasskey(ctx, a.ID, "key"))
		wantShown(t, db, "one", "")
		wantShown(t, db, "two", "")
		same(t, db.RemovePasskey(ctx, a.ID, "key"), identity.ErrUnknownPasskey)
	},

	"ADeviceThatIsRemovedLeavesItsPasskeyAndAnAccountThatIsDeletedDoesNot": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a := owner(t, db, number, "one")
		must(t, db.AddPasskey(ctx, key("key", a, 1), "one", 10))
		_, err := db.RemoveDevice(ctx, a.ID, "one", at(2))
		must(t, err)
		_, err = db.Passkey(ctx, "key")
		must(t, err)
		_, err = db.DeleteAccount(ctx, a.ID, at(3))
		must(t, err)
		_, err = db.Passkey(ctx, "key")
		same(t, err, identity.ErrUnknownPasskey)
		same(t, db.AddPasskey(ctx, key("late", a, 4), "one", 10), identity.ErrUnknownAccount)
	},

	"ADeviceThatComesByAPasskeyWorksAtOnceAndShowsIt": func(t *testing.T, db *DB) {
		ctx := t.Context()
		a := owner(t, db, number, "one")
		must(t, db.AddPasskey(ctx, key("key", a, 1), "one", 10))
		got, d, err := db.EnrollByPasskey(ctx, "key", device("two", 2))
		must(t, err)
		same(t, got, a)
		want := device("two", 2)
		want.Account, want.LastSeenAt, want.ActiveAt, want.Passkey = a.ID, at(2), at(2), "key"
		same(t, d, want)

		// One that waits is let in; one that works stays as it was, but for its name.
		_, waits, _, err := db.Enroll(ctx, number, device("three", 3))
		must(t, err)
		if waits.Waits(at(4)) == 0 {
			t.Error("it does not wait")
		}
		_, d, err = db.EnrollByPasskey(ctx, "key", device("three", 4))
		must(t, err)
		same(t, d.ActiveAt, at(4))
		again := device("one", 5)
		again.Name = "Again"
		_, d, err = db.EnrollByPasskey(ctx, "key", again)
		must(t, err)
		same(t, d.ActiveAt, at(1))
		same(t, d.Name, "Again")

		owner(t, db, otherNumber, "other")
		_, _, err = db.EnrollByPasskey(ctx, "key", device("other", 6))
		same(t, err, identity.ErrDeviceConflict)
		_, _, err = db.EnrollByPasskey(ctx, "nobodys", device("four", 6))
		same(t, err, identity.ErrUnknownPasskey)
		wantShown(t, db, "other", "")
	},
}

package sqlstore

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"qrlogin/provider/internal/identity"
)

const number, otherNumber = "+8613800138000", "+4915112345678"

func device(id string, second int) identity.Device {
	return identity.Device{ID: id, Name: "Phone " + id, Key: []byte(`{"kty":"EC"}`), CreatedAt: at(second)}
}

var accountSuite = map[string]func(*testing.T, *DB){
	"TheFirstEnrollmentMakesTheAccount": func(t *testing.T, db *DB) {
		a, d, _, err := db.Enroll(t.Context(), number, device("one", 1))
		must(t, err)
		if len(a.ID) != 22 { // 128 bits, base64url
			t.Errorf("account id %q", a.ID)
		}
		same(t, a, identity.Account{ID: a.ID, PhoneNumber: number, CreatedAt: at(1)})
		want := device("one", 1)
		want.Account, want.LastSeenAt, want.ActiveAt = a.ID, at(1), at(1)
		same(t, d, want)
		gotDevice, err := db.Device(t.Context(), "one")
		must(t, err)
		same(t, gotDevice, want)
		gotAccount, err := db.Account(t.Context(), a.ID)
		must(t, err)
		same(t, gotAccount, a)
	},

	"AnUnknownAccountIsRefused": func(t *testing.T, db *DB) {
		_, _, _, err := db.Enroll(t.Context(), number, device("one", 1))
		must(t, err)
		for _, id := range []string{"", "nobody", "one", number} {
			_, err := db.Account(t.Context(), id)
			same(t, err, identity.ErrUnknownAccount)
		}
	},

	"TheSecondDeviceOfANumberIsOfTheSameAccount": func(t *testing.T, db *DB) {
		first, _, _, err := db.Enroll(t.Context(), number, device("late", 2))
		must(t, err)
		second, _, _, err := db.Enroll(t.Context(), number, device("early", 1))
		must(t, err)
		same(t, second, first)
		third, _, _, err := db.Enroll(t.Context(), otherNumber, device("other", 3))
		must(t, err)
		if third.ID == first.ID {
			t.Error("two numbers, one account")
		}
		devices, err := db.Devices(t.Context(), first.ID)
		must(t, err)
		same(t, []string{devices[0].ID, devices[1].ID}, []string{"early", "late"}) // oldest first
		same(t, len(devices), 2)
	},

	"ADeviceEnrolledAgainIsRenamedAndNothingElse": func(t *testing.T, db *DB) {
		_, _, _, err := db.Enroll(t.Context(), number, device("one", 1))
		must(t, err)
		again := device("one", 5)
		again.Name, again.Key = "New name", []byte("another key")
		a, got, _, err := db.Enroll(t.Context(), number, again)
		must(t, err)
		want := device("one", 1)
		want.Account, want.Name, want.LastSeenAt, want.ActiveAt = a.ID, "New name", at(5), at(1)
		same(t, got, want)
		devices, err := db.Devices(t.Context(), a.ID)
		must(t, err)
		same(t, devices, []identity.Device{want})
	},

	"ADeviceOfAnotherAccountIsRefusedAndNothingChanges": func(t *testing.T, db *DB) {
		_, before, _, err := db.Enroll(t.Context(), number, device("one", 1))
		must(t, err)
		taken := device("one", 2)
		taken.Name = "Mine now"
		_, _, _, err = db.Enroll(t.Context(), otherNumber, taken)
		same(t, err, identity.ErrDeviceConflict)
		after, err := db.Device(t.Context(), "one")
		must(t, err)
		same(t, after, before)
		// The refused enrollment has made no account: the next one is as old as itself.
		a, _, _, err := db.Enroll(t.Context(), otherNumber, device("two", 9))
		must(t, err)
		same(t, a.CreatedAt, at(9))
	},

	"TheAccountOfADeviceIsNotTheCallersToSay": func(t *testing.T, db *DB) {
		victim, _, _, err := db.Enroll(t.Context(), number, device("one", 1))
		must(t, err)
		d := device("two", 2)
		d.Account = victim.ID
		a, got, _, err := db.Enroll(t.Context(), otherNumber, d)
		must(t, err)
		if got.Account != a.ID || got.Account == victim.ID {
			t.Errorf("device of %q, enrolled for %q", got.Account, a.ID)
		}
	},

	"SixtyFourEnrollmentsAtOnceOfANewNumberMakeOneAccount": func(t *testing.T, db *DB) {
		accounts := make([]identity.Account, 64)
		atOnce(64, func(i int) {
			var err error
			if accounts[i], _, _, err = db.Enroll(t.Context(), number, device(fmt.Sprint(i), 0)); err != nil {
				t.Error(err)
			}
		})
		for _, a := range accounts {
			same(t, a, accounts[0])
		}
		devices, err := db.Devices(t.Context(), accounts[0].ID)
		must(t, err)
		same(t, len(devices), 64)
	},

	"SixtyFourNumbersThatWantOneKeyAtOnceLeaveItToOne": func(t *testing.T, db *DB) {
		var enrolled atomic.Int32
		atOnce(64, func(i int) {
			_, _, _, err := db.Enroll(t.Context(), fmt.Sprintf("+86138001380%02d", i), device("one", 0))
			if err == nil {
				enrolled.Add(1)
			} else if !errors.Is(err, identity.ErrDeviceConflict) {
				t.Error(err)
			}
		})
		same(t, enrolled.Load(), 1)
	},

	"ADeviceWithoutAKeyIsNotStored": func(t *testing.T, db *DB) {
		if _, _, _, err := db.Enroll(t.Context(), number, identity.Device{ID: "one"}); err == nil {
			t.Error("it was")
		}
	},

	"AnUnknownDeviceIsRefused": func(t *testing.T, db *DB) {
		_, err := db.Device(t.Context(), "one")
		same(t, err, identity.ErrUnknownDevice)
		same(t, db.TouchDevice(t.Context(), "one", at(0)), identity.ErrUnknownDevice)
		devices, err := db.Devices(t.Context(), "nobody")
		must(t, err)
		same(t, len(devices), 0)
	},

	"ATouchMovesTheLastSightForwardsOnly": func(t *testing.T, db *DB) {
		_, _, _, err := db.Enroll(t.Context(), number, device("one", 1))
		must(t, err)
		for _, step := range []struct{ touch, want int }{{5, 5}, {3, 5}, {6, 6}} {
			must(t, db.TouchDevice(t.Context(), "one", at(step.touch)))
			d, err := db.Device(t.Context(), "one")
			must(t, err)
			same(t, d.LastSeenAt, at(step.want))
		}
	},
}

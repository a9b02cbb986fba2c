package identity

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// SECURITY.md §5: the second-device rule, and numbers that come back.
func TestHowAPhoneJoinsAnAccount(t *testing.T) {
	const day = 24 * time.Hour
	seen := func(ago ...time.Duration) (phones []Device) {
		for _, a := range ago {
			phones = append(phones, Device{LastSeenAt: noon.Add(-a)})
		}
		return phones
	}
	for name, c := range map[string]struct {
		phones   []Device
		passkeys int
		removal  time.Time
		wait     time.Duration
		dormant  bool
	}{
		"the first of an account":                                  {nil, 0, time.Time{}, 0, false},
		"the second":                                               {seen(0), 0, time.Time{}, day, false},
		"the third":                                                {seen(90*day, day), 0, time.Time{}, day, false},
		"beside one that waits itself":                             {[]Device{{LastSeenAt: noon, ActiveAt: noon.Add(day)}}, 0, time.Time{}, day, false},
		"where the last one was removed":                           {nil, 0, noon.Add(-time.Second), 0, false},
		"where the last one was removed and a passkey is":          {nil, 1, noon.Add(-time.Second), day, false},
		"beside a phone and a passkey":                             {seen(day), 1, time.Time{}, day, false},
		"where a passkey is, and nobody was heard of for 180 days": {nil, 1, noon.Add(-180 * day), 0, true},
		"where one of two was removed":                             {seen(time.Hour), 0, noon.Add(-time.Second), day, false},
		"just before the others are forgotten":                     {seen(200*day, 180*day-time.Nanosecond), 0, time.Time{}, day, false},
		"where nobody was heard of for 180 days":                   {seen(200*day, 180*day), 0, time.Time{}, 0, true},
		"where the last one was removed 180 days ago":              {nil, 0, noon.Add(-180 * day), 0, true},
		"where one was removed lately, the other lost":             {seen(200 * day), 0, noon.Add(-day), day, false},
		"where one was removed long ago":                           {seen(day), 0, noon.Add(-200 * day), day, false},
		"where a clock is ahead":                                   {seen(-time.Hour), 0, time.Time{}, day, false},
	} {
		activeAt, dormant := Admit(c.phones, c.passkeys, c.removal, noon)
		if activeAt.Sub(noon) != c.wait || dormant != c.dormant {
			t.Errorf("%s: works after %v, dormant %t", name, activeAt.Sub(noon), dormant)
		}
	}
}

// A minute is for clocks that differ.
func TestAPhoneWaitsUntilItsTimeAndNoLonger(t *testing.T) {
	for at, want := range map[time.Duration]time.Duration{
		-time.Hour: 0, 0: 0, time.Minute: 0, time.Minute + 1: time.Minute + 1, time.Hour: time.Hour,
	} {
		if got := (Device{ActiveAt: noon.Add(at)}).Waits(noon); got != want {
			t.Errorf("%v: waits %v", at, got)
		}
	}
}

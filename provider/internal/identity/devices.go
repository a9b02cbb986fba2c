package identity

import "time"

// The times of how phones come to an account (SECURITY.md §5).
const (
	DeviceWait = 24 * time.Hour       // in which a phone that joins others can be refused
	Dormancy   = 180 * 24 * time.Hour // after which a number may be somebody else's
)

// Admit decides how a phone joins the account whose number it has just proven. phones and passkeys are the account's, lastRemoval when
// a phone was last taken from it, zero for never.
//
// The first phone works at once. Every further one waits, so that who got hold of the number's messages has to get past the phones
// that are there: one of them allows or refuses it, or nobody minds for a day. A passkey is as good as a phone there: what it keeps
// shut, the removal of the last phone does not open. A number that is proven when no phone of the account has been heard of for long
// may have been given to somebody else, whatever passkeys there are: dormant says that what is there is not the newcomer's.
func Admit(phones []Device, passkeys int, lastRemoval, now time.Time) (activeAt time.Time, dormant bool) {
	heard := lastRemoval
	for _, phone := range phones {
		if phone.LastSeenAt.After(heard) {
			heard = phone.LastSeenAt
		}
	}
	if !heard.IsZero() && now.Sub(heard) >= Dormancy {
		return now, true
	}
	if len(phones) == 0 && passkeys == 0 {
		return now, false
	}
	return now.Add(DeviceWait), false
}

// clocksDiffer is by how much the clock of the node that noted a time may be ahead of the one that reads it.
const clocksDiffer = time.Minute

// Waits tells how long the phone has still to wait until it works; 0 for one that does. Next to a day a minute is nothing, and one that
// works at once has to work at once at every node.
func (d Device) Waits(now time.Time) time.Duration {
	if wait := d.ActiveAt.Sub(now); wait > clocksDiffer {
		return wait
	}
	return 0
}

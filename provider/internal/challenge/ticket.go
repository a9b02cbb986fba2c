package challenge

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"
)

// Ticket is what a phone's browser is given for the code that it has opened, or that it would have shown itself. It stays in that
// browser, so that a slow start, an enrolment or an unlocking makes no code stale. By itself it does nothing: a device must still
// scan, and a person decide.
type Ticket struct {
	ID  ID
	mac string
}

// The two kinds, each named in its MAC so that neither passes for the other.
const (
	landed = "qrlogin landed" // the browser opened a link that was a good code then
	here   = "qrlogin here"   // the browser is the one that the login is for
)

// Land judges a code that is opened as a link, as a scan would, and answers the ticket for that browser. Nothing of the challenge
// changes: a link is opened by robots too.
func (c Challenge) Land(code Code, now time.Time) (Ticket, error) {
	if c.State != Pending {
		return Ticket{}, ErrWrongState
	}
	if err := c.accepts(code, now); err != nil {
		return Ticket{}, err
	}
	return c.ticket(landed), nil
}

// Here is the ticket for the browser that the login is for, when it is on the phone itself: who gives it out has made sure of that.
func (c Challenge) Here() Ticket { return c.ticket(here) }

// IsHere tells whether a ticket was given to the browser that the login is for.
func (c Challenge) IsHere(t Ticket) bool { return c.gave(here, t) }

func (c Challenge) ticket(kind string) Ticket {
	h := hmac.New(sha256.New, c.FrameKey)
	h.Write([]byte(kind))
	h.Write(c.ID[:])
	return Ticket{c.ID, codeEncoding.EncodeToString(h.Sum(nil)[:16])}
}

func (c Challenge) gave(kind string, t Ticket) bool {
	return t.ID == c.ID && subtle.ConstantTimeCompare([]byte(t.mac), []byte(c.ticket(kind).mac)) == 1
}

// String is "<id>.<mac>".
func (t Ticket) String() string { return t.ID.String() + "." + t.mac }

// ParseTicket reads what [Ticket.String] writes; of anything else it makes a ticket for nothing.
func ParseTicket(s string) Ticket {
	name, mac, _ := strings.Cut(s, ".")
	id, err := ParseID(name)
	if err != nil {
		return Ticket{}
	}
	return Ticket{id, mac}
}

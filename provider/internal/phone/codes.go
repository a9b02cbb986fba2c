package phone

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/sms"
	"qrlogin/provider/internal/web"
)

// Enrolment codes cost money, and are a way to make others pay for messages (SECURITY.md §5). What is counted of them is the same
// whether or not the number has an account.

var (
	errCountry   = web.Problem{Status: http.StatusUnprocessableEntity, Code: "country-not-served", Title: "No codes are sent to numbers of this country"}
	errNotSent   = web.Problem{Status: http.StatusServiceUnavailable, Code: "sms-unavailable", Title: "The code cannot be sent now; try again later", RetryAfter: 10 * time.Second}
	errMayBeSent = web.Problem{Status: http.StatusServiceUnavailable, Code: "sms-unavailable", Title: "The code may not have been sent; wait for it, then try again"}
)

// For the alarm, codes are counted and none is too many. A few that nobody confirms are no alarm.
var uncounted = challenge.Limit{Max: math.MaxInt32, Window: 24 * time.Hour}

const alarmedFrom = 20

// occasion is when and from where a code is asked for.
type occasion struct {
	Day     string `json:"day"` // in UTC
	Network string `json:"network"`
}

// codeTallies is what an enrolment code counts as: asked for, in any case; spent, once it is sent; unconfirmed, until it is confirmed.
type codeTallies struct{ asked, spent, unconfirmed []challenge.Tally }

// Counters have names of numbers' keyed hashes: a store hides the names by a plain one, and there are few enough numbers to try them all.
func (d *Door) codeTallies(phoneNumber string, o occasion) codeTallies {
	number, prefix := d.hidden(phoneNumber), d.hidden(phoneNumber[:len(phoneNumber)-4])
	return codeTallies{
		asked: []challenge.Tally{d.Limits.Of(limit.CodesPerNetwork, o.Network)},
		spent: []challenge.Tally{
			d.Limits.Of(limit.CodesPerDay, ""),
			{Key: "codes sent " + o.Day, Limit: uncounted},
			d.Limits.Of(limit.CodesPerNumber, number), d.Limits.Of(limit.DailyCodesPerNumber, number), d.Limits.Of(limit.CodesPerPrefix, prefix),
		},
		unconfirmed: []challenge.Tally{
			{Key: "codes unconfirmed " + o.Day, Limit: uncounted},
			d.Limits.Of(limit.UnconfirmedCodesPerNumber, number), d.Limits.Of(limit.UnconfirmedCodesPerNetwork, o.Network),
			d.Limits.Of(limit.UnconfirmedCodesPerNetworkAndPrefix, o.Network+" "+prefix),
		},
	}
}

func (d *Door) hidden(number string) string { return hex.EncodeToString(d.Numbers.Hash(number)) }

// standing is how many codes are sent in all, with the one that has just been counted.
type standing struct{ window, sent, unconfirmed int }

// countCode counts a code before it is sent, and refuses one that is too many.
func (d *Door) countCode(c *gin.Context, number string, o occasion) (standing, error) {
	of := d.codeTallies(number, o)
	tallies := slices.Concat(of.spent, of.unconfirmed, of.asked)
	counts, err := d.Keys.CountAll(c.Request.Context(), tallies)
	if err != nil {
		return standing{}, err
	}
	return standing{counts[0].N, counts[1].N, counts[len(of.spent)].N}, limit.Judge(c.Request.Context(), d.Keys, tallies, counts)
}

// sendCode sends a code that has been counted. One that was certainly not sent is given back, but for the network's count: who asks
// on and on is held back while the gateway fails, too.
func (d *Door) sendCode(c *gin.Context, number, code string, o occasion, stands standing) error {
	err := d.SMS.Send(c.Request.Context(), number, code, c.GetHeader("Accept-Language"))
	switch {
	case errors.Is(err, identity.ErrInvalidNumber):
		return err
	case errors.Is(err, sms.ErrMayBeSent):
		web.LogFailure(c, d.Log, fmt.Errorf("send an enrolment code: %w", err))
		late := errMayBeSent
		late.RetryAfter = d.Limits[limit.UnconfirmedCodesPerNumber].Window
		return late
	case err != nil:
		web.LogFailure(c, d.Log, fmt.Errorf("send an enrolment code: %w", err))
		of := d.codeTallies(number, o)
		if err := d.giveBack(c, slices.Concat(of.spent, of.unconfirmed)); err != nil {
			return err
		}
		return errNotSent
	}
	if stands.window == d.Limits[limit.CodesPerDay].Max {
		d.codesAlarm(c, identity.EventCodesSpent, o.Day, stands)
	}
	if stands.sent >= alarmedFrom && 2*stands.unconfirmed > stands.sent { // for each that was confirmed, more than two were sent
		d.codesAlarm(c, identity.EventCodesUnconfirmed, o.Day, stands)
	}
	return nil
}

// codeConfirmed gives back what counted while the code was not confirmed. What it cost stays counted.
func (d *Door) codeConfirmed(c *gin.Context, number string, o occasion) {
	if err := d.giveBack(c, d.codeTallies(number, o).unconfirmed); err != nil { // the phone is enrolled all the same
		web.LogFailure(c, d.Log, fmt.Errorf("count a confirmed code: %w", err))
	}
}

func (d *Door) giveBack(c *gin.Context, tallies []challenge.Tally) error {
	var keys []string
	for _, t := range tallies {
		keys = append(keys, t.Key)
	}
	return d.Keys.Refund(context.WithoutCancel(c.Request.Context()), keys...)
}

// codesAlarm tells the operator, once a day for each kind.
func (d *Door) codesAlarm(c *gin.Context, kind, day string, stands standing) {
	first, err := d.Keys.First(c.Request.Context(), "codes alarm "+kind+" "+day, 24*time.Hour)
	if err != nil {
		web.LogFailure(c, d.Log, fmt.Errorf("alarm %s: %w", kind, err))
	}
	if !first {
		return
	}
	d.Log.Error("alarm", "kind", kind, "day", day, "sent", stands.sent, "confirmed", stands.sent-stands.unconfirmed)
	d.audit(c, identity.AuditEvent{
		Kind: kind, Detail: fmt.Sprintf("%s: %d codes sent, %d of them confirmed", day, stands.sent, stands.sent-stands.unconfirmed),
	})
}

package main

import (
	"errors"
	"fmt"
	"time"

	"qrlogin/mobile-sim/phone"
)

type pinCmd struct {
	PIN     string `name:"pin" env:"-" placeholder:"N" help:"The PIN to set, 4 to 12 digits. Asked for, twice, when not given."`
	Current string `env:"-" placeholder:"N" help:"The PIN that this phone has. Asked for when not given."`
}

func (pinCmd) Help() string {
	return `Orders are approved with it. After ten wrong ones in a row this phone approves no orders any more, until it is enrolled again;
then it has no PIN. What is kept in --home is a salted hash.

Examples:

  mobile-sim pin
  mobile-sim pin --current 4711 --pin 271828`
}

// pinSet is what --json prints of a PIN.
type pinSet struct {
	Result string `json:"result"` // set
}

var (
	errPINNeeded = errors.New("pin needed")
	errNewPIN    = errors.New("new pin needed")
)

const tries = 3 // for a PIN at a terminal

func (c *pinCmd) Run(a *app) error {
	has, err := phone.HasPIN(a.home)
	if err != nil {
		return err
	}
	t, left := a.terminal(false), func() time.Duration { return timeToThink }
	if has {
		if err := a.checkPIN(t, c.Current, left); err != nil {
			return err
		}
	}
	switch {
	case c.PIN != "":
		err = phone.SetPIN(a.home, c.PIN)
	case t == nil:
		err = errNewPIN
	default:
		err = a.choosePIN(t, left)
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(a.view(), a.words.pinSet)
	a.printJSON(pinSet{"set"})
	return nil
}

// checkPIN returns nil once the PIN was given: as a flag, or at the terminal, which may be nil.
func (a *app) checkPIN(t *terminal, given string, left func() time.Duration) error {
	if given != "" {
		return phone.CheckPIN(a.home, given)
	}
	if t == nil {
		return errPINNeeded
	}
	for try := 1; ; try++ {
		pin, err := t.secret(a, a.words.askPIN, left())
		if err != nil {
			return err
		}
		err = phone.CheckPIN(a.home, pin)
		if !errors.Is(err, phone.ErrPINWrong) || try == tries {
			return err
		}
		_, _ = fmt.Fprintln(t.out, a.words.errors["pin-wrong"])
	}
}

// choosePIN has a PIN typed twice, and sets it.
func (a *app) choosePIN(t *terminal, left func() time.Duration) error {
	for try := 1; ; try++ {
		pin, err := t.secret(a, a.words.newPIN, left())
		if err != nil {
			return err
		}
		again, err := t.secret(a, a.words.newPINAgain, left())
		if err != nil {
			return err
		}
		text := a.words.pinDiffers
		if pin == again {
			err = phone.SetPIN(a.home, pin)
			if !errors.Is(err, phone.ErrPINForm) {
				return err
			}
			text = a.words.errors["pin-malformed"]
		}
		if try == tries {
			return phone.ErrPINForm
		}
		_, _ = fmt.Fprintln(t.out, text)
	}
}

// unlock has the phone's owner give the PIN before an order is approved, or choose one where there is none yet.
func (a *app) unlock(t *terminal, given string, left func() time.Duration) error {
	has, err := phone.HasPIN(a.home)
	switch {
	case err != nil:
		return err
	case has:
		return a.checkPIN(t, given, left)
	case t == nil || given != "":
		return phone.ErrNoPIN
	}
	_, _ = fmt.Fprintln(t.out, a.words.firstPIN)
	return a.choosePIN(t, left)
}

package main

import (
	"fmt"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

type devicesCmd struct {
	List   listDevicesCmd  `cmd:"" default:"1" help:"List the devices of your account."`
	Allow  allowDeviceCmd  `cmd:"" help:"Let a device work that waits."`
	Remove removeDeviceCmd `cmd:"" help:"Remove a device, this one too; one that waits is refused by it."`
}

type listDevicesCmd struct{}

// devices is what --json prints of them.
type devices struct {
	Devices []api.Device `json:"devices"`
}

func (listDevicesCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	list, err := p.Devices(a)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(devices{list})
		return nil
	}
	for _, d := range list {
		line := fmt.Sprintf(a.words.device, safe(d.Name), safe(d.Id), moment(d.CreatedAt), moment(d.LastSeenAt))
		if d.Current {
			line += " (" + a.words.thisDevice + ")"
		}
		if waits(d.ActiveAt) {
			line += " " + fmt.Sprintf(a.words.deviceWaits, moment(d.ActiveAt))
		}
		_, _ = fmt.Fprintln(a.stdout, line)
	}
	return nil
}

// waits tells whether a device still has to wait that works from then on.
func waits(activeAt time.Time) bool { return activeAt.After(time.Now()) }

type allowDeviceCmd struct {
	ID string `arg:"" help:"As mobile-sim devices shows it."`
}

func (c *allowDeviceCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	if err := p.AllowDevice(a, c.ID); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(a.view(), a.words.allowed)
	a.printJSON(device{"allowed", c.ID})
	return nil
}

type removeDeviceCmd struct {
	ID string `arg:"" help:"As mobile-sim devices shows it."`
}

func (removeDeviceCmd) Help() string {
	return `What it has logged in stays so: mobile-sim logout ends that.`
}

// device is what --json prints of what was done with one.
type device struct {
	Result string `json:"result"` // allowed or removed
	Device string `json:"device"`
}

func (c *removeDeviceCmd) Run(a *app) error {
	p, err := phone.Open(a.home)
	if err != nil {
		return err
	}
	if err := p.RemoveDevice(a, c.ID); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(a.view(), a.words.removed)
	a.printJSON(device{"removed", c.ID})
	if c.ID == p.ID() {
		return phone.Forget(a.home)
	}
	return nil
}

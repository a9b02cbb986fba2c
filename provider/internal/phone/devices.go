package phone

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

func (d *Door) devices(c *gin.Context) error {
	current, err := d.device(c)
	if err != nil {
		return err
	}
	all, err := d.Devices.Devices(c.Request.Context(), current.Account)
	if err != nil {
		return err
	}
	list := api.DeviceList{Devices: make([]api.Device, 0, len(all))}
	for _, device := range all {
		list.Devices = append(list.Devices, viewDevice(device, current.ID))
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, list)
	return nil
}

// allowDevice lets a phone of the account work before its time. To allow one that works does nothing.
func (d *Door) allowDevice(c *gin.Context) error {
	current, err := d.unlocked(c)
	if err != nil {
		return err
	}
	id, err := pathDevice(c)
	if err != nil {
		return err
	}
	allowed, waited, err := d.Devices.AllowDevice(c.Request.Context(), current.Account, id, time.Now())
	if err != nil {
		return err
	}
	if waited {
		d.audit(c, deviceEvent(c, identity.EventDeviceAllowed, allowed))
	}
	c.Status(http.StatusNoContent)
	return nil
}

// removeDevice removes a phone of the account: its key is unknown from then on, also to its claims. One that waits is refused by it,
// and may remove itself alone.
func (d *Door) removeDevice(c *gin.Context) error {
	current, err := d.deviceEvenWaiting(c)
	if err != nil {
		return err
	}
	id, err := pathDevice(c)
	if err == nil && id != current.ID {
		if err = working(current); err == nil {
			err = d.unlock(c, current, c.GetHeader("DPoP"))
		}
	}
	if err != nil {
		return err
	}
	now := time.Now()
	removed, err := d.Devices.RemoveDevice(c.Request.Context(), current.Account, id, now)
	if err != nil {
		return err
	}
	kind := identity.EventDeviceRemoved
	if removed.Waits(now) > 0 && removed.ID != current.ID {
		kind = identity.EventDeviceRefused
	}
	d.audit(c, deviceEvent(c, kind, removed))
	c.Status(http.StatusNoContent)
	return nil
}

// pathDevice is the device that the path names.
func pathDevice(c *gin.Context) (string, error) {
	id := c.Param("id")
	if len(id) > 64 || !identity.SafeText(id) { // what no store has to look for
		return "", identity.ErrNoSuchDevice
	}
	return id, nil
}

// deviceEvent is an event about a phone, at the address of the phone that asked for it.
func deviceEvent(c *gin.Context, kind string, device identity.Device) identity.AuditEvent {
	return identity.AuditEvent{Kind: kind, Account: device.Account, Address: web.Address(c), Device: device.Name, Detail: "device " + device.ID}
}

func viewDevice(d identity.Device, current string) api.Device {
	return api.Device{
		Id: d.ID, Name: d.Name, CreatedAt: d.CreatedAt.UTC(), LastSeenAt: d.LastSeenAt.UTC(), ActiveAt: d.ActiveAt.UTC(),
		Current: d.ID == current, Passkey: d.Passkey != "",
	}
}

package phone

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/identity"
)

func (d *Door) account(c *gin.Context) error {
	device, account, err := d.device(c)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, d.viewAccount(account, device))
	return nil
}

func (d *Door) devices(c *gin.Context) error {
	current, account, err := d.device(c)
	if err != nil {
		return err
	}
	all, err := d.Devices.Devices(c.Request.Context(), account.ID)
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

func (d *Door) viewAccount(a identity.Account, device identity.Device) api.PhoneAccount {
	return api.PhoneAccount{
		Issuer: d.Issuer, PhoneNumber: a.PhoneNumber, CreatedAt: a.CreatedAt.UTC(), Device: viewDevice(device, device.ID),
	}
}

func viewDevice(d identity.Device, current string) api.Device {
	return api.Device{
		Id: d.ID, Name: d.Name, CreatedAt: d.CreatedAt.UTC(), LastSeenAt: d.LastSeenAt.UTC(), Current: d.ID == current,
	}
}

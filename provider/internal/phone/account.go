package phone

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

func (d *Door) account(c *gin.Context) error {
	device, err := d.deviceEvenWaiting(c)
	if err != nil {
		return err
	}
	account, err := d.Devices.Account(c.Request.Context(), device.Account)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, d.viewAccount(account, device))
	return nil
}

// deleteAccount deletes the account with all that is kept of it. Nobody's event says so: the log does.
func (d *Door) deleteAccount(c *gin.Context) error {
	device, err := d.unlocked(c)
	if err != nil {
		return err
	}
	if err := d.SignOut.Delete(c.Request.Context(), device.Account); err != nil {
		return err
	}
	d.Log.Info("an account was deleted by its owner", "request_id", web.RequestID(c))
	c.Status(http.StatusNoContent)
	return nil
}

func (d *Door) viewAccount(a identity.Account, device identity.Device) api.PhoneAccount {
	return api.PhoneAccount{
		Issuer: d.Issuer, PhoneNumber: a.PhoneNumber, CreatedAt: a.CreatedAt.UTC(), Device: viewDevice(device, device.ID),
		PasskeysAllowed: d.Passkeys != nil,
	}
}

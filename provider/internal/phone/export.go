package phone

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
)

// export tells the owner all that is kept of the account, as it is kept.
func (d *Door) export(c *gin.Context) error {
	device, err := d.counted(c, func(device identity.Device) []challenge.Tally {
		return []challenge.Tally{d.Limits.Of(limit.ExportsPerAccount, device.Account)}
	})
	if err != nil {
		return err
	}
	d.audit(c, deviceEvent(c, identity.EventAccountExported, device)) // before the events are read: it is one of them
	all, err := d.exported(c, device.Account)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, all)
	return nil
}

func (d *Door) exported(c *gin.Context, id string) (api.AccountExport, error) {
	ctx := c.Request.Context()
	all := api.AccountExport{
		Issuer: d.Issuer, ExportedAt: time.Now().UTC(),
		Devices: []api.ExportedDevice{}, Passkeys: []api.ExportedPasskey{}, Sessions: []api.ExportedSession{}, Logins: []api.ExportedLogin{}, Events: []api.ExportedEvent{},
	}
	account, err := d.Devices.Account(ctx, id)
	if err != nil {
		return all, err
	}
	all.Account.Id, all.Account.PhoneNumber, all.Account.CreatedAt = account.ID, account.PhoneNumber, account.CreatedAt.UTC()
	devices, err := d.Devices.Devices(ctx, account.ID)
	if err != nil {
		return all, err
	}
	for _, device := range devices {
		view := api.ExportedDevice{
			Id: device.ID, Name: device.Name, CreatedAt: device.CreatedAt.UTC(), LastSeenAt: device.LastSeenAt.UTC(), ActiveAt: device.ActiveAt.UTC(),
			Passkey: known(device.Passkey),
		}
		if err := json.Unmarshal(device.Key, &view.PublicKey); err != nil {
			return all, err
		}
		all.Devices = append(all.Devices, view)
	}
	passkeys, err := d.Credentials.Passkeys(ctx, account.ID)
	if err != nil {
		return all, err
	}
	for _, p := range passkeys {
		all.Passkeys = append(all.Passkeys, api.ExportedPasskey{
			Id: p.ID, Name: p.Name, PublicKey: base64.RawURLEncoding.EncodeToString(p.Key), Synced: p.Synced, Count: int64(p.Count),
			CreatedAt: p.CreatedAt.UTC(),
		})
	}
	sessions, err := d.Logins.Sessions(ctx, account.ID)
	if err != nil {
		return all, err
	}
	for _, s := range sessions {
		all.Sessions = append(all.Sessions, api.ExportedSession{
			Device: s.Device, AuthTime: s.AuthTime.UTC(), Acr: s.ACR, Amr: list(s.AMR), ExpiresAt: s.ExpiresAt.UTC(),
		})
	}
	logins, err := d.Logins.Logins(ctx, account.ID, math.MaxInt32)
	if err != nil {
		return all, err
	}
	for _, l := range logins {
		view := api.ExportedLogin{
			Id: l.ID, Client: l.Client, Device: l.Device, Address: known(l.Address), UserAgent: known(l.UserAgent), At: l.At.UTC(),
			AuthTime: l.AuthTime.UTC(), Scopes: list(l.Scopes), Acr: l.ACR, Amr: list(l.AMR), Session: l.Session != "", EndedAt: moment(l.EndedAt),
		}
		if len(l.Resources) > 0 {
			view.Resources = &l.Resources
		}
		all.Logins = append(all.Logins, view)
	}
	events, err := d.Audit.Events(ctx, account.ID, math.MaxInt32)
	if err != nil {
		return all, err
	}
	for _, e := range events {
		all.Events = append(all.Events, api.ExportedEvent{
			Kind: api.EventKind(e.Kind), At: e.At.UTC(), Client: known(e.Client), Login: known(e.Login), Device: known(e.Device),
			ActiveAt: moment(e.ActiveAt), Address: known(e.Address), UserAgent: known(e.UserAgent), Detail: known(e.Detail),
		})
	}
	return all, nil
}

// list is a list that is there, if empty.
func list(of []string) []string { return append([]string{}, of...) }

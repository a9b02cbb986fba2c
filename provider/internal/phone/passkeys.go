package phone

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/passkey"
	"qrlogin/provider/internal/web"
)

// What passkeys may cost: how many an account has, how long a challenge that was given out is good, and how large an answer may be.
const (
	maxPasskeys   = 10
	challengeLife = 5 * time.Minute
	maxAnswer     = 8 << 10 // bytes, base64url, in a header
	maxCredential = 32 << 10
	maxID         = 1364 // base64url of 1023 bytes (WebAuthn §4, Credential ID)
)

var (
	errNoPasskeys = web.Problem{Status: http.StatusNotFound, Code: "passkeys-not-possible",
		Title: "There are no passkeys at an issuer whose address has no name, or without TLS"}
	errPasskeyRequired = web.Problem{Status: http.StatusForbidden, Code: "passkey-required", Title: "This phone has to show its passkey for that"}
	errPasskeyWrong    = web.Problem{Status: http.StatusForbidden, Code: "passkey-wrong", Title: "The passkey's answer is wrong, or to something else"}
)

// mountPasskeys adds the routes that are about passkeys.
func (d *Door) mountPasskeys(r gin.IRoutes, h func(func(*gin.Context) error) gin.HandlerFunc) {
	possible := func(f func(*gin.Context) error) gin.HandlerFunc {
		return h(func(c *gin.Context) error {
			if d.Passkeys == nil {
				return errNoPasskeys
			}
			return f(c)
		})
	}
	r.GET("/phone/passkeys", possible(d.passkeys))
	r.POST("/phone/passkeys", possible(d.addPasskey))
	r.POST("/phone/passkeys/options", possible(d.passkeyOptions))
	r.PUT("/phone/passkeys/current", possible(d.usePasskey))
	r.DELETE("/phone/passkeys/:id", possible(d.removePasskey))
	r.POST("/phone/enrollments/passkey/options", possible(d.recoveryOptions))
	r.POST("/phone/enrollments/passkey", possible(d.recover))
}

func (d *Door) passkeys(c *gin.Context) error {
	device, err := d.device(c)
	if err != nil {
		return err
	}
	all, err := d.Credentials.Passkeys(c.Request.Context(), device.Account)
	if err != nil {
		return err
	}
	list := api.PasskeyList{Passkeys: make([]api.Passkey, 0, len(all))}
	for _, p := range all {
		list.Passkeys = append(list.Passkeys, viewPasskey(p, device.Passkey))
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, list)
	return nil
}

func viewPasskey(p identity.Passkey, current string) api.Passkey {
	return api.Passkey{Id: p.ID, Name: p.Name, CreatedAt: p.CreatedAt.UTC(), Current: p.ID == current}
}

// passkeyOptions gives a device what its authenticator needs to make a passkey. The challenge is good once, and for this device; a
// newer one takes its place.
func (d *Door) passkeyOptions(c *gin.Context) error {
	device, err := d.device(c)
	if err != nil {
		return err
	}
	known, err := d.Credentials.Passkeys(c.Request.Context(), device.Account)
	if err != nil {
		return err
	}
	if len(known) >= maxPasskeys {
		return identity.ErrPasskeysFull
	}
	account, err := d.Devices.Account(c.Request.Context(), device.Account)
	if err != nil {
		return err
	}
	options, asked, err := d.Passkeys.Creation(account, known)
	if err != nil {
		return err
	}
	if err := d.Keys.Put(c.Request.Context(), "passkey creation "+device.ID, []byte(asked), challengeLife); err != nil {
		return err
	}
	answerOptions(c, options)
	return nil
}

// addPasskey registers a passkey, which this device has to show from now on. One that has to show one already shows it here, too: else
// whoever holds an unlocked phone for a moment would add one of their own, and approve with that.
func (d *Door) addPasskey(c *gin.Context) error {
	device, err := d.unlocked(c)
	if err != nil {
		return err
	}
	var body api.PasskeyRegistration
	if err := web.ReadJSON(c, &body, maxCredential); err != nil {
		return err
	}
	asked, err := d.asked(c, "passkey creation "+device.ID)
	if err != nil {
		return err
	}
	made, err := d.Passkeys.Register(device.Account, asked, body.Credential)
	if errors.Is(err, passkey.ErrWrong) {
		return errPasskeyWrong
	}
	if err != nil {
		return err
	}
	made.Name, made.CreatedAt = device.Name, time.Now()
	if err := d.Credentials.AddPasskey(c.Request.Context(), made, device.ID, maxPasskeys); err != nil {
		return err
	}
	d.auditPasskey(c, identity.EventPasskeyAdded, made)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, viewPasskey(made, made.ID))
	return nil
}

// usePasskey has a device show a passkey that has come to it by being synced: its authenticator makes no second one beside it.
func (d *Door) usePasskey(c *gin.Context) error {
	device, err := d.device(c)
	if err != nil {
		return err
	}
	shown, err := d.shown(c, device, c.GetHeader("DPoP"))
	if err != nil {
		return err
	}
	if err := d.Credentials.UsePasskey(c.Request.Context(), device.ID, shown.ID); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, viewPasskey(shown, shown.ID))
	return nil
}

// removePasskey forgets a passkey. Somebody else's looks like none at all.
func (d *Door) removePasskey(c *gin.Context) error {
	id := c.Param("id")
	if id == "options" || id == "current" { // too short for one
		c.Header("Allow", map[string]string{"options": http.MethodPost, "current": http.MethodPut}[id])
		return web.MethodNotAllowed
	}
	device, err := d.unlocked(c)
	if err != nil {
		return err
	}
	if _, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(id) > maxID { // what no store has to look for
		return identity.ErrUnknownPasskey
	}
	if err := d.Credentials.RemovePasskey(c.Request.Context(), device.Account, id); err != nil {
		return err
	}
	d.auditPasskey(c, identity.EventPasskeyRemoved, identity.Passkey{ID: id, Account: device.Account})
	c.Status(http.StatusNoContent)
	return nil
}

// recoveryOptions lets a new phone show a passkey of an account that it does not name. The challenge is good once, and for this key.
func (d *Door) recoveryOptions(c *gin.Context) error {
	p, err := d.prove(c)
	if err != nil {
		return err
	}
	if err := limit.Count(c.Request.Context(), d.Keys, d.Limits.Of(limit.PasskeysPerNetwork, web.Network(c))); err != nil {
		return err
	}
	options, asked, err := d.Passkeys.Request()
	if err != nil {
		return err
	}
	if err := d.Keys.Put(c.Request.Context(), "passkey recovery "+p.Thumbprint, []byte(asked), challengeLife); err != nil {
		return err
	}
	answerOptions(c, options)
	return nil
}

// recover enrols a new phone by a passkey: no SMS, and no waiting, for a passkey is something that a phone of the account has made. The
// new phone has to show it from now on.
func (d *Door) recover(c *gin.Context) error {
	p, err := d.prove(c)
	if err != nil {
		return err
	}
	var body api.PasskeyEnrollment
	if err := web.ReadJSON(c, &body, maxCredential); err != nil {
		return err
	}
	name, err := deviceName(body.DeviceName)
	if err != nil {
		return err
	}
	asked, err := d.asked(c, "passkey recovery "+p.Thumbprint)
	if err != nil {
		return err
	}
	shown, err := d.judge(c, body.Credential, asked, "")
	if err != nil {
		return err
	}
	key, err := proof.MarshalKey(p.Key)
	if err != nil {
		return err
	}
	account, device, err := d.Credentials.EnrollByPasskey(c.Request.Context(), shown.ID, identity.Device{
		ID: p.Thumbprint, Name: name, Key: key, CreatedAt: time.Now(),
	})
	if errors.Is(err, identity.ErrUnknownPasskey) { // removed meanwhile
		return errPasskeyWrong
	}
	if err != nil {
		return err
	}
	e := deviceEvent(c, identity.EventDeviceEnrolled, device)
	e.ActiveAt, e.Detail = device.ActiveAt, e.Detail+" by passkey "+shown.ID
	d.audit(c, e)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, d.viewAccount(account, device))
	return nil
}

// unlocked is device for a request that matters: who has to show a passkey has shown it for this very request.
func (d *Door) unlocked(c *gin.Context) (identity.Device, error) {
	device, err := d.device(c)
	if err != nil {
		return device, err
	}
	return device, d.unlock(c, device, c.GetHeader("DPoP"))
}

// unlock holds a device that has a passkey to showing one over the JWS that a request rests on.
func (d *Door) unlock(c *gin.Context, device identity.Device, jws string) error {
	if device.Passkey == "" {
		return nil
	}
	_, err := d.shown(c, device, jws)
	return err
}

// shown is the passkey of the account that the request shows, over this JWS (docs/adr/0015). Any of them is as good as the one that the
// device has: the person was verified by each.
func (d *Door) shown(c *gin.Context, device identity.Device, jws string) (identity.Passkey, error) {
	header := c.Request.Header.Values("Passkey")
	switch {
	case len(header) == 0:
		return identity.Passkey{}, errPasskeyRequired
	case len(header) > 1 || len(header[0]) > maxAnswer:
		return identity.Passkey{}, errPasskeyWrong
	}
	answer, err := base64.RawURLEncoding.DecodeString(header[0])
	if err != nil {
		return identity.Passkey{}, errPasskeyWrong
	}
	return d.judge(c, answer, passkey.Over(jws), device.Account)
}

// judge judges an authenticator's answer to a challenge, and keeps its count. account is whose the passkey has to be, "" for anybody's.
func (d *Door) judge(c *gin.Context, answer []byte, asked, account string) (identity.Passkey, error) {
	a, err := passkey.Read(answer)
	if err != nil || d.Passkeys == nil { // the issuer had another address when the device got its passkey
		return identity.Passkey{}, errPasskeyWrong
	}
	known, err := d.Credentials.Passkey(c.Request.Context(), a.Passkey)
	whose := known.Account == account
	if account == "" {
		whose = a.Named
	}
	switch {
	case errors.Is(err, identity.ErrUnknownPasskey), err == nil && !whose:
		return identity.Passkey{}, errPasskeyWrong
	case err != nil:
		return identity.Passkey{}, err
	}
	shown, err := d.Passkeys.Verify(a, asked, known)
	if err == nil && shown.Count != known.Count {
		err = d.Credentials.CountPasskey(c.Request.Context(), shown)
		if errors.Is(err, identity.ErrUnknownPasskey) { // removed, or counted further, in this moment
			err = passkey.ErrWrong
		}
	}
	switch {
	case errors.Is(err, passkey.ErrCloned):
		d.alarm(c, "", identity.AuditEvent{Kind: identity.EventPasskeyCloned, Account: known.Account, Address: web.Address(c)})
		return identity.Passkey{}, errPasskeyWrong
	case errors.Is(err, passkey.ErrWrong):
		return identity.Passkey{}, errPasskeyWrong
	}
	return shown, err
}

// asked is the challenge that was given out, and is given up.
func (d *Door) asked(c *gin.Context, key string) (string, error) {
	asked, err := d.Keys.Take(c.Request.Context(), key)
	if errors.Is(err, challenge.ErrNotFound) {
		return "", errPasskeyWrong.With("ask for the options first: a challenge is good once, for five minutes")
	}
	return string(asked), err
}

func answerOptions(c *gin.Context, options json.RawMessage) {
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "application/json", options)
}

func (d *Door) auditPasskey(c *gin.Context, kind string, p identity.Passkey) {
	d.audit(c, identity.AuditEvent{Kind: kind, Account: p.Account, Address: web.Address(c), Detail: "passkey " + p.ID})
}

package phone

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

// Wrong typed codes (SECURITY.md §4): eight letters of twenty, and this many tries, leave no chance to a guess.
var (
	typedPerDevice  = challenge.Limit{Max: 5, Window: 10 * time.Minute}
	typedPerAddress = challenge.Limit{Max: 10, Window: 10 * time.Minute}
)

func (d *Door) scan(c *gin.Context) error {
	arrived := time.Now()
	device, account, err := d.device(c)
	if err != nil {
		return err
	}
	var body api.ScanRequest
	if err := web.ReadJSON(c, &body, maxBody); err != nil {
		return err
	}
	code, err := d.readCode(c, device, body.Code)
	if err != nil {
		return d.refusedText(c, account, body.Code, err)
	}
	r, err := challenge.Do(c.Request.Context(), d.Challenges, code.ID, func(r challenge.Record) (challenge.Event, error) {
		event := challenge.Scan{Code: code, Waited: time.Since(arrived), Device: device.ID, Account: account.ID}
		var err error
		if r.State == challenge.Pending {
			event.Consent, err = d.consent(c, r)
		}
		return event, err
	})
	if err != nil {
		return d.refusedScan(c, account, code.ID, r, err)
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, api.Claim{
		ChallengeId: r.ID.String(),
		Consent:     base64.RawURLEncoding.EncodeToString(r.Claim.Consent),
		ExpiresIn:   max(0, int((r.ExpiresAt.Sub(r.Now)-challenge.DecisionReserve)/time.Second)),
	})
	return nil
}

// readCode finds out what was scanned or typed: a QR code of this issuer, or a user code.
func (d *Door) readCode(c *gin.Context, device identity.Device, text string) (challenge.Code, error) {
	if rest, ok := strings.CutPrefix(text, d.Issuer+"/q/"); ok {
		return challenge.ParseCode(rest)
	}
	typed, err := challenge.ParseUserCode(text)
	if err != nil {
		return challenge.Code{}, err
	}
	// Each try is counted before it is judged, so that many at once are not more than the limit; a right one is given back.
	keys := map[string]challenge.Limit{"typed device " + device.ID: typedPerDevice, "typed address " + web.Network(c): typedPerAddress}
	for key, limit := range keys {
		if err := d.limited(c, key, limit); err != nil {
			return challenge.Code{}, err
		}
	}
	id, err := d.Challenges.Find(c.Request.Context(), typed)
	if errors.Is(err, challenge.ErrNotFound) {
		return challenge.Code{}, challenge.ErrCodeUnknown
	}
	if err != nil {
		return challenge.Code{}, err
	}
	for key := range keys {
		if err := d.Keys.Refund(c.Request.Context(), key); err != nil {
			return challenge.Code{}, err
		}
	}
	return challenge.Code{ID: id, Typed: true}, nil
}

// consent is what the phone will show and sign: who asks, from where, for what (RFC 10027 §6.1.14).
func (d *Door) consent(c *gin.Context, r challenge.Record) ([]byte, error) {
	client, err := d.Clients.Client(c.Request.Context(), r.Client)
	if err != nil {
		return nil, err
	}
	var consent api.Consent
	consent.Challenge = r.ID.String()
	consent.Client.Id, consent.Client.Name, consent.Client.Domains = client.ID, client.Name, client.Domains()
	if r.Browser.Address != "" {
		consent.Browser.Address = &r.Browser.Address
	}
	if r.Browser.UserAgent != "" {
		consent.Browser.UserAgent = &r.Browser.UserAgent
	}
	consent.Scopes = r.Request.Scopes
	if len(r.Request.Resources) > 0 {
		consent.Resources = &r.Request.Resources
	}
	if r.Request.BindingMessage != "" {
		consent.BindingMessage = &r.Request.BindingMessage // RFC 10027 §6.1.17
	}
	if r.Request.SessionOffered {
		consent.SessionOffered = &r.Request.SessionOffered // RFC 10027 §6.1.10
	}
	consent.ClaimedAt = r.Now.UTC()
	return json.Marshal(consent)
}

func (d *Door) release(c *gin.Context) error {
	device, _, err := d.device(c)
	if err != nil {
		return err
	}
	id, err := challenge.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	_, err = challenge.Do(c.Request.Context(), d.Challenges, id, func(challenge.Record) (challenge.Event, error) {
		return challenge.Release{Device: device.ID}, nil
	})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

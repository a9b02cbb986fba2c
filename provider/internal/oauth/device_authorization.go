package oauth

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
)

// interval is the time between two polls that do not wait (RFC 8628 §3.2).
const interval = 5 * time.Second

// deviceAuthorization starts a challenge (RFC 8628 §3.1).
func (d *Door) deviceAuthorization(c *gin.Context, client identity.Client, f form) error {
	request, err := readRequest(client, f)
	if err != nil {
		return err
	}
	policy := challenge.Policy{StaticCode: client.StaticQR}
	draft, deviceCode, watch := challenge.NewDraft(client.ID, policy, request)
	_, err = d.Challenges.Create(c.Request.Context(), draft)
	for errors.Is(err, challenge.ErrUserCodeTaken) && c.Request.Context().Err() == nil {
		draft = draft.WithUserCode(challenge.NewUserCode())
		_, err = d.Challenges.Create(c.Request.Context(), draft)
	}
	if err != nil {
		return err
	}
	answer := api.DeviceAuthorization{
		DeviceCode:      deviceCode.String(),
		UserCode:        draft.UserCode(),
		VerificationUri: d.Issuer + "/q",
		ExpiresIn:       int(challenge.Lifetime / time.Second),
		Interval:        int(interval / time.Second),
		ChallengeId:     draft.ID().String(),
		Watch:           watch.String(),
	}
	if policy.StaticCode {
		complete := d.Issuer + "/q/" + challenge.Code{ID: draft.ID()}.String()
		answer.VerificationUriComplete = &complete
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

// readRequest reads what the site asks for. Scopes that mean nothing here, or are not this client's, are left out (OIDC
// Core §3.1.2.1); the token response says which were granted.
func readRequest(client identity.Client, f form) (challenge.Request, error) {
	asked := f.scopes()
	if len(asked) == 0 {
		asked = []string{"openid"}
	}
	var granted []string
	for _, s := range asked {
		// RFC 10027 §6.1.9: limited scopes
		if slices.Contains(scopesSupported, s) && slices.Contains(client.Scopes, s) {
			granted = append(granted, s)
		}
	}
	if len(granted) == 0 {
		return challenge.Request{}, errInvalidScope
	}
	nonce, message := f["nonce"], f["binding_message"]
	if len(nonce) > 255 || !identity.SafeText(nonce) {
		return challenge.Request{}, invalidRequest("nonce is longer than 255 characters, or has control characters")
	}
	if len([]rune(message)) > 100 || !identity.SafeText(message) {
		return challenge.Request{}, invalidRequest("binding_message is longer than 100 characters, or has control characters")
	}
	return challenge.Request{Scopes: granted, Nonce: nonce, BindingMessage: message}, nil
}

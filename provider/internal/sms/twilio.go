package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"qrlogin/provider/internal/identity"
)

// twilio sends by Twilio's Messages resource (https://www.twilio.com/docs/messaging/api/message-resource). It is asked once: there is
// no id by which it would know a message that it has, and a second one costs again.
type twilio struct {
	client               *http.Client
	api                  string
	account, from, token string
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-f]{32}$`)
	e164       = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
)

func newTwilio(account, from, token string) (*twilio, error) {
	switch {
	case !accountSID.MatchString(account):
		return nil, errors.New("sms twilio: the account SID is not AC and 32 hexadecimal digits")
	case !serviceSID.MatchString(from) && !e164.MatchString(from):
		return nil, errors.New("sms twilio: the sender is neither a number such as +15005550006 nor the SID of a messaging service, MG and 32 hexadecimal digits")
	case token == "":
		return nil, errors.New("sms twilio: the auth token is missing")
	}
	return &twilio{newClient(), "https://api.twilio.com", account, from, token}, nil
}

// unreachable is Twilio's error codes for a number that gets no SMS: it is none, no mobile phone's, a landline's.
var unreachable = []int{21211, 21614, 21635}

func (t *twilio) send(ctx context.Context, m message) error {
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	if serviceSID.MatchString(t.from) {
		form.Set("MessagingServiceSid", t.from)
	} else {
		form.Set("From", t.from)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.api+"/2010-04-01/Accounts/"+t.account+"/Messages.json", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.SetBasicAuth(t.account, t.token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body, err := post(t.client, r)
	if err != nil {
		return fmt.Errorf("twilio: %w", err)
	}
	if taken(status) {
		return nil
	}
	var refusal struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal(body, &refusal) // a proxy's answer has none. The message, which is not read, has the number in it.
	if slices.Contains(unreachable, refusal.Code) {
		return identity.ErrInvalidNumber
	}
	return fmt.Errorf("twilio: error %d, %w", refusal.Code, answered(status))
}

func (t *twilio) close() error {
	t.client.CloseIdleConnections()
	return nil
}

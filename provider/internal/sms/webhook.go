package sms

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"qrlogin/provider/internal/identity"
)

// webhook posts messages to a program of the operator's, signed as Standard Webhooks 1.0.0 says, so that its libraries verify them.
type webhook struct {
	client *http.Client
	url    string
	key    []byte
}

var errWebhookSecret = errors.New(`the webhook's secret is not whsec_ and base64 of 24 to 64 random bytes; make one with: echo "whsec_$(openssl rand -base64 32)"`)

func newWebhook(to, secret string) (*webhook, error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the webhook is not an address such as https://sms.example/send")
	}
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errWebhookSecret
	}
	return &webhook{newClient(), to, key}, nil
}

// send tries twice when the first got no answer, or one that says that the fault is over there. The id stays the same, by which the
// other side knows a message that it has; what the second says of itself does not take back that the first may have been sent.
func (w *webhook) send(ctx context.Context, m message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	again, first := w.try(ctx, m.ID, body)
	if !again || ctx.Err() != nil {
		return first
	}
	_, err = w.try(ctx, m.ID, body)
	if err != nil && !errors.Is(err, identity.ErrInvalidNumber) && errors.Is(first, ErrMayBeSent) {
		return fmt.Errorf("%w; before, %w", err, first)
	}
	return err
}

func (w *webhook) try(ctx context.Context, id string, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("webhook: no request can be made of its address")
	}
	at := strconv.FormatInt(time.Now().Unix(), 10) // of this try
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", "v1,"+w.sign(id, at, body))
	status, _, err := post(w.client, r)
	switch {
	case err != nil:
		return true, fmt.Errorf("webhook: %w", err)
	case taken(status):
		return false, nil
	case status == http.StatusUnprocessableEntity:
		return false, identity.ErrInvalidNumber
	}
	err = answered(status)
	return errors.Is(err, ErrMayBeSent), fmt.Errorf("webhook: %w", err)
}

func (w *webhook) sign(id, at string, body []byte) string {
	mac := hmac.New(sha256.New, w.key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (w *webhook) close() error {
	w.client.CloseIdleConnections()
	return nil
}

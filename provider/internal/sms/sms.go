package sms

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// timeout is how long the phone waits for a gateway at most, all tries taken together.
const timeout = 5 * time.Second

// ErrMayBeSent is of a message that may have gone out: it was handed over, and no answer came, or none in time, or one that leaves it open.
var ErrMayBeSent = errors.New("it may have been sent")

// message is what is handed over to be sent. Its form is the webhook's, too.
type message struct {
	ID   string `json:"id"` // the same however often it is tried
	To   string `json:"to"` // E.164
	Text string `json:"text"`
	Code string `json:"code"`
}

// gateway sends messages. Its errors name neither the number nor the code: they are logged.
type gateway interface {
	send(ctx context.Context, m message) error
	close() error
}

// Config says how codes are sent.
type Config struct {
	By      string    // console, file:PATH, webhook:URL or twilio:ACCOUNT_SID
	From    string    // for Twilio: a number, or the SID of a messaging service
	Secret  string    // that the webhook's requests are signed with, or Twilio's auth token
	Issuer  string    // whose host the codes are good for
	Console io.Writer // where console prints
}

// Sender sends codes.
type Sender struct {
	host    string
	gateway gateway
}

// Open makes a sender; the caller closes it.
func Open(c Config) (*Sender, error) {
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("sms: %w", err)
	}
	g, err := open(c)
	if err != nil {
		return nil, err
	}
	return &Sender{host: issuer.Hostname(), gateway: g}, nil
}

func open(c Config) (gateway, error) {
	kind, what, _ := strings.Cut(c.By, ":")
	switch {
	case c.From != "" && kind != "twilio":
		return nil, fmt.Errorf("sms %s has no sender to choose; that is for twilio", kind)
	case c.Secret != "" && !Paid(c.By):
		return nil, fmt.Errorf("sms %s has no secret; that is for webhook and twilio", kind)
	case c.By == "console":
		return console{c.Console}, nil
	case kind == "file" && what != "":
		return openFile(what)
	case kind == "webhook" && what != "":
		return newWebhook(what, c.Secret)
	case kind == "twilio" && what != "":
		return newTwilio(what, c.From, c.Secret)
	}
	return nil, fmt.Errorf("sms %q is not console, file:PATH, webhook:URL or twilio:ACCOUNT_SID", c.By)
}

// Paid tells whether somebody is asked to send at once, which costs money as a rule.
func Paid(by string) bool {
	kind, _, _ := strings.Cut(by, ":")
	return kind == "webhook" || kind == "twilio"
}

// Send sends a code, in the language that an Accept-Language header prefers. It goes on when who asked has hung up: whether it went
// out must not be left open. [ErrMayBeSent] if it is all the same, [identity.ErrInvalidNumber] if no message reaches this number; after
// any other error nothing has been sent.
func (s *Sender) Send(ctx context.Context, number, code, acceptLanguage string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return s.gateway.send(ctx, message{ID: "msg_" + rand.Text(), To: number, Code: code, Text: text(acceptLanguage, s.host, code)})
}

// Close closes what is open.
func (s *Sender) Close() error { return s.gateway.close() }

package oauth

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
)

// transactionLife is how long a person may stay at the hosted page: several codes.
const transactionLife = 30 * time.Minute

// A transaction is an authorization that waits for a person at the hosted page. Its id is in the page's URL and gets nobody
// anything; it opens with the cookie of the browser that was sent to /authorize, and with nothing else, so that the code goes
// to that browser alone (SECURITY.md §1.1, RFC 9700 §4.7).
type transaction struct {
	id, secret string
	sealed     []byte // as it lies in the store
	authorization
	Session string `json:"session,omitempty"` // the session in which it may be answered without a scan
	Again   string `json:"again,omitempty"`   // the same request, for a page whose transaction is lost; none where it was pushed, and so is good once
}

var (
	errTransaction  = errors.New("oauth: no such transaction for this browser")
	errOtherBrowser = errors.New("oauth: this browser has no transaction at all")
)

// begin keeps an authorization, and sends the browser to its page.
func (d *Door) begin(c *gin.Context, t transaction) error {
	t.id, t.secret = rand.Text(), d.browserSecret(c)
	if t.secret == "" {
		t.secret = challenge.NewSecret()
	}
	record, err := json.Marshal(t)
	if err != nil {
		return err
	}
	sealed, err := challenge.Seal(t.secret, "transaction "+t.id, record)
	if err != nil {
		return err
	}
	if err := d.Keys.Put(c.Request.Context(), "transaction "+t.id, sealed, transactionLife); err != nil {
		return err
	}
	d.setCookie(c, browserCookie, t.secret, 0)
	return seeOther(c, "/authorize/"+t.id)
}

// transaction finds the one in the path; errTransaction for one that has ended and for another browser's alike.
func (d *Door) transaction(c *gin.Context) (transaction, error) {
	t := transaction{id: c.Param("transaction"), secret: d.browserSecret(c)}
	if t.secret == "" {
		return t, errOtherBrowser
	}
	if len(t.id) > 64 {
		return t, errTransaction
	}
	sealed, err := d.Keys.Peek(c.Request.Context(), "transaction "+t.id)
	if errors.Is(err, challenge.ErrNotFound) {
		return t, errTransaction
	}
	if err != nil {
		return t, err
	}
	record, err := challenge.Open(t.secret, "transaction "+t.id, sealed)
	if err != nil {
		return t, errTransaction
	}
	t.sealed = sealed
	return t, json.Unmarshal(record, &t)
}

// end ends a transaction, once: of many that answer it at once, one gets no error.
func (d *Door) end(c *gin.Context, t transaction) error {
	_, err := d.Keys.Take(c.Request.Context(), "transaction "+t.id)
	if errors.Is(err, challenge.ErrNotFound) {
		return errTransaction
	}
	return err
}

func (t transaction) path() string { return "/authorize/" + t.id }

// keepCode keeps the device_code of the transaction's challenge: the hosted page is a site like any other, and its visitor's
// "session" is the transaction. The newest challenge is the one that counts.
func (d *Door) keepCode(c *gin.Context, t transaction, code challenge.Capability) error {
	sealed, err := challenge.Seal(t.secret, "device code "+code.ID.String(), []byte(code.Secret))
	if err != nil {
		return err
	}
	return d.Keys.Put(c.Request.Context(), "hosted "+t.id, append(code.ID[:], sealed...), transactionLife)
}

// deviceCodeOf answers the device_code of the transaction's newest challenge; challenge.ErrNotFound when there is none yet.
func (d *Door) deviceCodeOf(c *gin.Context, t transaction) (challenge.Capability, error) {
	var code challenge.Capability
	kept, err := d.Keys.Peek(c.Request.Context(), "hosted "+t.id)
	if err != nil {
		return code, err
	}
	sealed := kept[copy(code.ID[:], kept):]
	secret, err := challenge.Open(t.secret, "device code "+code.ID.String(), sealed)
	code.Secret = string(secret)
	return code, err
}

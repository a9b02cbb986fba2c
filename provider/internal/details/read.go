package details

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bojanz/currency"

	"qrlogin/api"
	"qrlogin/api/handoff"
	"qrlogin/provider/internal/identity"
)

// The bounds of what is asked for (openapi.yaml says them to sites).
const (
	maxText       = 16 << 10 // bytes, as sent and as carried
	maxName       = 32       // of a member: it is said in the error, which may go into a URL
	maxLines      = 100
	maxQuantity   = 10_000
	maxAmount     = 1_000_000_000_000
	maxURI        = 512
	maxMediaTypes = 10
)

// Invalid is what is wrong with authorization details, in words for the site's engineer.
type Invalid string

func (i Invalid) Error() string { return string(i) }

// Read reads the authorization_details of a request (RFC 9396 §2), of a client that may ask for these types. It answers what the
// challenge carries, written anew: each member once, in one order. local says that the provider itself is on the loopback: elsewhere what
// is there is whatever runs on the phone. An error is [Invalid].
func Read(text string, allowed []string, local bool) (json.RawMessage, error) {
	if len(text) > maxText {
		return nil, Invalid("it is longer than 16 KiB")
	}
	if !utf8.ValidString(text) {
		return nil, Invalid("it is not UTF-8")
	}
	if err := once([]byte(text)); err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, Invalid("it is not a JSON array")
	}
	if len(list) != 1 {
		return nil, Invalid("it is not an array of one object")
	}
	var named struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(list[0], &named); err != nil {
		return nil, Invalid("it is not an array of one object with a type")
	}
	if !slices.Contains(identity.DetailTypes, named.Type) {
		return nil, Invalid("its type is none of " + strings.Join(identity.DetailTypes, ", "))
	}
	if !slices.Contains(allowed, named.Type) {
		return nil, Invalid("this client is not registered for the type " + named.Type)
	}
	var (
		carried json.RawMessage
		err     error
	)
	if named.Type == string(api.OrderTypeOrder) {
		carried, err = read(list[0], func(o *api.Order) error { return checkOrder(o, local) })
	} else {
		carried, err = read(list[0], checkHandoff)
	}
	if len(carried) > maxText {
		return nil, Invalid("it is longer than 16 KiB")
	}
	return carried, err
}

func read[T any](raw json.RawMessage, check func(*T) error) (json.RawMessage, error) {
	var asked T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			if wrong.Type.Kind() == reflect.Int64 {
				return nil, Invalid(wrong.Field + " is not a whole number in bounds")
			}
			return nil, Invalid(wrong.Field + " is not of the right type")
		}
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return nil, Invalid("the member " + strings.Trim(name, `"`) + " is not known") // RFC 6749 §5.2: no quotes in a description
		}
		return nil, Invalid("it is malformed")
	}
	if err := check(&asked); err != nil {
		return nil, err
	}
	return json.Marshal(asked)
}

// once refuses an object that names a member twice, on any level: which one counts would be the reader's choice. encoding/json takes a
// member for another that differs in case alone; ours are lower case.
func once(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	var value func(depth int) error
	value = func(depth int) error {
		t, err := d.Token()
		if err != nil || depth > 8 {
			return Invalid("it is not JSON")
		}
		seen := map[string]bool{}
		open, nested := t.(json.Delim)
		if !nested {
			return nil
		}
		for d.More() {
			if open == '{' {
				t, err := d.Token()
				name, ok := t.(string)
				switch {
				case err != nil || !ok:
					return Invalid("it is not JSON")
				case len(name) > maxName, strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "":
					return Invalid("a member is not known")
				case seen[name]:
					return Invalid("the member " + name + " is repeated")
				}
				seen[name] = true
			}
			if err := value(depth + 1); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return Invalid("it is not JSON")
		}
		return nil
	}
	if err := value(0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Invalid("something stands behind it")
	}
	return nil
}

// checkOrder holds an order to what it must be for a person to sign it: its sums are right, and every text can be shown as it is.
func checkOrder(o *api.Order, local bool) error {
	if o.Receipt != nil {
		return Invalid("receipt is the provider's to give")
	}
	for _, text := range []struct {
		name, text string
		most       int
	}{{"order_id", o.OrderId, 64}, {"merchant", o.Merchant, 64}} {
		if err := checkText(text.name, text.text, text.most); err != nil {
			return err
		}
	}
	if _, known := currency.GetDigits(o.Currency); !known { // which knows upper case alone
		return Invalid("currency is no code of ISO 4217")
	}
	if len(o.Lines) == 0 || len(o.Lines) > maxLines {
		return Invalid("lines are not 1 to 100")
	}
	var sum int64
	for i, line := range o.Lines {
		at := fmt.Sprintf("lines[%d].", i)
		if err := checkText(at+"name", line.Name, 100); err != nil {
			return err
		}
		switch {
		case line.Quantity < 1 || line.Quantity > maxQuantity:
			return Invalid(at + "quantity is not 1 to 10000")
		case line.UnitPrice < 0 || line.UnitPrice > maxAmount:
			return Invalid(at + "unit_price is not 0 to 1000000000000")
		}
		sum += line.Quantity * line.UnitPrice // at most 10^4 * 10^12 each, checked before the next
		if sum > maxAmount {
			return Invalid("the lines come to more than 1000000000000")
		}
	}
	switch {
	case o.Total < 1 || o.Total > maxAmount:
		return Invalid("total is not 1 to 1000000000000")
	case o.Total != sum:
		return Invalid(fmt.Sprintf("total is %d, and the lines come to %d", o.Total, sum))
	}
	if o.Kiosk != nil {
		if err := checkText("kiosk.id", o.Kiosk.Id, 64); err != nil {
			return err
		}
		if err := checkText("kiosk.place", o.Kiosk.Place, 100); err != nil {
			return err
		}
	}
	if o.PaymentUri != nil && !payable(*o.PaymentUri, local) {
		return Invalid("payment_uri is not an address of at most 512 characters by https, or by http on the loopback where the provider is, too")
	}
	return nil
}

// payable tells whether a phone may be sent there.
func payable(uri string, local bool) bool {
	u, err := url.Parse(uri)
	if err != nil || len(uri) > maxURI || u.Hostname() == "" || u.User != nil || !ascii(uri) || !ascii(u.Host) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && local && Loopback(u.Hostname())
}

// Loopback tells whether a host is this machine.
func Loopback(host string) bool {
	at, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && at.IsLoopback()
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// checkHandoff holds a handoff to what a phone can show, and encrypt for.
func checkHandoff(h *api.Handoff) error {
	if err := checkText("kind", h.Kind, 64); err != nil {
		return err
	}
	if h.MediaTypes != nil {
		if len(*h.MediaTypes) == 0 || len(*h.MediaTypes) > maxMediaTypes {
			return Invalid("media_types are not 1 to 10")
		}
		for _, t := range *h.MediaTypes {
			parsed, _, err := mime.ParseMediaType(t) // which lowers it, and takes parameters away
			if err != nil || parsed != t || len(t) > 127 || !strings.Contains(t, "/") {
				return Invalid("media_types has one that is not such as text/html, in lower case and without parameters")
			}
		}
	}
	if _, err := handoff.Thumbprint(h.Jwk); err != nil {
		return Invalid("jwk is not a public key on P-256")
	}
	return nil
}

func checkText(name, text string, most int) error {
	if text == "" || utf8.RuneCountInString(text) > most || strings.TrimSpace(text) != text || !identity.SafeText(text) {
		return Invalid(fmt.Sprintf("%s is not 1 to %d characters that can be shown as they are", name, most))
	}
	return nil
}

// Digits is how many decimals an amount in that currency has (ISO 4217).
func Digits(code string) int {
	digits, _ := currency.GetDigits(code) // one that [Read] has let in
	return int(digits)
}

// Total is what an order comes to, in words: 640.00 CNY.
func Total(o api.Order) string {
	amount, _ := currency.NewAmountFromInt64(o.Total, o.Currency) // one that [Read] has let in
	return amount.String()
}

package details_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"qrlogin/api"
	"qrlogin/provider/internal/details"
	"qrlogin/provider/internal/identity"
)

const (
	bowl = `{"type":"order","order_id":"B-1","merchant":"The Shop","lines":[{"name":"Bowl","quantity":2,"unit_price":100}],` +
		`"total":200,"currency":"EUR"}`
	bookmarks = `{"type":"handoff","kind":"bookmarks","media_types":["text/html"],"jwk":{"kty":"EC","crv":"P-256",` +
		`"x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}}`
)

// with is one of them with something in another's place.
func with(t testing.TB, of, old, text string) string {
	t.Helper()
	changed := strings.Replace(of, old, text, 1)
	if changed == of {
		t.Fatalf("there is no %s in %s", old, of)
	}
	return "[" + changed + "]"
}

func read(text string) (json.RawMessage, error) {
	return details.Read(text, identity.DetailTypes, true)
}

// lines is an order of this line, so many times.
func lines(t testing.TB, n int, line string, total string) string {
	t.Helper()
	text := with(t, bowl, `{"name":"Bowl","quantity":2,"unit_price":100}`, strings.TrimSuffix(strings.Repeat(line+",", n), ","))
	return strings.Replace(text, `"total":200`, `"total":`+total, 1)
}

func TestWhatIsAcceptedIsCarriedOnceInOneOrder(t *testing.T) {
	for what, text := range map[string]string{
		"an order": " [ " + strings.ReplaceAll(bowl, ",", " ,\n") + " ] ",
		"in another order": `[{"currency":"EUR","total":200,"lines":[{"unit_price":100,"quantity":2,"name":"\u0042owl"}],` +
			`"merchant":"The Shop","order_id":"B-1","type":"order"}]`,
	} {
		carried, err := read(text)
		if err != nil || string(carried) != normal(t, bowl) {
			t.Errorf("%s: %s, %v", what, carried, err)
		}
	}
	carried, err := read("[" + bookmarks + "]")
	if err != nil {
		t.Fatal(err)
	}
	asked, err := details.Of(carried)
	if err != nil || asked.Order != nil || asked.Handoff == nil || asked.Handoff.Kind != "bookmarks" {
		t.Errorf("what is carried is %+v, %v", asked, err)
	}
}

// normal is an order as Go writes it.
func normal(t testing.TB, text string) string {
	t.Helper()
	var order api.Order
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Not those of CLDR, which writes IQD and CLF without decimals that they have by the standard.
func TestDigitsAreThoseOfISO4217(t *testing.T) {
	for code, want := range map[string]int{
		"CNY": 2, "HUF": 2, "TWD": 2, "AFN": 2, "IRR": 2, "MRU": 2, // two, although some of them have no coins
		"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "UGX": 0, "VND": 0, "XAF": 0,
		"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
		"CLF": 4, "UYW": 4,
	} {
		if _, err := read(with(t, bowl, "EUR", code)); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		if got := details.Digits(code); got != want {
			t.Errorf("%s has %d digits, want %d", code, got, want)
		}
		text := big.NewRat(640_001, int64(math.Pow10(want))).FloatString(want) + " " + code
		if got := details.Total(api.Order{Total: 640_001, Currency: code}); got != text {
			t.Errorf("a total is written %s, want %s", got, text)
		}
	}
}

func TestTheBoundsThemselvesAreIn(t *testing.T) {
	for what, text := range map[string]string{
		"100 lines":             lines(t, 100, `{"name":"Bowl","quantity":1,"unit_price":1}`, "100"),
		"10,000 of a thing":     lines(t, 1, `{"name":"Bowl","quantity":10000,"unit_price":100000000}`, "1000000000000"),
		"the dearest":           lines(t, 1, `{"name":"Bowl","quantity":1,"unit_price":1000000000000}`, "1000000000000"),
		"a present beside it":   lines(t, 1, `{"name":"Bowl","quantity":1,"unit_price":1},{"name":"Tea","quantity":1,"unit_price":0}`, "1"),
		"a name of 100":         with(t, bowl, "Bowl", strings.Repeat("陶", 100)),
		"a merchant of 64":      with(t, bowl, "The Shop", strings.Repeat("陶", 64)),
		"an order_id of 64":     with(t, bowl, "B-1", strings.Repeat("1", 64)),
		"a kiosk":               with(t, bowl, `"total"`, `"kiosk":{"id":"`+strings.Repeat("k", 64)+`","place":"`+strings.Repeat("陶", 100)+`"},"total"`),
		"payment by https":      paid(t, "https://bank.example:8443/pay?order=B-1&x=%C3%A4#top"),
		"payment on the host":   paid(t, "http://localhost:8080/pay/1"),
		"payment on 127.0.0.2":  paid(t, "http://127.0.0.2/pay/1"),
		"payment on ::1":        paid(t, "http://[::1]:8080/pay/1"),
		"a long payment":        paid(t, "https://bank.example/"+strings.Repeat("x", 512-len("https://bank.example/"))),
		"a handoff of anything": with(t, bookmarks, `"media_types":["text/html"],`, ""),
		"ten media types":       with(t, bookmarks, `["text/html"]`, `["text/html"`+strings.Repeat(`,"application/x-netscape-bookmarks+xml"`, 9)+`]`),
		"a media type of 127":   with(t, bookmarks, "text/html", "text/"+strings.Repeat("x", 122)),
		"a kind of 64":          with(t, bookmarks, "bookmarks", strings.Repeat("k", 64)),
	} {
		if _, err := read(text); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Elsewhere the loopback is the phone's own, and what runs there is no till.
func TestAPaymentOnTheLoopbackIsOfAProviderThere(t *testing.T) {
	for uri, good := range map[string]bool{"https://bank.example/pay": true, "http://localhost:8080/pay": false, "http://127.0.0.1/pay": false} {
		if _, err := details.Read(paid(t, uri), identity.DetailTypes, false); (err == nil) != good {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

func paid(t testing.TB, uri string) string {
	t.Helper()
	return with(t, bowl, `"currency"`, `"payment_uri":"`+uri+`","currency"`)
}

func TestWhatCannotBeIsRefusedWithWords(t *testing.T) {
	one := `{"name":"Bowl","quantity":1,"unit_price":1}`
	for what, c := range map[string]struct{ text, says string }{
		"nothing":                {"", "not JSON"},
		"half":                   {"[" + bowl, "not JSON"},
		"a comma too many":       {"[" + bowl + ",]", "not"},
		"something behind":       {"[" + bowl + "]]", "behind"},
		"an object":              {bowl, "not a JSON array"},
		"a number":               {"1", "not a JSON array"},
		"an array of none":       {"[]", "array of one"},
		"an array of a text":     {`["order"]`, "array of one object"},
		"an array of null":       {"[null]", "type"},
		"an array of an array":   {"[[]]", "array of one object"},
		"two":                    {"[" + bowl + "," + bowl + "]", "array of one"},
		"deep":                   {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "not JSON"},
		"bytes":                  {"[\xff]", "UTF-8"},
		"longer than 16 KiB":     {"[" + bowl + strings.Repeat(" ", 16<<10) + "]", "16 KiB"},
		"longer as carried":      {lines(t, 100, `{"name":"`+strings.Repeat("<", 100)+`","quantity":1,"unit_price":1}`, "100"), "16 KiB"}, // < is six bytes there
		"another type":           {with(t, bowl, `"order"`, `"payment_initiation"`), "none of order, handoff"},
		"a type of another case": {with(t, bowl, `"order"`, `"Order"`), "none of"},
		"no type":                {with(t, bowl, `"type":"order",`, ""), "none of"},
		"a type of a number":     {with(t, bowl, `"order"`, `1`), "type"},
		"an unknown member":      {with(t, bowl, `"total"`, `"discount":1,"total"`), "discount is not known"},
		"one that never ends":    {with(t, bowl, `"total"`, `"`+strings.Repeat("x", 33)+`":1,"total"`), "a member is not known"},
		"one in a line":          {with(t, bowl, `"name"`, `"tax":1,"name"`), "tax is not known"},
		"a handoff's member":     {with(t, bowl, `"total"`, `"kind":"bookmarks","total"`), "kind is not known"},
		"RFC 9396's own":         {with(t, bowl, `"total"`, `"actions":["pay"],"total"`), "actions is not known"},
		"a repeated member":      {with(t, bowl, `"total"`, `"total":200,"total"`), "total is repeated"},
		"one in a line again":    {with(t, bowl, `"name"`, `"name":"Bowl","name"`), "name is repeated"},
		"an escaped one":         {with(t, bowl, `"total"`, `"\u0074otal":200,"total"`), "total is repeated"},
		"another case":           {with(t, bowl, `"total":200`, `"Total":200`), "not known"},
		"a long s":               {with(t, bowl, `"lines"`, `"line\u017f"`), "not known"}, // which Go takes for an s
		"a receipt":              {with(t, bowl, `"total"`, `"receipt":"x","total"`), "receipt"},
		"a fraction":             {with(t, bowl, `"total":200`, `"total":200.5`), "total is not a whole number"},
		"a whole fraction":       {with(t, bowl, `"total":200`, `"total":200.0`), "total is not a whole number"},
		"an exponent":            {with(t, bowl, `"total":200`, `"total":2e2`), "total is not a whole number"},
		"a text":                 {with(t, bowl, `"total":200`, `"total":"200"`), "total is not a whole number"},
		"past 64 bits":           {with(t, bowl, `"total":200`, `"total":18446744073709551816`), "total is not a whole number"}, // 200 more than fits
		"lines that are none":    {with(t, bowl, `[{"name":"Bowl","quantity":2,"unit_price":100}]`, `{}`), "lines is not of the right type"},
		"no total":               {with(t, bowl, `"total":200,`, ""), "total is not 1"},
		"a zero total":           {lines(t, 1, `{"name":"Bowl","quantity":1,"unit_price":0}`, "0"), "total is not 1"},
		"a negative total":       {with(t, bowl, `"total":200`, `"total":-200`), "total is not 1"},
		"a total past it":        {with(t, bowl, `"total":200`, `"total":1000000000001`), "total is not 1"},
		"a wrong sum":            {with(t, bowl, `"total":200`, `"total":201`), "total is 201, and the lines come to 200"},
		"a sum past the bound":   {lines(t, 2, `{"name":"Bowl","quantity":1,"unit_price":1000000000000}`, "1000000000000"), "come to more"},
		"a sum past 64 bits":     {lines(t, 100, `{"name":"Bowl","quantity":10000,"unit_price":1000000000000}`, "1"), "come to more"},
		"none of a thing":        {with(t, bowl, `"quantity":2`, `"quantity":0`), "lines[0].quantity"},
		"less than none":         {with(t, bowl, `"quantity":2`, `"quantity":-2`), "lines[0].quantity"},
		"too many of a thing":    {with(t, bowl, `"quantity":2`, `"quantity":10001`), "lines[0].quantity"},
		"a negative price":       {lines(t, 1, one+`,{"name":"Rebate","quantity":1,"unit_price":-1}`, "1"), "lines[1].unit_price"},
		"a price past it":        {with(t, bowl, `"unit_price":100`, `"unit_price":1000000000001`), "lines[0].unit_price"},
		"no lines":               {with(t, bowl, `{"name":"Bowl","quantity":2,"unit_price":100}`, ""), "lines are not 1 to 100"},
		"101 lines":              {lines(t, 101, one, "101"), "lines are not 1 to 100"},
		"no currency":            {with(t, bowl, "EUR", ""), "currency"},
		"a currency in words":    {with(t, bowl, "EUR", "eur"), "currency"},
		"none that is known":     {with(t, bowl, "EUR", "ABC"), "currency"},
		"no currency, XXX":       {with(t, bowl, "EUR", "XXX"), "currency"},
		"gold":                   {with(t, bowl, "EUR", "XAU"), "currency"},
		"an empty name":          {with(t, bowl, "Bowl", ""), "lines[0].name"},
		"a blank name":           {with(t, bowl, "Bowl", " "), "lines[0].name"},
		"a name that is padded":  {with(t, bowl, "Bowl", "Bowl "), "lines[0].name"},
		"a name past 100":        {with(t, bowl, "Bowl", strings.Repeat("陶", 101)), "lines[0].name"},
		"a name of two lines":    {with(t, bowl, "Bowl", `Bowl\nTotal: 1`), "lines[0].name"},
		"a turned name":          {with(t, bowl, "Bowl", `\u202elwoB`), "lines[0].name"},
		"an unseen name":         {with(t, bowl, "Bowl", `\u3164`), "lines[0].name"},
		"a name with a hole":     {with(t, bowl, "Bowl", `Bo\u200bwl`), "lines[0].name"},
		"a name that rings":      {with(t, bowl, "Bowl", `Bowl\u0007`), "lines[0].name"},
		"no merchant":            {with(t, bowl, `"merchant":"The Shop",`, ""), "merchant"},
		"a merchant past 64":     {with(t, bowl, "The Shop", strings.Repeat("x", 65)), "merchant"},
		"no order_id":            {with(t, bowl, "B-1", ""), "order_id"},
		"an order_id past 64":    {with(t, bowl, "B-1", strings.Repeat("1", 65)), "order_id"},
		"a kiosk without an id":  {with(t, bowl, `"total"`, `"kiosk":{"place":"Lobby"},"total"`), "kiosk.id"},
		"one that is nowhere":    {with(t, bowl, `"total"`, `"kiosk":{"id":"1"},"total"`), "kiosk.place"},
		"a kiosk past 64":        {with(t, bowl, `"total"`, `"kiosk":{"id":"`+strings.Repeat("k", 65)+`","place":"Lobby"},"total"`), "kiosk.id"},
		"a place past 100":       {with(t, bowl, `"total"`, `"kiosk":{"id":"1","place":"`+strings.Repeat("陶", 101)+`"},"total"`), "kiosk.place"},
		"payment by http":        {paid(t, "http://bank.example/pay"), "payment_uri"},
		"beside the loopback":    {paid(t, "http://localhost.evil.example/pay"), "payment_uri"},
		"near the loopback":      {paid(t, "http://128.0.0.1/pay"), "payment_uri"},
		"payment by script":      {paid(t, "javascript:alert(1)"), "payment_uri"},
		"by files on the host":   {paid(t, "ftp://localhost/pay"), "payment_uri"},
		"by a script's host":     {paid(t, "javascript://bank.example/%0aalert(1)"), "payment_uri"},
		"payment by an app":      {paid(t, "weixin://pay"), "payment_uri"},
		"payment in data":        {paid(t, "data:text/html,x"), "payment_uri"},
		"payment at a path":      {paid(t, "/pay"), "payment_uri"},
		"by whichever scheme":    {paid(t, "//bank.example/pay"), "payment_uri"},
		"payment to nobody":      {paid(t, "https:///pay"), "payment_uri"},
		"payment to a port":      {paid(t, "https://:443/pay"), "payment_uri"},
		"with a user":            {paid(t, "https://bank.example@evil.example/pay"), "payment_uri"},
		"with an empty user":     {paid(t, "https://@evil.example/pay"), "payment_uri"},
		"with a backslash":       {paid(t, `https://evil.example\\@bank.example/pay`), "payment_uri"},
		"in other letters":       {paid(t, "https://b\u0430nk.example/pay"), "payment_uri"}, // a Cyrillic a
		"in those, escaped":      {paid(t, "https://b%D0%B0nk.example/pay"), "payment_uri"},
		"with a space":           {paid(t, "https://bank.example/p ay"), "payment_uri"},
		"with a new line":        {paid(t, `https://bank.example/\npay`), "payment_uri"},
		"empty":                  {paid(t, ""), "payment_uri"},
		"past 512":               {paid(t, "https://bank.example/"+strings.Repeat("x", 513-len("https://bank.example/"))), "payment_uri"},
		"no kind":                {with(t, bookmarks, `"kind":"bookmarks",`, ""), "kind"},
		"a kind past 64":         {with(t, bookmarks, "bookmarks", strings.Repeat("k", 65)), "kind"},
		"no media types":         {with(t, bookmarks, `["text/html"]`, `[]`), "media_types"},
		"eleven":                 {with(t, bookmarks, `"text/html"`, `"text/html"`+strings.Repeat(`,"text/html"`, 10)), "media_types"},
		"one with parameters":    {with(t, bookmarks, "text/html", "text/html; charset=utf-8"), "media_types"},
		"one in capitals":        {with(t, bookmarks, "text/html", "Text/HTML"), "media_types"},
		"one of a word":          {with(t, bookmarks, "text/html", "text"), "media_types"},
		"one of nothing":         {with(t, bookmarks, "text/html", ""), "media_types"},
		"one in other letters":   {with(t, bookmarks, "text/html", "text/h\u0442ml"), "media_types"}, // a Cyrillic t
		"one past 127":           {with(t, bookmarks, "text/html", "text/"+strings.Repeat("x", 123)), "media_types"},
		"no key":                 {`[{"type":"handoff","kind":"bookmarks"}]`, "jwk"},
		"a point off the curve":  {with(t, bookmarks, "axfR", "bxfR"), "jwk"},
		"another curve":          {with(t, bookmarks, "P-256", "P-384"), "jwk"},
		"another kind of key":    {with(t, bookmarks, `"EC"`, `"RSA"`), "jwk"},
		"a private key":          {with(t, bookmarks, `"kty"`, `"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","kty"`), "d is not known"},
		"a short coordinate":     {with(t, bookmarks, "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "axfR"), "jwk"},
	} {
		carried, err := read(c.text)
		wrong, ok := errors.AsType[details.Invalid](err)
		if !ok || carried != nil || !strings.Contains(string(wrong), c.says) {
			t.Errorf("%s: %.200s, %v; want something of %q", what, carried, err, c.says)
		}
	}
}

func TestATypeIsForWhoIsRegisteredForIt(t *testing.T) {
	for _, c := range []struct {
		text    string
		allowed []string
		good    bool
	}{
		{bowl, nil, false},
		{bowl, []string{"handoff"}, false},
		{bowl, []string{"order"}, true},
		{bookmarks, []string{"order"}, false},
		{bookmarks, []string{"order", "handoff"}, true},
	} {
		if _, err := details.Read("["+c.text+"]", c.allowed, true); (err == nil) != c.good {
			t.Errorf("%.20s by who may ask for %v: %v", c.text, c.allowed, err)
		}
	}
}

func TestNothingIsCarriedByALogin(t *testing.T) {
	if asked, err := details.Of(nil); err != nil || asked != (details.Details{}) {
		t.Errorf("a login asks for %+v, %v", asked, err)
	}
	if _, err := details.Of(json.RawMessage(`{"type":"x"}`)); err == nil {
		t.Error("what no version of this has written is read")
	}
}

// Whatever is sent: a refusal is in words, and what is let in can be shown, paid and carried as it is.
func FuzzRead(f *testing.F) {
	f.Add("[" + bowl + "]")
	f.Add("[" + bookmarks + "]")
	f.Add(paid(f, "https://bank.example/pay?x=%20"))
	f.Add(with(f, bowl, `"total"`, `"kiosk":{"id":"1","place":"\ud83c\udf75 \u003c"},"total"`))
	f.Add(with(f, bowl, `"total":200`, `"total":18446744073709551816`))
	f.Add(with(f, bowl, "Bowl", `\ud800`))
	f.Add(`[{"type":"order","type":"handoff"}]`)
	f.Fuzz(func(t *testing.T, text string) {
		carried, err := read(text)
		if err != nil {
			if _, ok := errors.AsType[details.Invalid](err); !ok || carried != nil {
				t.Fatalf("%s, %v", carried, err)
			}
			return
		}
		if len(carried) > 16<<10 {
			t.Fatalf("it is carried in %d bytes", len(carried))
		}
		if again, err := read("[" + string(carried) + "]"); len(carried) <= 16<<10-2 && (err != nil || string(again) != string(carried)) {
			t.Fatalf("%s is read as %s, %v", carried, again, err)
		}
		asked, err := details.Of(carried)
		if err != nil || (asked.Order == nil) == (asked.Handoff == nil) {
			t.Fatalf("%s carries %+v, %v", carried, asked, err)
		}
		if asked.Order != nil {
			holds(t, *asked.Order)
		}
	})
}

// holds counts an order again, in numbers that have no end.
func holds(t *testing.T, o api.Order) {
	t.Helper()
	sum := new(big.Int)
	texts := []string{o.OrderId, o.Merchant}
	for _, line := range o.Lines {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(line.Quantity), big.NewInt(line.UnitPrice)))
		texts = append(texts, line.Name)
	}
	if sum.Cmp(big.NewInt(o.Total)) != 0 || o.Total < 1 || o.Receipt != nil {
		t.Fatalf("%+v comes to %s", o, sum)
	}
	for _, text := range texts {
		if text == "" || !utf8.ValidString(text) || !identity.SafeText(text) {
			t.Fatalf("%q cannot be shown", text)
		}
	}
}

package main

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

// calm is a consent that nothing speaks against.
const calm = `"client": {"id": "shop", "name": "Demo Shop", "domains": ["shop.example", "www.shop.example"]},
	"browser": {"address": "192.0.2.7", "user_agent": "Mozilla/5.0 (and so on)", "name": {"name": "Firefox", "system": "Windows"}},
	"phone": {"address": "192.0.2.9"}, "proximity": "same-network", "scopes": ["openid", "phone"]`

// far is one whose code is shown far away.
const far = `"client": {"id": "shop", "name": "Demo Shop", "domains": ["shop.example"]},
	"browser": {"address": "203.0.113.9", "name": {"name": "Chrome", "system": "Linux"}, "place": {"city": "Shanghai", "country": "CN"}},
	"phone": {"address": "192.0.2.9", "place": {"city": "Berlin", "country": "DE"}},
	"proximity": "elsewhere", "scopes": ["openid"]`

// A view is what a person sees of a consent.
func TestAConsentIsShownWithWhatSpeaksAgainstItFirst(t *testing.T) {
	for name, test := range map[string]struct {
		words         *words
		consent, want string
		send          *sending
	}{
		"nothing speaks against it": {&english, calm, `
Log in to Demo Shop?

  Site  Demo Shop
        shop.example
        www.shop.example
  From  Firefox on Windows
        at 192.0.2.7
        in the same network as this phone
  Gets  to know you again: an account of its own for you
        your phone number

Approve only if you yourself opened this page just now, on a screen in front of you.

`, nil},
		"no browser": {&english, `"warnings": ["no-browser"], "client": {"id": "tv", "name": "TV", "domains": []}, "browser": {}, "scopes": []`, `
  !!  Warning: no browser is showing this code now. Unless it is on a device in front of you, decline.

Log in to TV?

  Site  TV
        (no registered domain)
  From  (no browser)
  Gets  nothing

Approve only if you yourself opened this page just now, on a screen in front of you.

`, nil},
		"elsewhere": {&english, `"warnings": ["elsewhere"],` + far, `
  !!  Warning: this code is shown in another place: Shanghai, CN. You are in Berlin, DE. If somebody sent it to you, decline.

Log in to Demo Shop?

  Site  Demo Shop
        shop.example
  From  Chrome on Linux
        at 203.0.113.9, Shanghai, CN
        in another network than this phone
  Gets  to know you again: an account of its own for you

Approve only if you yourself opened this page just now, on a screen in front of you.

`, nil},
		"everything": {&english, `"warnings": ["no-browser", "elsewhere", "copyable", "new"], "confirmation": true, "binding_message": "Table 7",
			"resources": ["https://api.shop.example"],` + far, `
  !!  Warning: no browser is showing this code now. Unless it is on a device in front of you, decline.

  !!  Warning: this code is shown in another place: Shanghai, CN. You are in Berlin, DE. If somebody sent it to you, decline.

  !!  Warning: this code may have been copied, since it does not change. If it is not on a page that you opened yourself, decline.

  !!  Warning: new, for which this phone has no words. If you are in doubt, decline.

Log in to Demo Shop?

  Site  Demo Shop
        shop.example
  From  Chrome on Linux
        at 203.0.113.9, Shanghai, CN
        in another network than this phone
  Gets  to know you again: an account of its own for you
        access in your name to https://api.shop.example
  Says  Table 7

Approve only if you yourself opened this page just now, on a screen in front of you.
If you approve, this phone shows four digits, which you type into that page. Tell them to nobody.

`, nil},
		"everything in Chinese": {&chinese, `"warnings": ["no-browser", "elsewhere", "copyable", "new"], "confirmation": true,` + far, `
  !!  警告：现在没有浏览器在显示这个码。除非它就在您面前的设备上，否则请拒绝。

  !!  警告：这个码显示在另一个地方：Shanghai, CN。您在 Berlin, DE。如果是别人发给您的，请拒绝。

  !!  警告：这个码不会变化，可能是被复制来的。如果它不在您自己打开的页面上，请拒绝。

  !!  警告：new，本手机无法说明。如有疑问，请拒绝。

要登录“Demo Shop”吗？

  网站  Demo Shop
        shop.example
  来自  Linux 上的 Chrome
        地址 203.0.113.9, Shanghai, CN
        与本手机不在同一网络
  获得  认出您：您在该网站的专属帐号

只有当您本人刚刚在面前的屏幕上打开了这个页面时，才请批准。
如果您批准，本手机会显示四位数字，请输入到那个页面。不要告诉任何人。

`, nil},
		"an order at a machine": {&english, calm + `, "confirmation": true, "currency_digits": 2, "order": {"type": "order", "order_id": "2026-0815",
			"merchant": "Kiln Lane", "lines": [{"name": "Moon jar", "quantity": 1, "unit_price": 48000}, {"name": "Tea cup 1 × 0.01", "quantity": 12,
			"unit_price": 5}], "total": 48060, "currency": "CNY", "kiosk": {"id": "K7", "place": "Platform 3"},
			"payment_uri": "https://pay.b\u00fccher.example:8443/7?t=secret"}`, `
Buy this at Demo Shop?

  Site  Demo Shop
        shop.example
        www.shop.example
  From  Firefox on Windows
        at 192.0.2.7
        in the same network as this phone
  By    Kiln Lane
  At    machine K7
        Platform 3
  No.   2026-0815
  Buys   1 × 480.00  Moon jar
        12 ×   0.05  Tea cup 1 × 0.01
  Sum   480.60 CNY
  Pays  at pay.b\u00fccher.example:8443, once you have approved
  Gets  to know you again: an account of its own for you
        your phone number

Approve only if you yourself are buying this now, on a screen in front of you.
The machine in front of you must be the one above: somebody may have stuck another code over its own.
If you approve, this phone shows four digits, which you type into that page. Tell them to nobody.

`, nil},
		"an order in Chinese": {&chinese, `"client": {"id": "shop", "name": "店", "domains": ["shop.example"]}, "browser": {}, "scopes": [],
			"currency_digits": 0, "order": {"type": "order", "order_id": "7", "merchant": "窑巷", "total": 500, "currency": "JPY",
			"lines": [{"name": "月亮罐", "quantity": 1, "unit_price": 500}], "kiosk": {"id": "K7", "place": "三号站台"}, "payment_uri": "https://pay.example/7"}`, `
要在“店”购买吗？

  网站  店
        shop.example
  来自  （没有浏览器）
  商家  窑巷
  机器  编号 K7
        三号站台
  单号  7
  商品  1 × 500  月亮罐
  合计  500 JPY
  付款  批准后在 pay.example
  获得  无

只有当您本人正在面前的屏幕上购买这些商品时，才请批准。
您面前的机器必须是上面写的这一台：可能有人在它的码上贴了别的码。

`, nil},
		"a handoff": {&english, calm + `, "handoff": {"type": "handoff", "kind": "bookmarks", "media_types": ["text/html", "text/plain"]},
			"handoff_limit": 5242880`, `
Send this to Demo Shop?

  Site  Demo Shop
        shop.example
        www.shop.example
  From  Firefox on Windows
        at 192.0.2.7
        in the same network as this phone
  Asks  bookmarks
        as text/html, text/plain
        at most 5 MB
  File  bookmarks.html
        text/html
        1.5 kB
        encrypted for the page that shows the code
  Gets  to know you again: an account of its own for you
        your phone number

Approve only if you yourself opened this page just now, on a screen in front of you. What it has been sent, it may keep.

`, &sending{"bookmarks.html", 1536, phone.Content{MediaType: "text/html"}}},
		"a handoff in Chinese, of nothing yet": {&chinese, `"client": {"id": "shop", "name": "店", "domains": ["shop.example"]}, "browser": {},
			"scopes": [], "handoff": {"type": "handoff", "kind": "书签"}, "handoff_limit": 10`, `
要发送给“店”吗？

  网站  店
        shop.example
  来自  （没有浏览器）
  索要  书签
        最多 10 字节
  获得  无

只有当您本人刚刚在面前的屏幕上打开了这个页面时，才请批准。发送的内容可能会被保留。

`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := viewOf(t, test.words, test.consent, test.send); got != test.want {
				t.Errorf("it shows\n%s\nand should show\n%s", got, test.want)
			}
		})
	}
}

// Where a place is not known, or only one of the two, there is nothing to hold beside it.
func TestACodeElsewhereIsSaidToBeInAnotherNetworkUnlessBothPlacesAreKnown(t *testing.T) {
	for _, consent := range []string{
		calm,
		strings.Replace(far, `{"city": "Berlin", "country": "DE"}`, `{"country": ""}`, 1),
		strings.Replace(far, `, "place": {"city": "Berlin", "country": "DE"}`, ``, 1),
		strings.Replace(far, `, "place": {"city": "Shanghai", "country": "CN"}`, ``, 1),
		strings.Replace(far, `"phone": {"address": "192.0.2.9", "place": {"city": "Berlin", "country": "DE"}},`, ``, 1),
	} {
		got := viewOf(t, &english, `"warnings": ["elsewhere"],`+consent, nil)
		if !strings.HasPrefix(got, "\n  !!  Warning: this code is shown in another network than this phone's") {
			t.Errorf("%s\nshows\n%s", consent, got)
		}
	}
}

// Whoever wrote a text, it stays within its line: it moves no cursor, hides nothing, and makes no line that looks like the phone's.
func TestNoTextOfAConsentCanPassForThePhonesOwn(t *testing.T) {
	const hostile = `\u001b[2J\u001b[31m\u202eX\u200b\n  Site  bank.example\r\u0085\u2028`
	consent := `"client": {"id": "H", "name": "H", "domains": ["H"]},
		"browser": {"address": "H", "user_agent": "H", "name": {"name": "H", "system": "H"}, "place": {"city": "H", "country": "H"}},
		"phone": {"address": "H", "place": {"city": "H", "country": "H"}}, "proximity": "H", "warnings": ["H", "elsewhere"],
		"scopes": ["H"], "resources": ["H"], "binding_message": "H"`
	order := `, "currency_digits": 2, "order": {"type": "order", "order_id": "H", "merchant": "H", "total": 1, "currency": "H",
		"lines": [{"name": "H", "quantity": 1, "unit_price": 1}], "kiosk": {"id": "H", "place": "H"}, "payment_uri": "H"}`
	for _, consent := range []string{
		consent,
		strings.Replace(consent, `"name": {"name": "H", "system": "H"},`, ``, 1),
		consent + order,
		consent + strings.Replace(order, `"payment_uri": "H"`, `"payment_uri": "https://H/"`, 1),
		consent + `, "handoff": {"type": "handoff", "kind": "H", "media_types": ["H", "H"]}`,
	} {
		plain := viewOf(t, &english, consent, &sending{name: "H", Content: phone.Content{MediaType: "H"}})
		evil := "\x1b[2J\u202eX\n  Site  bank.example"
		got := viewOf(t, &english, strings.NewReplacer(`"H"`, `"`+hostile+`"`, `//H/`, `//`+hostile+`/`).Replace(consent),
			&sending{name: evil, Content: phone.Content{MediaType: evil}})
		if strings.Count(got, "\n") != strings.Count(plain, "\n") {
			t.Errorf("it shows more lines:\n%q", got)
		}
		for _, r := range got {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("it shows %U", r)
			}
		}
	}
}

func TestAnAmountIsWrittenToTheUnit(t *testing.T) {
	for _, test := range []struct {
		minor  int64
		digits int
		want   string
	}{
		{0, 0, "0"}, {0, 2, "0.00"}, {5, 2, "0.05"}, {50, 2, "0.50"}, {1250, 2, "12.50"}, {1250, 0, "1250"}, {1250, 3, "1.250"},
		{7, 4, "0.0007"}, {1_000_000_000_000, 2, "10000000000.00"}, {-5, 2, "-0.05"}, {-1250, 2, "-12.50"},
		{math.MaxInt64, 2, "92233720368547758.07"}, {math.MinInt64, 2, "-92233720368547758.08"},
	} {
		if got := amount(test.minor, test.digits); got != test.want {
			t.Errorf("%d with %d decimals is %s, want %s", test.minor, test.digits, got, test.want)
		}
	}
}

func TestASizeIsSaidInWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1 kB", 12_600: "12.3 kB", 5 << 20: "5 MB", 5_500_000: "5.2 MB"} {
		if got := english.size(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestEveryErrorHasWordsInBothLanguages(t *testing.T) {
	for _, k := range known {
		for name, language := range map[string]*words{"en": &english, "zh": &chinese} {
			if language.errors[k.code] == "" {
				t.Errorf("%s: no words for %s", name, k.code)
			}
		}
	}
	if en, zh := slices.Sorted(maps.Keys(english.errors)), slices.Sorted(maps.Keys(chinese.errors)); !slices.Equal(en, zh) {
		t.Errorf("words for %v\nand for %v", en, zh)
	}
}

func viewOf(t *testing.T, language *words, consent string, send *sending) string {
	t.Helper()
	var c api.Consent
	if err := json.Unmarshal([]byte("{"+consent+"}"), &c); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	language.showConsent(&b, &c, send)
	return b.String()
}

func TestEveryWarningAndNearnessHasWordsInBothLanguages(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	consent := doc.Components.Schemas["Consent"].Value.Properties
	for name, language := range map[string]*words{"en": &english, "zh": &chinese} {
		said := map[string]bool{}
		wants := func(what any, text string) {
			if text == "" || said[text] {
				t.Errorf("%s: %s is %q", name, what, text)
			}
			said[text] = true
		}
		for _, warning := range consent["warnings"].Value.Items.Value.Enum {
			wants(warning, language.warnings[api.ConsentWarnings(warning.(string))])
		}
		for _, near := range consent["proximity"].Value.Enum {
			wants(near, language.near[api.ConsentProximity(near.(string))])
		}
		if len(language.warnings)+len(language.near) != len(said) {
			t.Errorf("%s has words for what is not in the contract", name)
		}
	}
}

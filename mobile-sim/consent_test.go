package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"qrlogin/api"
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

`},
		"no browser": {&english, `"warnings": ["no-browser"], "client": {"id": "tv", "name": "TV", "domains": []}, "browser": {}, "scopes": []`, `
  !!  Warning: no browser is showing this code now. Unless it is on a device in front of you, decline.

Log in to TV?

  Site  TV
        (no registered domain)
  From  (no browser)
  Gets  nothing

Approve only if you yourself opened this page just now, on a screen in front of you.

`},
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

`},
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

`},
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

`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := viewOf(t, test.words, test.consent); got != test.want {
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
		got := viewOf(t, &english, `"warnings": ["elsewhere"],`+consent)
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
	for _, consent := range []string{consent, strings.Replace(consent, `"name": {"name": "H", "system": "H"},`, ``, 1)} {
		plain := viewOf(t, &english, consent)
		got := viewOf(t, &english, strings.ReplaceAll(consent, `"H"`, `"`+hostile+`"`))
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

func viewOf(t *testing.T, language *words, consent string) string {
	t.Helper()
	var c api.Consent
	if err := json.Unmarshal([]byte("{"+consent+"}"), &c); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	language.showConsent(&b, &c, nil)
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

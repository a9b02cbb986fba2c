package useragent

import (
	"slices"
	"strings"
	"testing"
)

const (
	windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"
	iPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
	android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
)

// today is user agents as browsers and programs send them now.
var today = []struct{ ua, browser, system string }{
	{windows, "Chrome", "Windows"},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", "Chrome", "macOS"},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", "Chrome", "Linux"},
	{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", "Chrome", "ChromeOS"},
	{android + " Chrome/143.0.0.0 Mobile Safari/537.36", "Chrome", "Android"},
	{iPhone + " CriOS/143.0.7499.38 Mobile/15E148 Safari/604.1", "Chrome", "iOS"},
	{windows + " Edg/143.0.0.0", "Edge", "Windows"},
	{iPhone + " Version/18.0 EdgiOS/143.0.0.0 Mobile/15E148 Safari/604.1", "Edge", "iOS"},
	{android + " Chrome/143.0.0.0 Mobile Safari/537.36 EdgA/143.0.0.0", "Edge", "Android"},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Windows"},
	{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Linux"},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "macOS"},
	{"Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox", "Android"},
	{iPhone + " FxiOS/145.0 Mobile/15E148 Safari/604.1", "Firefox", "iOS"},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15", "Safari", "macOS"},
	{iPhone + " Version/26.1 Mobile/15E148 Safari/604.1", "Safari", "iOS"},
	{"Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1", "Safari", "iOS"},
	{android + " SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36", "Samsung Internet", "Android"},
	{"Mozilla/5.0 (Linux; Android 14; 23127PN0CC Build/UKQ1.230804.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.103 Mobile Safari/537.36 XWEB/1300473 MMWEBSDK/20250503 MicroMessenger/8.0.60.2860(0x28003C3F) WeChat/arm64 NetType/WIFI Language/zh_CN", "WeChat", "Android"},
	{iPhone + " Mobile/15E148 MicroMessenger/8.0.60(0x18003c2f) NetType/WIFI Language/zh_CN", "WeChat", "iOS"},
	{windows + " NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090a13) XWEB/14185 Flue", "WeChat", "Windows"},
	{windows + " OPR/126.0.0.0", "Opera", "Windows"},
	{windows + " Vivaldi/7.7.3851.56", "Vivaldi", "Windows"},
	{"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "Windows"},

	{ua: "curl/8.17.0"},
	{ua: "Go-http-client/2.0"},
	{ua: "python-requests/2.32.5"},
	{ua: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
	{ua: "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.7499.40 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
	{ua: "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot"},
	{ua: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/143.0.0.0 Safari/537.36"},
	{ua: "Browser/1.0"},
	{ua: "Your Bank (approved) v2"},
	{ua: "Mozilla/5.0"},
	{ua: weChat},
	{ua: ""},
	{ua: strings.Repeat("\xff\x1b[31m(;/", 57)},
	{ua: strings.Repeat("A/1 ", 128)},
	{ua: strings.Repeat("(", 512)},
}

func TestABrowserIsNamedInWordsAndAProgramIsNot(t *testing.T) {
	for _, c := range today {
		if browser, system := Name(c.ua); browser != c.browser || system != c.system {
			t.Errorf("%s: %q on %q, not %q on %q", c.ua, browser, system, c.browser, c.system)
		}
	}
}

// vocabulary is every word that there is: what the library knows, as it is shown.
var vocabulary = []string{
	"Android Browser", "Chrome", "Edge", "Firefox", "Internet Explorer", "Opera", "Opera Mini", "Safari", "Vivaldi", "Amazon Silk",
	"Samsung Internet", "Falkon", "Nintendo Browser", "Yandex Browser", "Huawei Browser", "WeChat",
	"Android", "ChromeOS", "iOS", "Linux", "FreeBSD", "OpenBSD", "macOS", "Windows",
}

// Who wrote the user agent does not write what is shown (SECURITY.md §6).
func FuzzNothingOfAUserAgentComesThrough(f *testing.F) {
	for _, c := range today {
		f.Add(c.ua)
	}
	f.Fuzz(func(t *testing.T, ua string) {
		browser, system := Name(ua)
		if browser == "" && system == "" {
			return
		}
		if !slices.Contains(vocabulary, browser) || !slices.Contains(vocabulary, system) {
			t.Errorf("%q: %q on %q", ua, browser, system)
		}
	})
}

func BenchmarkName(b *testing.B) {
	for i := range b.N {
		Name(today[i%len(today)].ua)
	}
}

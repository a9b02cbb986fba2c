package sms

import (
	"strings"
	"testing"
	"unicode/utf16"
)

// Origin-bound one-time codes delivered via SMS, "Message format": the last line begins with @ and the host, one space, # and the code.
func TestTheLastLineLetsABrowserFillTheCodeIn(t *testing.T) {
	for _, accept := range []string{"", "en", "zh-CN,zh;q=0.9", "de"} {
		said := text(accept, "login.example", "493021")
		last := said[strings.LastIndex(said, "\n")+1:]
		host, code, _ := strings.Cut(last, " ")
		if host != "@login.example" || code != "#493021" {
			t.Errorf("%q ends with %q", accept, last)
		}
	}
}

func TestAMessageIsInTheLanguageThatIsPreferred(t *testing.T) {
	for accept, chinese := range map[string]bool{
		"": false, "en": false, "de": false, "zh": true, "zh-CN,zh;q=0.9,en;q=0.8": true, "zh-Hant-TW": true, "en-GB,zh;q=0.5": false, "fr,zh;q=0.2": true,
		"x;;;": false, strings.Repeat("en,", 5000): false, "\x00": false,
	} {
		said := text(accept, "login.example", "493021")
		if strings.Contains(said, "验证码") != chinese || strings.Count(said, "493021") != 2 || !strings.Contains(said, "login.example") {
			t.Errorf("%.40q: %s", accept, said)
		}
	}
}

// What fits one SMS costs one.
func TestAMessageIsOneSMS(t *testing.T) {
	const host = "login.example"
	if english := text("en", host, "493021"); len(english) > 160 || strings.ContainsFunc(english, func(r rune) bool { return r > 126 || r == '`' }) {
		t.Errorf("%d characters: %s", len(english), english)
	}
	if n := len(utf16.Encode([]rune(text("zh", host, "493021")))); n > 70 {
		t.Errorf("%d characters in Chinese", n)
	}
}

package sms

import (
	"strings"

	"golang.org/x/text/language"
)

// Both are one SMS for all but very long hosts: 160 characters of GSM 03.38, 70 once there is one outside of it.
const (
	english = "CODE adds a phone at HOST. Tell it to nobody."
	chinese = "CODE：在 HOST 添加手机的验证码，切勿告诉他人。"
)

var languages = language.NewMatcher([]language.Tag{language.English, language.Chinese})

// text is what the message says, in the language that an Accept-Language header prefers. Its last line lets browsers fill the code in,
// at this host alone (https://wicg.github.io/sms-one-time-codes/): nothing may stand before or behind it.
func text(acceptLanguage, host, code string) string {
	words := english
	if _, index := language.MatchStrings(languages, acceptLanguage); index == 1 {
		words = chinese
	}
	return strings.NewReplacer("CODE", code, "HOST", host).Replace(words + "\n\n@HOST #CODE")
}

package pages

import (
	"strconv"
	"strings"
)

// Language picks the language of a page: the first of the site's ui_locales (OIDC Core §3.1.2.1) that there is, else the
// browser's favourite (RFC 9110 §12.5.4), else English.
func Language(uiLocales, acceptLanguage string) string {
	for tag := range strings.FieldsSeq(uiLocales) {
		if language := spoken(tag); language != "" {
			return language
		}
	}
	best, weight := "en", 0.0
	for part := range strings.SplitSeq(acceptLanguage, ",") {
		tag, parameter, _ := strings.Cut(part, ";")
		q := 1.0
		if text, found := strings.CutPrefix(strings.TrimSpace(parameter), "q="); found {
			q, _ = strconv.ParseFloat(text, 64) // what is no number weighs nothing
		}
		if language := spoken(strings.TrimSpace(tag)); language != "" && q > weight {
			best, weight = language, q
		}
	}
	return best
}

// spoken is the language that we have of a tag (RFC 5646), "" for none.
func spoken(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if _, found := texts[primary]; found {
		return primary
	}
	return ""
}

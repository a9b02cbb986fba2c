package main

import (
	"fmt"
	"strings"
)

// The first mark that a user agent carries names it: most carry the marks of those that they want to be taken for.
var (
	browsers = [][2]string{
		{"MicroMessenger/", "WeChat"}, {"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// browserWords says in rough words what a user agent is.
func (t *words) browserWords(userAgent string) string {
	browser, system := firstMark(browsers, userAgent), firstMark(systems, userAgent)
	if browser == "" || system == "" {
		return fmt.Sprintf(t.unknownUA, safe(userAgent))
	}
	return fmt.Sprintf(t.browserOn, browser, system)
}

func firstMark(marks [][2]string, text string) string {
	for _, m := range marks {
		if strings.Contains(text, m[0]) {
			return m[1]
		}
	}
	return ""
}

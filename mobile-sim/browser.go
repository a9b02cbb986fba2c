package main

import (
	"fmt"
	"strings"

	"qrlogin/api"
)

// browser says what a browser is: in the provider's words, or where it has none in those of the user agent itself, "" for none.
func (t *words) browser(name *api.BrowserName, userAgent *string) string {
	switch {
	case name != nil:
		return fmt.Sprintf(t.browserOn, safe(name.Name), safe(name.System))
	case userAgent != nil && *userAgent != "":
		return fmt.Sprintf(t.unknownUA, safe(*userAgent))
	default:
		return ""
	}
}

// where says where something was: the address, and the place where it is known.
func where(address *string, place *api.Place) string {
	if place == nil {
		place = new(api.Place)
	}
	var parts []string
	for _, part := range []*string{address, place.City, place.Country} {
		if part != nil && *part != "" {
			parts = append(parts, safe(*part))
		}
	}
	return strings.Join(parts, ", ")
}

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

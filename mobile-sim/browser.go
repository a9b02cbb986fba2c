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

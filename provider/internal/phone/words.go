package phone

import (
	"time"

	"qrlogin/api"
	"qrlogin/provider/internal/useragent"
)

// browserName is a user agent in words; nil where there are none.
func browserName(userAgent string) *api.BrowserName {
	name, system := useragent.Name(userAgent)
	if name == "" {
		return nil
	}
	return &api.BrowserName{Name: name, System: system}
}

// place is where an address is; nil where that is not known.
func (d *Door) place(address string) *api.Place {
	found, ok := d.find(address)
	if !ok {
		return nil
	}
	return &api.Place{City: known(found.City), Country: known(found.Country)}
}

func known(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// moment is a time; nil for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

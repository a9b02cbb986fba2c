package phone

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/place"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"

// withLogins is a kit where ann is logged in at the shop, was at a site that has gone, and bob is logged in, too.
func withLogins(t *testing.T) *kit {
	k := newKit(t)
	k.rows = []identity.Login{
		{ID: "L3", Client: "shop", Account: "ann", Address: "192.0.2.7", UserAgent: firefox, At: noon.Add(time.Hour), AuthTime: noon, Session: "hash"},
		{ID: "L2", Client: "shop", Account: "bob", At: noon, AuthTime: noon},
		{ID: "L1", Client: "gone", Account: "ann", At: noon, AuthTime: noon, EndedAt: noon.Add(time.Minute)},
	}
	return k
}

// kinds is what was kept as audit events.
func (k *kit) kinds() (kinds []string) {
	for _, e := range k.events {
		kinds = append(kinds, e.Kind+" "+e.Account+" "+e.Client+" "+e.Login)
	}
	return kinds
}

func TestAPhoneListsTheLoginsOfItsAccount(t *testing.T) {
	k := withLogins(t)
	k.places["192.0.2.7"] = place.Place{City: "Shanghai", Country: "CN"}
	var list api.LoginList
	if status, code := k.phoneOf("ann").send(http.MethodGet, "/phone/logins", nil, &list); status != http.StatusOK {
		t.Fatalf("%d %s", status, code)
	}
	here, there := api.Login{}, api.Login{}
	here.Id, here.At, here.AuthTime, here.Session = "L3", noon.Add(time.Hour), noon, true
	here.Client.Id, here.Client.Name, here.Client.Domains = "shop", "The Shop", []string{"shop.example"}
	here.Address, here.UserAgent, here.Browser = new("192.0.2.7"), new(firefox), &api.BrowserName{Name: "Firefox", System: "Windows"}
	here.Place = &api.Place{City: new("Shanghai"), Country: new("CN")}
	there.Id, there.At, there.AuthTime, there.EndedAt = "L1", noon, noon, new(noon.Add(time.Minute))
	there.Client.Id, there.Client.Name, there.Client.Domains = "gone", "gone", []string{} // no longer registered: its id
	if want := []api.Login{here, there}; !reflect.DeepEqual(list.Logins, want) {
		t.Errorf("got\n%+v\nwant\n%+v", list.Logins, want)
	}
}

func TestWhatIsNotKnownOfALoginIsLeftOut(t *testing.T) {
	for what, c := range map[string]struct {
		address, userAgent string
		place              *api.Place
	}{
		"nothing":              {},
		"a program, nowhere":   {address: "192.0.2.1", userAgent: "curl/8.17.0"},
		"no address":           {address: "not an address", userAgent: "Your Bank (approved)"},
		"a country, no city":   {address: "192.0.2.2", place: &api.Place{Country: new("CN")}},
		"a city in no country": {address: "2001:db8::1", place: &api.Place{City: new("Nowhere")}},
	} {
		k := newKit(t)
		k.places["192.0.2.2"], k.places["2001:db8::1"] = place.Place{Country: "CN"}, place.Place{City: "Nowhere"}
		k.rows = []identity.Login{{ID: "L", Client: "shop", Account: "ann", Address: c.address, UserAgent: c.userAgent, At: noon, AuthTime: noon}}
		var list api.LoginList
		k.phoneOf("ann").send(http.MethodGet, "/phone/logins", nil, &list)
		if got := list.Logins[0]; got.Browser != nil || !reflect.DeepEqual(got.Place, c.place) {
			t.Errorf("%s: %+v, %+v", what, got.Browser, got.Place)
		}
	}
}

func TestAListOfLoginsHasAtMostAHundred(t *testing.T) {
	k := newKit(t)
	for range 150 {
		k.rows = append(k.rows, identity.Login{ID: "L", Client: "shop", Account: "ann", At: noon, AuthTime: noon})
	}
	var list api.LoginList
	k.phoneOf("ann").send(http.MethodGet, "/phone/logins", nil, &list)
	if len(list.Logins) != 100 {
		t.Errorf("%d logins", len(list.Logins))
	}
}

func TestNoLoginsAreAnEmptyList(t *testing.T) {
	k := newKit(t)
	list := map[string]any{}
	if k.phoneOf("ann").send(http.MethodGet, "/phone/logins", nil, &list); !reflect.DeepEqual(list, map[string]any{"logins": []any{}}) {
		t.Errorf("got %v", list)
	}
}

// What ends a login, and what is kept of it. One that has ended may be ended again, and disowned still.
func TestAPhoneEndsALogin(t *testing.T) {
	for what, c := range map[string]struct {
		method, path string
		events       []string
	}{
		"end":               {http.MethodDelete, "/phone/logins/L3", []string{"login.ended ann shop L3"}},
		"end what ended":    {http.MethodDelete, "/phone/logins/L1", nil},
		"disown":            {http.MethodPost, "/phone/logins/L3/disown", []string{"login.disowned ann shop L3"}},
		"disown what ended": {http.MethodPost, "/phone/logins/L1/disown", []string{"login.disowned ann gone L1"}},
	} {
		for _, answer := range []error{nil, identity.ErrEnded} { // another request may have been faster
			k := withLogins(t)
			k.outErr = answer
			id := strings.Split(c.path, "/")[3]
			if status, code := k.phoneOf("ann").send(c.method, c.path, nil, nil); status != http.StatusNoContent {
				t.Errorf("%s (%v): %d %s", what, answer, status, code)
			}
			if !slices.Equal(k.out, []string{id}) || !slices.Equal(k.kinds(), c.events) {
				t.Errorf("%s (%v): signed out %q, kept %q", what, answer, k.out, k.kinds())
			}
		}
	}
}

// Who guesses an id learns nothing by it, and changes nothing.
func TestAnotherAccountsLoginLooksLikeNone(t *testing.T) {
	for _, id := range []string{"L2", "L4", strings.Repeat("L", 64), strings.Repeat("L", 65), "%00", "%ff", "%20", "l3"} {
		for method, path := range map[string]string{http.MethodDelete: "/phone/logins/" + id, http.MethodPost: "/phone/logins/" + id + "/disown"} {
			k := withLogins(t)
			status, code := k.phoneOf("ann").send(method, path, nil, nil)
			if status != http.StatusNotFound || code != "login-unknown" || len(k.out)+len(k.events) > 0 {
				t.Errorf("%s %s: %d %s, signed out %q, kept %q", method, path, status, code, k.out, k.kinds())
			}
		}
	}
}

// A fault is not an answer: the phone tries again. That a login was disowned is kept all the same.
func TestALoginThatCannotBeEndedIsNotCalledEnded(t *testing.T) {
	k := withLogins(t)
	k.outErr = errors.New("disk full")
	p := k.phoneOf("ann")
	for method, path := range map[string]string{http.MethodDelete: "/phone/logins/L3", http.MethodPost: "/phone/logins/L3/disown"} {
		if status, code := p.send(method, path, nil, nil); status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", method, status, code)
		}
	}
	if want := []string{"login.disowned ann shop L3"}; !slices.Equal(k.kinds(), want) {
		t.Errorf("kept %q", k.kinds())
	}
}

func TestLoginsAreForEnrolledPhonesAlone(t *testing.T) {
	k := withLogins(t)
	stranger := k.phoneOf("ann")
	clear(k.phones)
	for path, method := range map[string]string{
		"/phone/logins": http.MethodGet, "/phone/logins/L3": http.MethodDelete, "/phone/logins/L3/disown": http.MethodPost,
	} {
		if status, code := k.send(method, path, "", nil, nil); status != http.StatusUnauthorized || code != "proof-invalid" {
			t.Errorf("%s without a proof: %d %s", path, status, code)
		}
		if status, code := stranger.send(method, path, nil, nil); status != http.StatusUnauthorized || code != "device-unknown" {
			t.Errorf("%s of a stranger: %d %s", path, status, code)
		}
	}
	if len(k.out)+len(k.events) > 0 {
		t.Errorf("signed out %q, kept %q", k.out, k.kinds())
	}
}

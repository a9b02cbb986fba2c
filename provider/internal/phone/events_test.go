package phone

import (
	"net/http"
	"reflect"
	"testing"

	"qrlogin/api"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/place"
)

// What an event says is that of its login; where it has none, what was kept with it.
func TestAnEventIsShownWithWhatIsKnownOfIt(t *testing.T) {
	k := withLogins(t)
	k.places["192.0.2.7"] = place.Place{City: "Shanghai", Country: "CN"}
	k.events = []identity.AuditEvent{
		{At: noon, Kind: identity.EventDeviceEnrolled, Account: "ann", Address: "192.0.2.7", Detail: "device X"},
		{At: noon, Kind: identity.EventLoginEnded, Account: "bob", Client: "shop", Login: "L2"},
		{At: noon, Kind: identity.EventScanElsewhere, Account: "ann", Client: "shop", Address: "192.0.2.1", UserAgent: firefox},
		{At: noon, Kind: identity.EventLoginDisowned, Account: "ann", Client: "shop", Login: "L3"},
		{At: noon, Kind: identity.EventRefreshTokenReused, Account: "ann", Client: "gone", Login: "forgotten"},
	}
	shop := &api.EventClient{Id: "shop", Name: "The Shop", Domains: []string{"shop.example"}}
	words, shanghai := &api.BrowserName{Name: "Firefox", System: "Windows"}, &api.Place{City: new("Shanghai"), Country: new("CN")}
	want := []api.Event{
		{At: noon, Kind: api.RefreshTokenReused, Client: &api.EventClient{Id: "gone", Name: "gone", Domains: []string{}}, Login: new("forgotten")},
		{At: noon, Kind: api.LoginDisowned, Client: shop, Login: new("L3"), Address: new("192.0.2.7"), Browser: words, Place: shanghai},
		{At: noon, Kind: api.ScanElsewhere, Client: shop, Address: new("192.0.2.1"), Browser: words},
		{At: noon, Kind: api.DeviceEnrolled, Address: new("192.0.2.7"), Place: shanghai},
	}
	var list api.EventList
	if status, code := k.phoneOf("ann").send(http.MethodGet, "/phone/events", nil, &list); status != http.StatusOK || !reflect.DeepEqual(list.Events, want) {
		t.Errorf("%d %s: got\n%+v\nwant\n%+v", status, code, list.Events, want)
	}
}

func TestAListOfEventsHasAtMostAHundred(t *testing.T) {
	k := newKit(t)
	for range 150 {
		k.events = append(k.events, identity.AuditEvent{At: noon, Kind: identity.EventCodeStale, Account: "ann"})
	}
	var list api.EventList
	k.phoneOf("ann").send(http.MethodGet, "/phone/events", nil, &list)
	if len(list.Events) != 100 {
		t.Errorf("%d events", len(list.Events))
	}
}

func TestNoEventsAreAnEmptyList(t *testing.T) {
	k := newKit(t)
	list := map[string]any{}
	if k.phoneOf("ann").send(http.MethodGet, "/phone/events", nil, &list); !reflect.DeepEqual(list, map[string]any{"events": []any{}}) {
		t.Errorf("got %v", list)
	}
}

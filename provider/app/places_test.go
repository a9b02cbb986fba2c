package app_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

// city is where the networks of a test's file are.
type city struct {
	name, country       string
	latitude, longitude float64
}

// withPlaces gives the provider a file that says where these networks are.
func withPlaces(t testing.TB, networks map[string]city) func(*app.Config) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-City", IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, at := range networks {
		_, prefix, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(prefix, mmdbtype.Map{
			"city":     mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(at.name)}},
			"country":  mmdbtype.Map{"iso_code": mmdbtype.String(at.country)},
			"location": mmdbtype.Map{"latitude": mmdbtype.Float64(at.latitude), "longitude": mmdbtype.Float64(at.longitude)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "places.mmdb")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := tree.WriteTo(file); err != nil {
		t.Fatal(err)
	}
	return func(c *app.Config) { c.Places = path }
}

func TestALoginIsListedWithItsBrowserAndPlaceInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPlaces(t, map[string]city{"127.0.0.0/8": {"Shanghai", "CN", 31.2, 121.5}, "::1/128": {"Shanghai", "CN", 31.2, 121.5}}))
	p := w.phone("+8613800138000")
	started := w.start()
	r := w.byWatch(http.MethodGet, started, "?after=0")
	r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0")
	var view api.ChallengeView
	w.do(r).decode(t, &view)
	claim, err := p.Scan(t.Context(), (*view.Frames)[0].Code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.read(w.poll(started, "wait=5"))
	logins, err := p.Logins(t.Context())
	if err != nil || len(logins) != 1 {
		t.Fatalf("%+v %v", logins, err)
	}
	if l := logins[0]; l.Browser == nil || *l.Browser != (api.BrowserName{Name: "Firefox", System: "Windows"}) || l.Place == nil || *l.Place.City != "Shanghai" || *l.Place.Country != "CN" {
		t.Errorf("%+v, %+v", l.Browser, l.Place)
	}
}

func TestAFileOfPlacesThatIsDamagedStopsTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(path, []byte("not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	provider, err := app.New(t.Context(), app.Config{Issuer: "http://localhost:9000", Places: path})
	if err == nil {
		_ = provider.Close()
	}
	if err == nil || !strings.HasPrefix(err.Error(), "places: "+path) {
		t.Errorf("the start says %v", err)
	}
}

package place

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// city is a record as MaxMind's files have them; radius 0 is left out.
func city(name, country string, latitude, longitude float64, radius uint16) mmdbtype.Map {
	location := mmdbtype.Map{"latitude": mmdbtype.Float64(latitude), "longitude": mmdbtype.Float64(longitude)}
	if radius > 0 {
		location["accuracy_radius"] = mmdbtype.Uint16(radius)
	}
	record := mmdbtype.Map{
		"country":  mmdbtype.Map{"iso_code": mmdbtype.String(country), "names": mmdbtype.Map{"en": mmdbtype.String("a country")}},
		"location": location,
	}
	if name != "" {
		record["city"] = mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(name), "zh-CN": mmdbtype.String("某城")}}
	}
	return record
}

var networks = map[string]mmdbtype.DataType{
	"203.0.113.0/24":    city("Shanghai", "CN", 31.2222, 121.4581, 20),
	"198.51.100.0/24":   city("Munich", "DE", 48.1374, 11.5755, 0),
	"192.0.2.0/25":      city("", "CN", 35, 105, 0),            // the middle of a country
	"192.0.2.128/25":    city("Lhasa", "CN", 29.65, 91.1, 500), // somewhere around there
	"2001:db8:1::/48":   city("Shanghai", "CN", 31.2222, 121.4581, 20),
	"2001:db8:2::/48":   mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String("FR")}},
	"2001:db8:3::/48":   mmdbtype.Map{"traits": mmdbtype.Map{}},
	"2001:db8:bad::/48": mmdbtype.Map{"city": mmdbtype.String("a text where a map belongs")},
}

func writeFile(t *testing.T, options mmdbwriter.Options, networks map[string]mmdbtype.DataType) (path string) {
	t.Helper()
	options.IncludeReservedNetworks = true
	tree, err := mmdbwriter.New(options)
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range networks {
		_, prefix, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(prefix, record); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := tree.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	return write(t, file.Bytes())
}

func write(t *testing.T, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) (*Places, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	p, err := Open(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, &log
}

func TestAnAddressHasTheCityAndTheCountryThatTheFileSays(t *testing.T) {
	p, log := open(t, writeFile(t, mmdbwriter.Options{DatabaseType: "Test-City"}, networks))
	if !strings.Contains(log.String(), "Test-City") {
		t.Errorf("the log does not say what file it is: %s", log)
	}
	shanghai := Place{City: "Shanghai", Country: "CN", Latitude: 31.2222, Longitude: 121.4581, Located: true}
	for address, want := range map[string]Place{
		"203.0.113.7":        shanghai,
		"::ffff:203.0.113.7": shanghai,
		"2001:db8:1::7":      shanghai,
		"198.51.100.1":       {City: "Munich", Country: "DE", Latitude: 48.1374, Longitude: 11.5755, Located: true},
		"192.0.2.1":          {Country: "CN"}, // coordinates of a country are no place
		"192.0.2.200":        {City: "Lhasa", Country: "CN"},
		"2001:db8:2::1":      {Country: "FR"},
		"2001:db8:3::1":      {},
		"10.0.0.1":           {},
		"fe80::1%eth0":       {},
	} {
		if got, found := p.Find(netip.MustParseAddr(address)); got != want || found != (want != Place{}) {
			t.Errorf("%s: %+v, %t", address, got, found)
		}
	}
	if _, found := p.Find(netip.Addr{}); found {
		t.Error("no address is somewhere")
	}
}

func TestWithoutAFileNothingIsFound(t *testing.T) {
	var none *Places
	if place, found := none.Find(netip.MustParseAddr("203.0.113.7")); found || place != (Place{}) {
		t.Errorf("%+v", place)
	}
}

func TestAFileOfIPv4AloneDoesNotKnowIPv6(t *testing.T) {
	p, log := open(t, writeFile(t, mmdbwriter.Options{IPVersion: 4}, map[string]mmdbtype.DataType{"203.0.113.0/24": networks["203.0.113.0/24"]}))
	said := log.Len()
	if _, found := p.Find(netip.MustParseAddr("2001:db8:1::7")); found || log.Len() != said {
		t.Errorf("found %t, and the log has %s", found, log)
	}
	if place, _ := p.Find(netip.MustParseAddr("203.0.113.7")); place.City != "Shanghai" {
		t.Errorf("%+v", place)
	}
}

func TestARecordThatCannotBeReadIsNotFoundAndLoggedOnce(t *testing.T) {
	p, log := open(t, writeFile(t, mmdbwriter.Options{}, networks))
	for range 3 {
		if place, found := p.Find(netip.MustParseAddr("2001:db8:bad::1")); found || place != (Place{}) {
			t.Errorf("%+v", place)
		}
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors in the log:\n%s", n, log)
	}
}

func TestAFileThatIsNoneOfPlacesIsRefusedAtTheStart(t *testing.T) {
	good, err := os.ReadFile(writeFile(t, mmdbwriter.Options{}, networks))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ path, want string }{
		"missing":           {filepath.Join(t.TempDir(), "none"), "no such file"},
		"a folder":          {t.TempDir(), ""},
		"empty":             {write(t, nil), ""},
		"a text":            {write(t, []byte("not a database\n")), ""},
		"cut off":           {write(t, good[:len(good)*2/3]), ""},
		"its tree wiped":    {write(t, append(bytes.Repeat([]byte{0xff}, 500), good[500:]...)), "damaged"},
		"of networks alone": {writeFile(t, mmdbwriter.Options{DatabaseType: "Test-ASN"}, map[string]mmdbtype.DataType{"203.0.113.0/24": mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64500)}}), `it holds no places, but "Test-ASN"`},
		"of another shape":  {writeFile(t, mmdbwriter.Options{}, map[string]mmdbtype.DataType{"203.0.113.0/24": mmdbtype.Map{"city": mmdbtype.String("Shanghai")}}), "not those of GeoIP2 City"},
		"without networks":  {writeFile(t, mmdbwriter.Options{DatabaseType: "Empty"}, nil), `it holds no places, but "Empty"`},
	} {
		p, err := Open(c.path, slog.New(slog.DiscardHandler))
		if p != nil || err == nil || !strings.HasPrefix(err.Error(), "places: "+c.path+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Whoever updates a file with a download on top of it takes the memory away in which it is read.
func TestAFileThatIsOverwrittenInUseStopsNobody(t *testing.T) {
	path := writeFile(t, mmdbwriter.Options{}, networks)
	p, log := open(t, path)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, found := p.Find(netip.MustParseAddr("203.0.113.7")); found || !strings.Contains(log.String(), "replace it by renaming") {
		t.Errorf("found %t; the log has %s", found, log)
	}
}

func TestNothingIsFoundOnceItIsClosed(t *testing.T) {
	p, _ := open(t, writeFile(t, mmdbwriter.Options{}, networks))
	var lookups sync.WaitGroup
	for range 4 {
		lookups.Go(func() {
			for range 1000 {
				p.Find(netip.MustParseAddr("203.0.113.7"))
			}
		})
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	lookups.Wait()
	if _, found := p.Find(netip.MustParseAddr("203.0.113.7")); found {
		t.Error("found in a file that is closed")
	}
	if err := p.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

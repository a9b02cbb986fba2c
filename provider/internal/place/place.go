package place

import "math"

// Place is where an address is, as far as the file knows.
type Place struct {
	City                string // in English; "" when unknown
	Country             string // two letters (ISO 3166-1); "" when unknown
	Latitude, Longitude float64
	Located             bool // the coordinates are known, and as exact as [Same] needs them
}

// near is how far apart two addresses in one place may be, in kilometres. A city with its surroundings is as large, and no file is
// much more exact. A phone that uses a mobile network is where the network's gateway is, often in another city: that two places
// are the same says something, that they differ says little.
const near = 50

// Same tells whether two places are the same: their coordinates are within 50 km. Without coordinates they never are, for a country
// is no place: all of a large one's phones would be together.
func Same(a, b Place) bool {
	return a.Located && b.Located && distance(a, b) <= near
}

// distance is the great circle between the two, in kilometres.
func distance(a, b Place) float64 {
	const radius, degree = 6371, math.Pi / 180
	square := func(x float64) float64 { return x * x }
	h := square(math.Sin((b.Latitude-a.Latitude)*degree/2)) +
		math.Cos(a.Latitude*degree)*math.Cos(b.Latitude*degree)*square(math.Sin((b.Longitude-a.Longitude)*degree/2))
	return 2 * radius * math.Asin(math.Sqrt(min(1, h)))
}

// record is what a file says of a network, as far as it is read: the fields of MaxMind's City and Country files and of those like them.
type record struct {
	City struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
		Radius    uint16   `maxminddb:"accuracy_radius"` // in kilometres; 0 where the file does not say
	} `maxminddb:"location"`
}

// place is what is known of it. Where no city is known, coordinates are the middle of a region or a country, and a radius says
// how wrong they may be: what is vaguer than the comparison is not compared.
func (r record) place() (Place, bool) {
	p := Place{City: r.City.Names.English, Country: r.Country.Code}
	if at := r.Location; p.City != "" && at.Latitude != nil && at.Longitude != nil && at.Radius <= near {
		p.Latitude, p.Longitude, p.Located = *at.Latitude, *at.Longitude, true
	}
	return p, p.City != "" || p.Country != ""
}

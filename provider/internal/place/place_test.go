package place

import "testing"

func TestPlacesWithinFiftyKilometresAreTheSame(t *testing.T) {
	at := func(latitude, longitude float64) Place {
		return Place{City: "x", Country: "CN", Latitude: latitude, Longitude: longitude, Located: true}
	}
	shanghai, suzhou, munich := at(31.2222, 121.4581), at(31.3041, 120.5954), at(48.1374, 11.5755)
	country := Place{City: "x", Country: "CN"}
	for what, c := range map[string]struct {
		a, b Place
		same bool
	}{
		"one place":              {shanghai, shanghai, true},
		"a city and its suburb":  {shanghai, at(31.03, 121.22), true},
		"just within":            {at(0, 0), at(0.449, 0), true},
		"just beyond":            {at(0, 0), at(0.451, 0), false},
		"the next city":          {shanghai, suzhou, false},
		"another country":        {shanghai, munich, false},
		"across the date line":   {at(0, 179.9), at(0, -179.9), true},
		"at a pole":              {at(90, 0), at(90, 180), true},
		"antipodes":              {at(0, 0), at(0, 180), false},
		"no coordinates at all":  {country, country, false},
		"coordinates on one end": {shanghai, country, false},
		"nothing":                {Place{}, Place{}, false},
	} {
		if Same(c.a, c.b) != c.same || Same(c.b, c.a) != c.same {
			t.Errorf("%s: the same is not %t (%.1f km)", what, c.same, distance(c.a, c.b))
		}
	}
}

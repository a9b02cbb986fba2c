package sqlstore

import (
	"fmt"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

var clientSuite = map[string]func(*testing.T, *DB){
	"AClientComesBackAsItWasPut": func(t *testing.T, db *DB) {
		for _, want := range []identity.Client{shop, {ID: "bare", Name: "x", SigningAlg: "ES256", CreatedAt: at(1)}} {
			must(t, db.PutClient(t.Context(), want))
			got, err := db.Client(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		}
	},

	"EachSwitchOfAClientIsKeptByItself": func(t *testing.T, db *DB) {
		for i, want := range []identity.Client{{Policy: identity.Policy{Preset: "relaxed"}}, {PKCEOptional: true}, {RequirePAR: true}} {
			want.ID, want.SigningAlg, want.CreatedAt = fmt.Sprint(i), "ES256", at(0)
			every := want
			every.Policy, every.PKCEOptional, every.RequirePAR = identity.Policy{Preset: "relaxed"}, true, true
			must(t, db.PutClient(t.Context(), every))
			must(t, db.PutClient(t.Context(), want))
			got, err := db.Client(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		}
	},

	"AClientThatNamesNoAlgorithmHasES256": func(t *testing.T, db *DB) {
		must(t, db.PutClient(t.Context(), identity.Client{ID: "bare"}))
		got, err := db.Client(t.Context(), "bare")
		must(t, err)
		same(t, got.SigningAlg, "ES256")
	},

	"ASecondPutReplacesAllButTheTimeOfCreation": func(t *testing.T, db *DB) {
		must(t, db.PutClient(t.Context(), shop))
		want := identity.Client{
			ID: "shop", Name: "New", Origins: []string{"https://new.example"}, Scopes: []string{"openid"}, SigningAlg: "ES256", CreatedAt: at(9),
		}
		must(t, db.PutClient(t.Context(), want))
		want.CreatedAt = shop.CreatedAt
		got, err := db.Client(t.Context(), "shop")
		must(t, err)
		same(t, got, want)
		if !got.Public() {
			t.Error("the old secret is still there")
		}
		wantOrigins(t, db, map[string]bool{"https://new.example": true, "https://shop.example": false, "https://www.shop.example": false})
	},

	"AnUnknownClientIsRefused": func(t *testing.T, db *DB) {
		_, err := db.Client(t.Context(), "shop")
		same(t, err, identity.ErrUnknownClient)
		same(t, db.RemoveClient(t.Context(), "shop"), identity.ErrUnknownClient)
	},

	"ARemovedClientIsUnknownAndItsOriginsTooUnlessAnotherHasThem": func(t *testing.T, db *DB) {
		ctx := t.Context()
		other := identity.Client{ID: "other", Origins: shop.Origins[:1], SigningAlg: "ES256", CreatedAt: at(1)}
		must(t, db.PutClient(ctx, shop))
		must(t, db.PutClient(ctx, other))
		must(t, db.RemoveClient(ctx, "shop"))
		_, err := db.Client(ctx, "shop")
		same(t, err, identity.ErrUnknownClient)
		same(t, db.RemoveClient(ctx, "shop"), identity.ErrUnknownClient)
		wantOrigins(t, db, map[string]bool{"https://shop.example": true, "https://www.shop.example": false})
		list, err := db.Clients(ctx)
		must(t, err)
		same(t, list, []identity.Client{other})
	},

	"ClientsAreListedById": func(t *testing.T, db *DB) {
		list, err := db.Clients(t.Context())
		must(t, err)
		same(t, len(list), 0)
		for _, id := range []string{"c", "a", "b", "B", "_"} {
			must(t, db.PutClient(t.Context(), identity.Client{ID: id, CreatedAt: at(0)}))
		}
		list, err = db.Clients(t.Context())
		must(t, err)
		var ids []string
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		same(t, ids, []string{"B", "_", "a", "b", "c"}) // by their bytes, not as in a dictionary
	},

	"OnlyAWholeOriginIsRegistered": func(t *testing.T, db *DB) {
		must(t, db.PutClient(t.Context(), shop))
		wantOrigins(t, db, map[string]bool{
			"https://shop.example": true, "https://www.shop.example": true,
			"https://shop.exampl": false, "https://shop.example.evil.example": false, "http://shop.example": false,
			"https://SHOP.example": false, "https://shop.example https://www.shop.example": false, "": false, "null": false, "%": false,
		})
	},

	"AnOriginTwiceInOneClientIsNoError": func(t *testing.T, db *DB) {
		c := identity.Client{ID: "twice", Origins: []string{"https://a.example", "https://a.example"}, SigningAlg: "ES256", CreatedAt: at(0)}
		must(t, db.PutClient(t.Context(), c))
		got, err := db.Client(t.Context(), "twice")
		must(t, err)
		same(t, got, c)
	},

	"WhatWouldComeBackAsTwoIsRefused": func(t *testing.T, db *DB) {
		for _, s := range []string{"", " ", "a b", "a\nb", "a\u00a0b", "\t"} {
			clients := []identity.Client{
				{Origins: []string{"https://ok.example", s}}, {RedirectURIs: []string{s}}, {PostLogoutRedirectURIs: []string{s}},
				{Scopes: []string{s}}, {Resources: []string{s}}, {DetailTypes: []string{s}},
			}
			if s != "" {
				clients = append(clients, identity.Client{BackchannelLogoutURI: s}, identity.Client{LogoURI: s}, identity.Client{JWKSURI: s},
					identity.Client{SigningAlg: s})
			}
			for _, c := range clients {
				c.ID = "x"
				if err := db.PutClient(t.Context(), c); err == nil {
					t.Errorf("%+v was taken", c)
				}
			}
		}
		_, err := db.Client(t.Context(), "x")
		same(t, err, identity.ErrUnknownClient)
		wantOrigins(t, db, map[string]bool{"https://ok.example": false})
	},

	"AZeroTimeIsNow": func(t *testing.T, db *DB) {
		before := time.Now().Truncate(time.Millisecond)
		must(t, db.PutClient(t.Context(), identity.Client{ID: "now"}))
		c, err := db.Client(t.Context(), "now")
		must(t, err)
		if c.CreatedAt.Before(before) || c.CreatedAt.After(time.Now()) {
			t.Errorf("created at %s", c.CreatedAt)
		}
	},

	"OfSixtyFourPutsOfAClientAtOnceOneStandsWithItsOrigins": func(t *testing.T, db *DB) {
		origins := make(map[string]bool, 64)
		for i := range 64 {
			origins[fmt.Sprintf("https://%d.example", i)] = false
		}
		atOnce(64, func(i int) {
			c := identity.Client{ID: "c", Origins: []string{fmt.Sprintf("https://%d.example", i)}}
			if err := db.PutClient(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
		c, err := db.Client(t.Context(), "c")
		must(t, err)
		origins[c.Origins[0]] = true
		wantOrigins(t, db, origins)
	},

	"AReaderNeverSeesHalfAClient": func(t *testing.T, db *DB) {
		ctx := t.Context()
		version := func(n int) identity.Client {
			s := fmt.Sprint(n)
			return identity.Client{ID: "c", Name: s, Sector: s, Scopes: []string{s}, Origins: []string{"https://" + s + ".example"}, CreatedAt: at(0)}
		}
		must(t, db.PutClient(ctx, version(0)))
		atOnce(8, func(i int) {
			for n := range 25 {
				if i == 0 {
					if err := db.PutClient(ctx, version(n)); err != nil {
						t.Error(err)
					}
					continue
				}
				c, err := db.Client(ctx, "c")
				if err != nil || c.Sector != c.Name || c.Scopes[0] != c.Name || c.Origins[0] != "https://"+c.Name+".example" {
					t.Errorf("%+v, %v", c, err)
				}
			}
		})
	},
}

func wantOrigins(t *testing.T, db *DB, want map[string]bool) {
	t.Helper()
	for origin, registered := range want {
		got, err := db.RegisteredOrigin(t.Context(), origin)
		must(t, err)
		if got != registered {
			t.Errorf("RegisteredOrigin(%q) = %t", origin, got)
		}
	}
}
